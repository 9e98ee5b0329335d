#!/usr/bin/env python3
"""Trains the same adapter on the same batches with nalar and with PEFT, and compares them step by step.

  scripts/compare_peft.py MODEL… [--nalar build/bin/nalar] [--steps 50] [--lr 1e-3] [--rows FILE.jsonl] [--dtype bf16]

MODEL: folders as Hugging Face lays them out; one without a tokenizer gets a makeshift one, since the rows are token ids
(FILE.jsonl with input_ids and labels, else random ones). Prints, for each, the largest relative difference of the loss
of an update, and the largest ‖ΔW − ΔW_peft‖ / ‖ΔW_peft‖ over the modules (Frobenius, ΔW = scale · B · A); ends with 1
where the first is over 1e-4 or the second over 1e-2. With --dtype bf16 nalar computes in bf16 and is compared with
PEFT's fp32; the limits are what PEFT's own bf16 differs by. Needs torch, transformers, peft and safetensors.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

LOSS_LIMIT, WEIGHT_LIMIT = 1e-4, 1e-2
RANK, ALPHA, BATCH = 8, 16, 4
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def with_tokenizer(folder, vocab_size, target):
    """The folder itself, or a copy with a tokenizer that has a token for each id."""
    if any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        return folder
    shutil.copytree(folder, target)
    vocab = {f"<{i}>": i for i in range(vocab_size)}
    (target / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None,
        "decoder": None, "model": {"type": "BPE", "vocab": vocab, "merges": []}}))
    (target / "tokenizer_config.json").write_text("{}")
    return target


def random_rows(vocab_size, n=24):
    draw = random.Random(0)
    rows = []
    for _ in range(n):
        ids = [draw.randrange(vocab_size) for _ in range(draw.randint(6, 48))]
        known = draw.randint(1, len(ids) // 2)
        rows.append({"input_ids": ids, "labels": [-100] * known + ids[known:]})
    return rows


def batches(rows, steps):
    """The rows in their order, epoch after epoch; the last batch of one may be smaller."""
    epoch = [rows[i:i + BATCH] for i in range(0, len(rows), BATCH)]
    return [epoch[step % len(epoch)] for step in range(steps)]


def train_peft(model, rows, recipe):
    steps, lr, _ = recipe
    import torch
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
    losses = []
    for batch in batches(rows, steps):
        longest = max(len(row["input_ids"]) for row in batch)
        padded = {key: torch.tensor([row[key] + [fill] * (longest - len(row[key])) for row in batch])
                  for key, fill in (("input_ids", 0), ("labels", -100))}
        mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in batch])
        loss = model(attention_mask=mask, **padded).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses


def train_nalar(binary, model, start, rows, recipe, folder):
    steps, lr, dtype = recipe
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = folder / "out"
    subprocess.run([binary, "finetune", model, data, "-o", out, "--adapter", start, "--no-shuffle", "--batch-rows",
                    str(BATCH), "--steps", str(steps), "--schedule", "constant", "--warmup", "0", "--lr", str(lr),
                    "--clip", "1", "--dtype", dtype, "--device", "cpu", "--valid-split", "0", "-q"],
                   check=True, stdout=subprocess.DEVNULL)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in log if "loss" in line], out


def deltas(path):
    """ΔW of each module of an adapter's file."""
    from safetensors.torch import load_file
    tensors = load_file(path)
    return {name.replace(".lora_A.weight", ""): ALPHA / RANK * (
                tensors[name.replace("lora_A", "lora_B")].double() @ tensor.double())
            for name, tensor in tensors.items() if ".lora_A." in name}


class Distance:
    """Of a training from PEFT's in fp32: the largest of its losses, of the changes of its weights."""

    def __init__(self, losses, adapter, exact_losses, exact_adapter):
        self.loss = max(abs(a - b) / abs(b) for a, b in zip(losses, exact_losses, strict=True))
        a, b = (deltas(path / "adapter_model.safetensors") for path in (adapter, exact_adapter))
        assert a.keys() == b.keys(), sorted(a.keys() ^ b.keys())
        self.weight, self.worst = max((float((a[k] - b[k]).norm() / b[k].norm()), k) for k in a)
        self.modules = len(a)

    def __str__(self):
        return (f"largest difference of losses {self.loss:.1e}, of {self.modules} ΔW {self.weight:.1e} "
                f"({self.worst.removeprefix('base_model.model.')})")


def compare(binary, path, recipe, rows_path):
    steps, _, dtype = recipe
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM
    with tempfile.TemporaryDirectory(prefix="compare-peft-") as folder:
        folder = pathlib.Path(folder)
        base = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        vocab_size = base.get_input_embeddings().weight.shape[0]
        rows = [json.loads(line) for line in open(rows_path, encoding="utf-8")] if rows_path else \
            random_rows(vocab_size)
        torch.manual_seed(1)
        model = get_peft_model(base, LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=LINEARS,
                                                task_type="CAUSAL_LM", bias="none"))
        model.save_pretrained(folder / "start")
        ours, out = train_nalar(binary, with_tokenizer(path, vocab_size, folder / "model"), folder / "start", rows, recipe,
                                folder)
        theirs = train_peft(model, rows, recipe)
        model.save_pretrained(folder / "peft")
        distance = Distance(ours, out, theirs, folder / "peft")
        print(f"{path.name}: loss {theirs[0]:.4f} → {theirs[-1]:.4f} in {steps} updates; {distance}", flush=True)
        loss_limit, weight_limit = LOSS_LIMIT, WEIGHT_LIMIT
        if dtype == "bf16":
            half = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16),
                                             folder / "start", is_trainable=True)
            losses = train_peft(half, rows, recipe)
            half.save_pretrained(folder / "half")
            limit = Distance(losses, folder / "half", theirs, folder / "peft")
            print(f"{'':{len(path.name)}}  PEFT in bf16: {limit}", flush=True)
            loss_limit, weight_limit = limit.loss, limit.weight
        return distance.loss <= loss_limit and distance.weight <= weight_limit


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path, metavar="MODEL")
    parser.add_argument("--nalar", default="build/bin/nalar")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--rows", type=pathlib.Path)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    arguments = parser.parse_args()
    recipe = arguments.steps, arguments.lr, arguments.dtype
    good = [compare(arguments.nalar, model, recipe, arguments.rows) for model in arguments.models]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
