#!/usr/bin/env python3
"""What a model learns from labelled rows, by nalar and by PEFT with the same recipe and order.

  tests/bench/learning_check.py NALAR FOLDER DATA WORK [--task smsa|banking77] [--rows N] [--items N] [--skip-peft]

FOLDER: the model as a Hugging Face folder; DATA: the folder of data sets (en/, id/); WORK: where rows and adapters
go. Trains one epoch of prompt/completion rows (rank 16, alpha 32, all linear layers, AdamW, 8 rows an update), then
scores the held-out items with `nalar eval`: the share whose most likely label is the right one, before and after.
"""

import argparse
import csv
import json
import math
import pathlib
import random
import subprocess
import sys
import time

QUESTION = {"smsa": "Ulasan: {}\nSentimen:", "banking77": "Question: {}\nTopic:"}


def read_rows(task, data):
    """(text, label) to train on, and those held out."""
    if task == "smsa":
        def tsv(name):
            lines = (data / "id" / name).read_text(encoding="utf-8").splitlines()
            return [tuple(line.rsplit("\t", 1)) for line in lines if line]
        return tsv("smsa-train-first3000.tsv"), tsv("smsa-valid.tsv")
    with open(data / "en" / "banking77-train.csv", newline="", encoding="utf-8") as file:
        rows = [(row["text"].strip(), row["category"].replace("_", " ")) for row in csv.DictReader(file)]
    # The file is sorted by category: its last tenth would be categories never seen.
    return [r for i, r in enumerate(rows) if i % 10 != 9], [r for i, r in enumerate(rows) if i % 10 == 9]


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def train_with_peft(folder, rows, out, lr):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, get_cosine_schedule_with_warmup
    torch.manual_seed(0)
    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        r=16, lora_alpha=32, task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=0)
    updates = math.ceil(len(rows) / 8)
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(0.03 * updates), updates)
    for begin in range(0, len(rows), 8):
        examples = []
        for row in rows[begin:begin + 8]:
            prompt = tokenizer(row["prompt"], add_special_tokens=False).input_ids
            answer = tokenizer(row["completion"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
            examples.append((prompt + answer, [-100] * len(prompt) + answer))
        width = max(len(ids) for ids, _ in examples)
        batch = {
            "input_ids": torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in examples]),
            "labels": torch.tensor([labels + [-100] * (width - len(ids)) for ids, labels in examples]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in examples])}
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if begin // 8 % 20 == 0:
            print(f"  peft {begin // 8}/{updates} loss {loss.item():.4f}", file=sys.stderr)
    model.save_pretrained(out)


def score(nalar, folder, task_file, items_file, adapter=None):
    command = [nalar, "eval", folder, "--task", task_file, "--data", items_file, "--json"]
    if adapter:
        command += ["--adapter", adapter]
    result = json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True).stdout)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("nalar", "folder", "data", "work"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--task", choices=QUESTION, default="smsa")
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--skip-peft", action="store_true", help="score what PEFT left in WORK before")
    parser.add_argument("--peft-only", action="store_true", help="train with PEFT and end")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)

    train, held_out = read_rows(a.task, a.data)
    random.Random(7).shuffle(train)
    random.Random(7).shuffle(held_out)
    question = QUESTION[a.task]
    labels = sorted({label for _, label in train})
    rows = [{"prompt": question.format(text), "completion": " " + label} for text, label in train[:a.rows]]
    rows_file, items_file, task_file = (a.work / f"{a.task}-{n}" for n in ("rows.jsonl", "items.jsonl", "task.json"))
    write_jsonl(rows_file, rows)
    write_jsonl(items_file, [{"question": question.format(text), "choices": labels, "answer": labels.index(label)}
                             for text, label in held_out[:a.items]])
    task_file.write_text(json.dumps({
        "task": a.task, "output_type": "multiple_choice", "doc_to_text": "question", "doc_to_choice": "choices",
        "doc_to_target": "answer", "metric_list": [{"metric": "acc"}]}))

    theirs, ours = a.work / f"{a.task}-peft", a.work / f"{a.task}-nalar"
    if not a.skip_peft:
        start = time.monotonic()
        train_with_peft(a.folder, rows, theirs, a.lr)
        print(f"PEFT trained in {time.monotonic() - start:.0f} s")
    if a.peft_only:
        return
    start = time.monotonic()
    subprocess.run([str(c) for c in (
        a.nalar, "finetune", a.folder, rows_file, "-o", ours, "--no-shuffle", "--batch-rows", 8, "--lr", a.lr,
        "--valid-split", 0, "-q")], check=True)
    print(f"nalar trained in {time.monotonic() - start:.0f} s")
    for name, adapter in (("before", None), ("nalar", ours), ("PEFT", theirs)):
        print(name, json.dumps(score(a.nalar, a.folder, task_file, items_file, adapter)))


if __name__ == "__main__":
    main()
