#!/usr/bin/env python3
"""Greedy reference of a real GGUF model, from transformers in float32 on the dequantized weights.

    scripts/make_reference_logits.py MODEL.gguf OUT_DIR [--hf-folder DIR] [--steps 128]

Needs from PyPI: torch==2.15.0 transformers==5.23.0 gguf==0.19.0 safetensors numpy. Not part of the tests of a
clone: the output of a large model is made where the model is.

OUT_DIR/reference.safetensors holds, for P prompts of L tokens and S greedy steps each:
    prompt_ids   I32 [P, L]   the prompt (the first L tokens of a text, the tokenizer's BOS included)
    token_ids    I32 [P, S]   the greedy continuation; it is not ended by an end-of-text token
    second_ids   I32 [P, S]   the second best token of each step
    best_logits, second_logits, max_abs_logits   F32 [P, S]   of the step that chose token_ids[p, s]
A reader feeds prompt_ids + token_ids to another engine; its best token at step s must be token_ids[p, s],
unless best - second <= 1e-3 * max_abs. OUT_DIR/reference.json says what made it.
"""

import argparse
import hashlib
import json
import os
import time

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

# All of them longer than PROMPT_TOKENS tokens, so that the batch needs no padding.
PROMPT_TOKENS = 32
PROMPTS = [
    "The history of the printing press begins in the fifteenth century, when a goldsmith from Mainz combined "
    "movable type, oil-based ink and a screw press into one machine that could",
    "Once upon a time there was a little girl who lived at the edge of a dark forest with her grandmother. Every "
    "morning she went to the well to fetch water, and one day she",
    "def quicksort(items):\n    if len(items) <= 1:\n        return items\n    pivot = items[len(items) // 2]\n"
    "    left = [x for x in items if x < pivot]\n    middle =",
    "Question: A train leaves the station at 9:15 and travels 240 kilometres at a constant speed of 80 kilometres "
    "per hour. At what time does it arrive? Answer: Let us think step by step.",
    "Photosynthesis is the process by which green plants and some other organisms use sunlight to make food from "
    "carbon dioxide and water. It takes place in the chloroplasts, where",
    "Die Donau ist mit einer Gesamtlänge von rund 2850 Kilometern nach der Wolga der zweitlängste Fluss in Europa. "
    "Sie entspringt im Schwarzwald und mündet",
    "Indonesia adalah negara kepulauan terbesar di dunia dengan lebih dari tujuh belas ribu pulau. Ibu kotanya "
    "terletak di pulau Jawa, dan bahasa resminya adalah",
    "Here are the ingredients for a simple tomato soup: 1 kg ripe tomatoes, 1 onion, 2 cloves of garlic, 3 "
    "tablespoons of olive oil, salt and pepper. First, heat the oil and",
    "#include <cstdio>\n#include <vector>\n\n// Returns the sum of all even numbers in values.\nint sum_even(const "
    "std::vector<int>& values) {\n  int total = 0;\n  for (",
    "Dear Ms. Tanaka,\n\nThank you for your letter of 12 March. I am writing to confirm that the meeting of the "
    "committee will take place on Thursday at half past ten in",
    "In mathematics, a prime number is a natural number greater than 1 that is not a product of two smaller natural "
    "numbers. For example, 5 is prime because the only ways of writing it",
    "{\"name\": \"Ada\", \"born\": 1815, \"languages\": [\"English\", \"French\"], \"works\": [{\"title\": \"Notes\", "
    "\"year\": 1843}, {\"title\":",
]


def load(path):
    folder, name = os.path.split(os.path.abspath(path))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True))
    return tokenizer, model.eval()


def save_folder(tokenizer, model, out):
    for key in ("hf_quantizer", "quantization_method", "is_quantized"):
        if hasattr(model, key):
            try:
                delattr(model, key)
            except AttributeError:
                setattr(model, key, None)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


@torch.inference_mode()
def greedy(model, prompts, steps):
    """Yields (best two ids, best two logits, max |logit|) of each step for prompts [P, L]."""
    out = model(prompts, use_cache=True)
    for step in range(steps):
        logits = out.logits[:, -1].float()
        values, ids = logits.topk(2, dim=-1)
        yield ids, values, logits.abs().amax(dim=-1)
        if step + 1 < steps:
            out = model(ids[:, :1], past_key_values=out.past_key_values, use_cache=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--hf-folder", help="also save the dequantized float32 model there")
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    started = time.time()
    tokenizer, model = load(args.model)
    if args.hf_folder:
        save_folder(tokenizer, model, args.hf_folder)
    prompts = [tokenizer(text).input_ids[:PROMPT_TOKENS] for text in PROMPTS]
    short = [i for i, ids in enumerate(prompts) if len(ids) < PROMPT_TOKENS]
    if short:
        raise SystemExit(f"prompts {short} have fewer than {PROMPT_TOKENS} tokens")
    prompt_ids = torch.tensor(prompts)
    ids, values, max_abs = zip(*greedy(model, prompt_ids, args.steps))
    ids, values, max_abs = torch.stack(ids, 1), torch.stack(values, 1), torch.stack(max_abs, 1)
    arrays = {
        "prompt_ids": prompt_ids.numpy().astype(np.int32),
        "token_ids": ids[..., 0].numpy().astype(np.int32),
        "second_ids": ids[..., 1].numpy().astype(np.int32),
        "best_logits": values[..., 0].numpy(),
        "second_logits": values[..., 1].numpy(),
        "max_abs_logits": max_abs.numpy(),
    }
    os.makedirs(args.out, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()},
              os.path.join(args.out, "reference.safetensors"))
    close = (arrays["best_logits"] - arrays["second_logits"]) <= 1e-3 * arrays["max_abs_logits"]
    with open(args.model, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    about = {
        "model": os.path.basename(args.model), "sha256": digest, "torch": torch.__version__,
        "transformers": transformers.__version__, "prompts": len(prompts), "prompt_tokens": PROMPT_TOKENS,
        "steps": args.steps, "close_steps": int(close.sum()), "seconds": round(time.time() - started, 1),
        "texts": [tokenizer.decode(row) for row in arrays["token_ids"]],
    }
    with open(os.path.join(args.out, "reference.json"), "w", encoding="utf-8") as f:
        json.dump(about, f, indent=1, ensure_ascii=False)
        f.write("\n")
    print({k: v for k, v in about.items() if k != "texts"})


if __name__ == "__main__":
    main()
