#!/usr/bin/env python3
"""Writes tests/golden/gguf: what the format's own Python writer (PyPI gguf) makes of keys and tensors
that tests/unit/io/gguf_writer_test.cpp builds as well. Needs: pip install gguf."""

import pathlib

import gguf
import numpy

Q8_0, Q4_K = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_K


def write(path, alignment):
    writer = gguf.GGUFWriter(path, arch="test")  # general.architecture comes first
    writer.add_uint32("a.u32", 3)
    writer.add_uint64("a.u64", 1 << 40)
    writer.add_int32("a.i32", -3)
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "\u00e9 \n")
    writer.add_array("a.texts", ["", "one", "\u00e9"])
    writer.add_array("a.numbers", [1, -2, 3])
    writer.add_array("a.floats", [0.5, -1.5])
    writer.add_array("a.bools", [True, False])
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_tensor("vector", numpy.arange(5, dtype=numpy.float32))
    writer.add_tensor("half", numpy.arange(12, dtype=numpy.float16).reshape(2, 3, 2))
    # Blocks of no meaning: bytes are passed on as they are.
    writer.add_tensor("q8", numpy.arange(2 * 34, dtype=numpy.uint8).reshape(2, 34), raw_dtype=Q8_0)
    writer.add_tensor("q4", numpy.arange(144, dtype=numpy.uint8).reshape(1, 144), raw_dtype=Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/gguf"
    folder.mkdir(exist_ok=True)
    write(folder / "every_kind.gguf", None)
    write(folder / "aligned.gguf", 64)


if __name__ == "__main__":
    main()
