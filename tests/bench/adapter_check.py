#!/usr/bin/env python3
"""Adapters against PEFT on real models, both ways.

    cmake --build build --target adapter_check
    tests/bench/adapter_check.py MODELFOLDER[=FILE.gguf]… [--binary build/bin/adapter_check]

For each model folder: random adapters by PEFT and its logits; nalar's logits with each, over the folder or
the GGUF file of the same weights; then the adapter that nalar writes, opened by PEFT. Prints
max |difference| / max |logit| of both; ends with 1 when one is above 1e-4. Needs torch, transformers, peft.
"""

import argparse
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

CASES = {
    "all linears": dict(r=16, lora_alpha=32, target_modules="all-linear"),
    "rslora": dict(r=8, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj"]),
    "patterns": dict(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"],
                     rank_pattern={"down_proj": 6}, alpha_pattern={r"layers\.1\.self_attn\.q_proj": 3}),
    "embeddings": dict(r=4, lora_alpha=8, target_modules=["embed_tokens", "lm_head", "o_proj"]),
}
LENGTH = 48


def base_of(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def logits_of(model, ids):
    return np.ascontiguousarray(model(ids[None]).logits[0].numpy())


def check(folder, gguf, name, arguments, binary, work):
    made, written = work / "made", work / "written"
    model = get_peft_model(base_of(folder), LoraConfig(task_type="CAUSAL_LM", **arguments)).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter, p in sorted(model.named_parameters()):
        if "lora_" in parameter:
            p.copy_(torch.randn(p.shape, generator=generator) * 0.2 / math.sqrt(p.shape[-1]))
    model.save_pretrained(made, save_embedding_layers=False)
    ids = torch.randint(0, model.config.vocab_size, (LENGTH,), generator=generator)
    want = logits_of(model, ids)
    reference = work / "reference.safetensors"
    save_file({"ids": ids.numpy().astype(np.int32), "logits": want}, reference)
    ours = subprocess.run([binary, gguf or folder, made, reference, written], capture_output=True, text=True, check=False)
    if ours.returncode > 1:
        sys.exit(ours.stderr)
    again = logits_of(PeftModel.from_pretrained(base_of(folder), written).eval(), ids)
    back = float(np.abs(again - want).max() / np.abs(want).max())
    print(f"{os.path.basename(os.path.normpath(gguf or folder))}, {name}: read here {ours.stdout.strip()}, "
          f"written here {back:.2e}", flush=True)
    return ours.returncode == 0 and back <= 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--binary", default="build/bin/adapter_check")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    good = True
    for model in arguments.models:
        folder, _, gguf = model.partition("=")
        for name, case in CASES.items():
            with tempfile.TemporaryDirectory(prefix="adapter-check-") as work:
                good &= check(folder, gguf, name, case, arguments.binary, pathlib.Path(work))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
