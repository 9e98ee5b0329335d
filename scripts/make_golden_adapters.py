#!/usr/bin/env python3
"""Makes tests/golden/adapters: adapters that PEFT wrote for the models of tests/golden/models, with its logits.

    scripts/make_golden_adapters.py [tests/golden]

Needs from PyPI: torch==2.15.0 transformers==5.24.0 peft==0.21.2 safetensors numpy. The same versions give the
same bytes. For each CASE below of a model:

    MODEL/CASE/adapter_config.json, adapter_model.safetensors   as PEFT's save_pretrained writes them
    MODEL/CASE/reference.safetensors                            ids (I32 [T]) and logits (F32 [T, V]), float32
    MODEL/two.safetensors                                       the same of two adapters, see TWO
"""

import json
import math
import os
import shutil
import sys
import warnings

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import save_file
from safetensors.torch import load_file as load_torch, save_file as save_torch
from transformers import AutoModelForCausalLM

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# model → case → arguments of LoraConfig; "store" is the type that the file is rewritten in.
CASES = {
    "llama-llama3": {
        "plain": dict(r=4, lora_alpha=8, target_modules="all-linear"),
        "rslora": dict(r=8, lora_alpha=4, use_rslora=True, target_modules=["q_proj", "k_proj", "down_proj"]),
        # A tied head with matrices of its own; PEFT saves the base's embedding along.
        "head": dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "lm_head", "v_proj"]),
        "saved": dict(r=2, lora_alpha=2, target_modules=["o_proj"], modules_to_save=["q_proj", "lm_head"]),
    },
    "llama-bias": {
        "patterns": dict(
            r=4, lora_alpha=6, target_modules=r".*\.(q_proj|k_proj|up_proj|down_proj)",
            rank_pattern={"^model.layers.0.self_attn.q_proj": 2, r"mlp\.[du]\w+_proj": 5},
            alpha_pattern={"layers.1.self_attn.k_proj": 11, "up_proj": 3}),
        "saved-bias": dict(r=4, lora_alpha=4, target_modules=["v_proj"], modules_to_save=["k_proj", "down_proj"],
                           fan_in_fan_out=True),
    },
    "mistral-window": {"bf16": dict(r=4, lora_alpha=8, target_modules=LINEARS, store=torch.bfloat16)},
    "qwen2-bias": {
        "f16": dict(r=4, lora_alpha=8, target_modules=LINEARS, store=torch.float16),
        "saved": dict(r=2, lora_alpha=4, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]),
    },
    "qwen2-yarn": {"layers": dict(r=4, lora_alpha=8, target_modules=["q_proj", "gate_proj"], layers_to_transform=[1])},
    "qwen3": {
        "tied": dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "q_proj"], ensure_weight_tying=True),
        "tied-saved": dict(r=3, lora_alpha=6, target_modules=["k_proj"], modules_to_save=["embed_tokens"],
                           ensure_weight_tying=True),
        "untied-saved": dict(r=3, lora_alpha=6, target_modules=["k_proj"], modules_to_save=["embed_tokens"]),
    },
    "gemma3": {
        "plain": dict(r=4, lora_alpha=8, target_modules="all-linear"),
        "embedding": dict(r=3, lora_alpha=9, target_modules=["embed_tokens", "o_proj"]),
    },
}
TWO = ("llama-llama3", (("plain", 0.75), ("rslora", -1.5)))
LENGTH = 12


def base_of(root, name):
    model = AutoModelForCausalLM.from_pretrained(os.path.join(root, "models", name), dtype=torch.float32,
                                                 attn_implementation="eager")
    return model.eval()


def randomize(model, seed):
    """What is trained, large enough to move the logits."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        values = torch.randn(p.shape, generator=generator)
        if "lora_" in name:
            p.data.copy_(values / math.sqrt(p.shape[-1]))
        elif "modules_to_save" in name:
            p.data.add_(0.3 * values * p.data.std())


@torch.inference_mode()
def write_reference(path, model, vocab_size, seed):
    ids = torch.randint(0, vocab_size, (LENGTH,), generator=torch.Generator().manual_seed(seed))
    logits = model(ids[None]).logits[0].numpy()
    save_file({"ids": ids.numpy().astype(np.int32), "logits": np.ascontiguousarray(logits)}, path)
    os.chmod(path, 0o644)
    return logits


def make(root, out, name, case, arguments, seed):
    store = arguments.pop("store", None)
    base = base_of(root, name)
    vocab_size = base.config.vocab_size
    before = base(torch.arange(3)[None]).logits
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **arguments)).eval()
    randomize(model, seed)
    model.peft_config["default"].base_model_name_or_path = name
    folder = os.path.join(out, name, case)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    weights = os.path.join(folder, "adapter_model.safetensors")
    if store:
        save_torch({k: v.to(store) for k, v in load_torch(weights).items()}, weights, {"format": "pt"})
    os.chmod(weights, 0o644)
    path = os.path.join(folder, "adapter_config.json")
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    if isinstance(config["target_modules"], list):  # from a set, whose order differs from run to run
        config["target_modules"].sort()
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps({k: v for k, v in config.items() if v is not None}, indent=1, sort_keys=True) + "\n")
    # As a reader gets it.
    model = PeftModel.from_pretrained(base_of(root, name), folder).eval()
    write_reference(os.path.join(folder, "reference.safetensors"), model, vocab_size, seed)
    after = model(torch.arange(3)[None]).logits
    print(f"{name}/{case}: moves the logits by {(after - before).abs().max() / before.abs().max():.2f} of the largest")


def make_two(root, out):
    name, uses = TWO
    model = None
    for case, scale in uses:
        folder = os.path.join(out, name, case)
        if model is None:
            model = PeftModel.from_pretrained(base_of(root, name), folder, adapter_name=case)
        else:
            model.load_adapter(folder, adapter_name=case)
        for module in model.modules():
            if hasattr(module, "set_scale") and case in module.scaling:
                module.set_scale(case, scale)
    model.base_model.set_adapter([case for case, _ in uses])
    write_reference(os.path.join(out, name, "two.safetensors"), model.eval(), 48, 99)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../tests/golden")
    out = os.path.join(root, "adapters")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(out, ignore_errors=True)
    seed = 0
    for name, cases in CASES.items():
        for case, arguments in cases.items():
            make(root, out, name, case, dict(arguments), seed)
            seed += 1
    make_two(root, out)


if __name__ == "__main__":
    main()
