#!/usr/bin/env python3
"""Writes tests/golden/safetensors: what the reference writer (PyPI safetensors) makes of tensors that
tests/unit/io/safetensors_writer_test.cpp builds as well. Needs: pip install safetensors."""

import ctypes
import pathlib

import safetensors

WIDTHS = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "float64": 8, "int64": 8, "uint64": 8,
    "float8_e4m3fn": 1, "float8_e5m2": 1,
}


def main():
    buffers = []

    def spec(dtype, shape, data):
        buffers.append(ctypes.create_string_buffer(data, len(data)))
        return safetensors.TensorSpec(dtype=dtype, shape=shape, data_len=len(data),
                                      data_ptr=ctypes.addressof(buffers[-1]))

    tensors = {}
    for i, (dtype, width) in enumerate(WIDTHS.items()):
        data = bytes((16 * i + j) % 256 for j in range(3 * width))
        tensors[f"of {dtype}"] = spec(dtype, [3], data)
    tensors['\u00e9 "quoted" \\ \n\x01'] = spec("float32", [], b"abcd")
    tensors["Z"] = spec("float32", [1, 1], b"efgh")
    tensors["empty"] = spec("float32", [0, 3], b"")
    folder = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/safetensors"
    folder.mkdir(exist_ok=True)
    (folder / "every_type.safetensors").write_bytes(
        safetensors.serialize(tensors, metadata={"format": "pt"}))
    (folder / "nothing.safetensors").write_bytes(safetensors.serialize({}, metadata=None))


if __name__ == "__main__":
    main()
