#!/usr/bin/env python3
"""Writes tests/golden/kernels/dequantize.txt: random blocks of every quantized type and what gguf-py makes of them.

A line: type, the bytes of 256 elements in hex, their fp32 values as the hex of little-endian words.
Needs gguf==0.19.0 and numpy.
"""
import pathlib

import gguf
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/kernels/dequantize.txt"
# Where a block holds halves: offsets that need a finite value.
HALVES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_XS": [0],
}


def main():
    rng = np.random.default_rng(20260131)
    lines = []
    for name, halves in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (256 // elements, size), dtype=np.uint8)
        for block in blocks:
            for at in halves:
                value = np.float16(rng.normal() * 10.0 ** rng.integers(-6, 3))  # some are subnormal
                block[at:at + 2] = np.frombuffer(value.tobytes(), np.uint8)
        values = gguf.quants.dequantize(blocks.reshape(1, -1), kind).astype("<f4")
        assert values.size == 256
        lines.append(f"{name} {blocks.tobytes().hex()} {values.tobytes().hex()}\n")
    OUT.write_text("".join(lines))


if __name__ == "__main__":
    main()
