#!/usr/bin/env python3
"""Speed and memory of LoRA training against PEFT, on the same rows in the same order.

  tests/bench/finetune_against_peft.py MODEL DATA.json [--rows 200] [--rounds 2] [--nalar build/bin/nalar] [--kinds …]

MODEL: a folder as Hugging Face lays it out. DATA: a list of instruction, input, output. Rank 16 on all linear layers,
α 32, 8 rows an update, one epoch, constant learning rate, at most 512 tokens a row, labels on the answer and the end.
Kinds, run one after the other in each round, each a process of its own:

  nalar     nalar finetune --dtype auto            nalar32   the same in fp32
  trainer   PEFT and transformers' Trainer, fp32: what a user gets        trainer16   the same with a bf16 base
  strong    PEFT in a bare loop, batches of like length, memory kept by the allocator, bf16 where the CPU has it
  trl       TRL's SFTTrainer with packing

Prints a line a run (JSON), then the medians: tokens and learned tokens a second without the first update, peak memory,
and the losses of each kind side by side (those of `strong` and `trl` are of other batches).
Needs torch, transformers, peft, and for trl: trl, datasets.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

RANK, ALPHA, LR, BATCH, MAX_LENGTH, SEED = 16, 32, 2e-4, 8, 512, 42
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KINDS = ["nalar", "nalar32", "trainer", "trainer16", "strong", "trl"]
ALPACA = ("Below is an instruction that describes a task{}. Write a response that appropriately completes the request."
          "\n\n### Instruction:\n{}\n\n{}### Response:\n")


def prompt(row):
    if row.get("input"):
        return ALPACA.format(", paired with an input that provides further context", row["instruction"],
                             f"### Input:\n{row['input']}\n\n")
    return ALPACA.format("", row["instruction"], "")


def prepare(arguments, folder):
    """rows.jsonl and an adapter to start from."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    source = json.loads(arguments.data.read_text(encoding="utf-8"))[:arguments.rows]
    random.Random(SEED).shuffle(source)
    with open(folder / "rows.jsonl", "w", encoding="utf-8") as file:
        for row in source:
            known = tokenizer(prompt(row), add_special_tokens=False).input_ids
            answer = tokenizer(row["output"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
            ids = (known + answer)[:MAX_LENGTH]
            if len(known) < len(ids):  # else nothing of it would be learned
                labels = ([-100] * len(known) + answer)[:MAX_LENGTH]
                file.write(json.dumps({"input_ids": ids, "labels": labels}) + "\n")
    torch.manual_seed(SEED)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=LINEARS, task_type="CAUSAL_LM", bias="none")
    get_peft_model(AutoModelForCausalLM.from_pretrained(arguments.model), config).save_pretrained(folder / "start")


def measured(command, **more):
    """Runs it; its seconds, those of its threads together, which other processes change less, and its peak memory."""
    start = time.monotonic()
    child = subprocess.Popen([str(c) for c in command], **more)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command[0]} ended with {child.returncode}")
    return {"seconds": time.monotonic() - start, "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024}


def run_nalar(arguments, folder, dtype):
    with tempfile.TemporaryDirectory() as out:
        out = pathlib.Path(out) / "out"
        costs = measured(
            [arguments.nalar, "finetune", arguments.model, folder / "rows.jsonl", "-o", out, "--adapter",
             folder / "start", "--no-shuffle", "--batch-rows", BATCH, "--schedule", "constant", "--warmup", 0, "--lr",
             LR, "--valid-split", 0, "--dtype", dtype, "--device", "cpu", "-t", arguments.threads, "-q"],
            stdout=subprocess.DEVNULL)
        log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    first, last = log[0], log[-1]
    step = last["seconds"] - first["seconds"]
    return {"tokens_per_s": (last["tokens"] - first["tokens"]) / step,
            "label_tokens_per_s": (last["label_tokens"] - first["label_tokens"]) / step,
            "losses": [line["loss"] for line in log]} | costs


class Clock:
    """What went into each update of a peer, and when it ended."""

    def __init__(self):
        self.ends, self.tokens, self.labels, self.losses = [], [], [], []

    def see(self, batch):
        mask = batch.get("attention_mask")
        self.tokens.append(int(mask.sum()) if mask is not None else batch["input_ids"].numel())
        self.labels.append(int((batch["labels"][:, 1:] != -100).sum()))

    def end(self, loss):
        self.ends.append(time.monotonic())
        self.losses.append(float(loss))

    def report(self):
        step = self.ends[-1] - self.ends[0]
        return {"tokens_per_s": sum(self.tokens[1:]) / step, "label_tokens_per_s": sum(self.labels[1:]) / step,
                "losses": self.losses}


def has_bf16():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    return " avx512_bf16" in text or " amx_bf16" in text


def open_peft(arguments, folder, dtype):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(arguments.threads)
    base = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    base.config.use_cache = False
    return PeftModel.from_pretrained(base, folder / "start", is_trainable=True)


def padded(rows):
    import torch
    longest = max(len(row["input_ids"]) for row in rows)
    fill = lambda key, value: torch.tensor([row[key] + [value] * (longest - len(row[key])) for row in rows])
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return {"input_ids": fill("input_ids", 0), "labels": fill("labels", -100), "attention_mask": mask}


def run_strong(arguments, folder, rows):
    import torch
    model = open_peft(arguments, folder, torch.bfloat16 if has_bf16() else torch.float32)
    rows = sorted(rows, key=lambda row: len(row["input_ids"]))
    groups = [rows[i:i + BATCH] for i in range(0, len(rows), BATCH)]
    random.Random(SEED).shuffle(groups)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=0.0)
    model.train()
    clock = Clock()
    for group in groups:
        batch = padded(group)
        clock.see(batch)
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        clock.end(loss)
    return clock.report()


