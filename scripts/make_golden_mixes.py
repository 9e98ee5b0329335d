#!/usr/bin/env python3
"""Writes tests/golden/quant/mixes.json: the type that llama-quantize gives each tensor, for models of
several shapes, and which of its options comes first. Needs: pip install gguf, and a build of llama.cpp.

  scripts/make_golden_mixes.py LLAMA_QUANTIZE
"""

import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import gguf
import numpy

MIXES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
         "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS"]
# What a choice can depend on: columns that fit blocks of 256, of 32 and none; heads to a KV head; a tied head.
MODELS = [
    {"name": "wide", "layers": 20, "width": 256, "ff": 512, "heads": 8, "kv_heads": 2, "tied": False},
    {"name": "few heads to a KV head, tied", "layers": 9, "width": 256, "ff": 256, "heads": 4, "kv_heads": 2,
     "tied": True},
    {"name": "rows of 32", "layers": 5, "width": 96, "ff": 256, "heads": 3, "kv_heads": 3, "tied": True},
    {"name": "rows that fit no block", "layers": 4, "width": 48, "ff": 80, "heads": 3, "kv_heads": 3,
     "tied": False},
]
# --output-type, --embedding-type, --tensor of nalar.
OVERRIDES = [
    {"output": "q8_0"},
    {"embedding": "q8_0"},
    {"output": "q8_0", "embedding": "q5_0"},
    {"output": "q8_0", "tensor": ["token_embd", "q5_1"]},
    {"output": "q8_0", "tensor": ["output", "q5_1"]},
    {"tensor": ["attn_v", "q4_1"]},
]


def tensors(model):
    width, ff = model["width"], model["ff"]
    kv = width // model["heads"] * model["kv_heads"]
    yield "token_embd.weight", (32, width)
    for i in range(model["layers"]):
        yield f"blk.{i}.attn_norm.weight", (width,)
        for name, shape in {"attn_q": (width, width), "attn_k": (kv, width), "attn_v": (kv, width),
                            "attn_output": (width, width), "ffn_gate": (ff, width), "ffn_up": (ff, width),
                            "ffn_down": (width, ff)}.items():
            yield f"blk.{i}.{name}.weight", shape
        yield f"blk.{i}.attn_q.bias", (width,)
        yield f"blk.{i}.ffn_norm.weight", (width,)
    yield "output_norm.weight", (width,)
    if not model["tied"]:
        yield "output.weight", (32, width)


def write_model(path, model):
    writer = gguf.GGUFWriter(path, arch="llama")
    writer.add_block_count(model["layers"])
    writer.add_context_length(64)
    writer.add_embedding_length(model["width"])
    writer.add_feed_forward_length(model["ff"])
    writer.add_head_count(model["heads"])
    writer.add_head_count_kv(model["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(32)
    for name, shape in tensors(model):
        writer.add_tensor(name, numpy.zeros(shape, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_imatrix(path, model):
    writer = gguf.GGUFWriter(path, arch="")
    writer.kv_data[0].clear()
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["text"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, shape in tensors(model):
        if len(shape) == 2:
            writer.add_tensor(name + ".in_sum2", numpy.ones((1, shape[1]), dtype=numpy.float32))
            writer.add_tensor(name + ".counts", numpy.ones((1, 1), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def types(quantize, model_file, mix, imatrix, overrides={}):
    options = ["--imatrix", str(imatrix)] if imatrix else []
    if "output" in overrides:
        options += ["--output-tensor-type", overrides["output"]]
    if "embedding" in overrides:
        options += ["--token-embedding-type", overrides["embedding"]]
    if "tensor" in overrides:
        options += ["--tensor-type", "=".join(overrides["tensor"])]
    command = [quantize, "--dry-run", *options, str(model_file), str(model_file) + ".out", mix]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    out = {}
    for line in (done.stdout + done.stderr).splitlines():
        # "[ 3/183] blk.0.attn_k.weight - [...], type = f32, size = … MiB -> … MiB (q4_K)"
        found = re.search(r"\]\s+(\S+)\s+- \[.*type =\s+(\w+), .*?size =.*?(?:-> .*\((\w+)\))?$", line)
        if found:
            out[found[1]] = (found[3] or found[2]).upper()
    return out


def runs_of(got, model):
    """Runs of one type in the order of the file, of the matrices: [["Q4_K", 3], …]."""
    assert len(got) == len(list(tensors(model))), (model["name"], len(got))
    assert all(got[name] == "F32" for name, shape in tensors(model) if len(shape) == 1)
    matrices = [got[name] for name, shape in tensors(model) if len(shape) == 2]
    return [[kind, len(list(run))] for kind, run in itertools.groupby(matrices)]


def main():
    quantize = sys.argv[1]
    cases, overridden = [], []
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            path = pathlib.Path(folder) / "model.gguf"
            imatrix = pathlib.Path(folder) / "imatrix.gguf"
            write_model(path, model)
            write_imatrix(imatrix, model)
            for mix in MIXES:
                for statistics in (False, True):
                    got = types(quantize, path, mix, imatrix if statistics else None)
                    cases.append({"model": model["name"], "mix": mix, "statistics": statistics,
                                  "types": runs_of(got, model)})
            if model["width"] % 32:
                continue  # a type that does not fit is an error in nalar
            for overrides in OVERRIDES:
                got = types(quantize, path, "Q4_0", None, overrides)
                overridden.append({"model": model["name"], "mix": "Q4_0", "statistics": False,
                                   "overrides": overrides, "types": runs_of(got, model)})
    folder = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/quant"
    folder.mkdir(exist_ok=True)
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    models = ",\n  ".join(json.dumps(model) for model in MODELS)
    more = ",\n  ".join(json.dumps(case) for case in overridden)
    (folder / "mixes.json").write_text(
        f'{{"models": [\n  {models}],\n "cases": [\n  {lines}],\n "overridden": [\n  {more}]}}\n')


if __name__ == "__main__":
    main()