def run_trainer(arguments, folder, rows, kind):
    import torch
    from torch.utils.data import SequentialSampler
    from transformers import Trainer, TrainerCallback, TrainingArguments
    clock = Clock()

    class Watch(TrainerCallback):
        def on_log(self, *_, logs=None, **__):
            if "loss" in (logs or {}):
                clock.end(logs["loss"])

    common = dict(output_dir=str(folder / "peer"), learning_rate=LR, weight_decay=0.0, num_train_epochs=1,
                  lr_scheduler_type="constant", logging_steps=1, save_strategy="no", report_to=[], use_cpu=True,
                  seed=SEED, disable_tqdm=True, per_device_train_batch_size=BATCH)
    model = open_peft(arguments, folder, torch.bfloat16 if kind == "trainer16" else torch.float32)

    def watched(parent):
        class Watched(parent):
            def _get_train_sampler(self, dataset=None):
                return SequentialSampler(dataset if dataset is not None else self.train_dataset)

            def training_step(self, model, inputs, *more, **named):
                clock.see(inputs)
                return super().training_step(model, inputs, *more, **named)
        return Watched

    if kind == "trl":
        from datasets import Dataset
        from transformers import AutoTokenizer
        from trl import SFTConfig, SFTTrainer
        common["per_device_train_batch_size"] = BATCH // 2  # packs of 512 tokens: as many tokens as 8 rows have
        data = Dataset.from_list([{"input_ids": row["input_ids"],
                                   "completion_mask": [int(label != -100) for label in row["labels"]]} for row in rows])
        trainer = watched(SFTTrainer)(
            model=model, args=SFTConfig(packing=True, max_length=MAX_LENGTH, completion_only_loss=True, **common),
            train_dataset=data, processing_class=AutoTokenizer.from_pretrained(arguments.model), callbacks=[Watch()])
    else:
        trainer = watched(Trainer)(model=model, args=TrainingArguments(remove_unused_columns=False, **common),
                                   train_dataset=rows, data_collator=padded, callbacks=[Watch()])
    trainer.train()
    return clock.report()


def run_peer(arguments, folder, kind):
    """In a process of its own, so that its memory is its own."""
    environment = dict(os.environ)
    if kind == "strong":  # glibc's allocator keeps what it has instead of giving it back at each step
        environment |= {"MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_MMAP_THRESHOLD_": "100000000000"}
    report = folder / "report.json"
    costs = measured([sys.executable, __file__, *sys.argv[1:], "--inside", kind, "--folder", folder],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return json.loads(report.read_text()) | costs


def inside(arguments):
    rows = [json.loads(line) for line in open(arguments.folder / "rows.jsonl", encoding="utf-8")]
    kind = arguments.inside
    if kind == "strong":
        report = run_strong(arguments, arguments.folder, rows)
    else:
        report = run_trainer(arguments, arguments.folder, rows, kind)
    (arguments.folder / "report.json").write_text(json.dumps(report))


def print_table(runs):
    print(f"\n{'':9} {'tokens/s':>9} {'learned/s':>9} {'peak MiB':>9}  first and last losses")
    for kind, reports in runs.items():
        middle = {key: statistics.median(r[key] for r in reports)
                  for key in ("tokens_per_s", "label_tokens_per_s", "peak_bytes")}
        losses = [f"{loss:.4f}" for loss in reports[0]["losses"]]
        print(f"{kind:9} {middle['tokens_per_s']:9.1f} {middle['label_tokens_per_s']:9.1f} "
              f"{middle['peak_bytes'] / 2**20:9.0f}  {' '.join(losses[:4])} … {' '.join(losses[-2:])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--nalar", default="build/bin/nalar")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--inside", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(arguments)
    runs = {kind: [] for kind in arguments.kinds}
    with tempfile.TemporaryDirectory(prefix="finetune-bench-") as folder:
        folder = pathlib.Path(folder)
        prepare(arguments, folder)
        for _ in range(arguments.rounds):
            for kind in arguments.kinds:
                if kind.startswith("nalar"):
                    report = run_nalar(arguments, folder, "fp32" if kind == "nalar32" else "auto")
                else:
                    report = run_peer(arguments, folder, kind)
                runs[kind].append(report)
                print(json.dumps({"kind": kind} | report), flush=True)
    print_table(runs)


if __name__ == "__main__":
    main()
