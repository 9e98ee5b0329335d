#!/usr/bin/env python3
"""Time and memory of nalar eval against lm-evaluation-harness (HF backend, fp32), whole commands in turn.

  tests/bench/time_lm_eval.py NALAR MODEL HF_FOLDER --task TASK.json ROWS SHOTS[:first_n] [--task …]
                              [--limit 200] [--rounds 5] [--batches 4,8,16,32] [--kinds nalar,nalar32]

MODEL: what nalar opens; HF_FOLDER: the same weights, dequantized, for transformers. Shots come out of ROWS on both
sides, drawn as the harness draws them or, with :first_n, the first ones. For each task the harness is first tried once
with each batch size; then every round runs each kind once, as a process of its own:

  nalar     nalar eval             nalar32   nalar eval --compute fp32
  lm_eval   simple_evaluate, with the best batch size found; `inner` is its time without imports and opening the model

Prints a line a run and a summary a task (JSON): medians, spread (largest ÷ smallest) and peak memories of each kind,
and of each of nalar's the ratios of the same round, as median and range. Values are compare_lm_eval.py's business.
Needs torch, transformers, datasets and lm-eval. A machine with other work gives other figures: look at the spread.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")


def measured(command):
    """Runs it; what it prints, and seconds and peak memory of the whole process."""
    start = time.monotonic()
    with subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: ended with {child.returncode}")
    return json.loads(out.splitlines()[-1]), {"seconds": time.monotonic() - start,
                                              "cpu_seconds": usage.ru_utime + usage.ru_stime,
                                              "peak_mb": usage.ru_maxrss * 1024 / 1e6}


def run_nalar(arguments, task, kind):
    compute = "fp32" if kind == "nalar32" else "auto"
    report, run = measured([arguments.nalar, "eval", arguments.model, "--task", task["file"], "--data", task["rows"],
                            "--limit", arguments.limit, "--shots", task["shots"], "--compute", compute, "--threads",
                            arguments.threads, "--json", "-q"])
    return run | {"inner": report["seconds"], "acc": report["tasks"][0]["metrics"][0]["value"]}


def run_harness(arguments, task, batch):
    report, run = measured([sys.executable, __file__, "--harness", arguments.hf, task["file"], task["rows"],
                            task["shots"], arguments.limit, batch, arguments.threads])
    return run | report


def harness(hf, task, rows, shots, limit, batch, threads):
    """One run of the harness in a process of its own."""
    import torch
    from compare_lm_eval import harness_task
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM

    torch.set_num_threads(int(threads))
    model = HFLM(pretrained=hf, device="cpu", dtype="float32", batch_size=int(batch))
    options = argparse.Namespace(task=task, data=rows, shots=int(shots))
    start = time.monotonic()
    result = evaluator.simple_evaluate(model, tasks=[harness_task(options)], limit=int(limit), num_fewshot=int(shots),
                                       bootstrap_iters=0)
    seconds = time.monotonic() - start
    (figures,) = result["results"].values()
    print(json.dumps({"inner": seconds, "acc": figures["acc,none"]}))


def prepared(triple, folder):
    """The task with the sampler that was asked for."""
    path, rows, shots = triple
    shots, _, sampler = shots.partition(":")
    task = json.loads(pathlib.Path(path).read_text())
    label = f"{task['task']}, {shots} shots{', ' + sampler if sampler else ''}"
    if sampler:
        task["fewshot_config"] = {"sampler": sampler}
    file = pathlib.Path(folder) / f"{len(os.listdir(folder))}.json"
    file.write_text(json.dumps(task))
    return {"label": label, "file": file, "rows": rows, "shots": shots}


def summary(kinds, runs):
    out = {}
    for kind in kinds:
        seconds = [run["seconds"] for run in runs[kind]]
        out[kind] = {"seconds": statistics.median(seconds), "spread": max(seconds) / min(seconds),
                     "inner": statistics.median(run["inner"] for run in runs[kind]),
                     "peak_mb": max(run["peak_mb"] for run in runs[kind]), "acc": runs[kind][0]["acc"]}
        if kind != "lm_eval":
            for key, name in (("seconds", "times_faster"), ("inner", "times_faster_inner")):
                ratios = [theirs[key] / ours[key] for ours, theirs in zip(runs[kind], runs["lm_eval"], strict=True)]
                out[kind][name] = [statistics.median(ratios), min(ratios), max(ratios)]
            out[kind]["memory_share"] = out[kind]["peak_mb"] / max(run["peak_mb"] for run in runs["lm_eval"])
    return json.loads(json.dumps(out), parse_float=lambda text: round(float(text), 3))


def compare(arguments, task):
    def run(kind, batch):
        result = run_harness(arguments, task, batch) if kind == "lm_eval" else run_nalar(arguments, task, kind)
        print(json.dumps({"task": task["label"], "kind": kind, "batch": batch if kind == "lm_eval" else None, **result}),
              flush=True)
        return result

    sizes = [int(size) for size in arguments.batches.split(",")]
    best = min(sizes, key=lambda size: run("lm_eval", size)["inner"]) if len(sizes) > 1 else sizes[0]
    kinds = [*arguments.kinds.split(","), "lm_eval"]
    runs = {kind: [] for kind in kinds}
    for _ in range(arguments.rounds):
        for kind in kinds:
            runs[kind].append(run(kind, best))
    print(json.dumps({"task": task["label"], "items": arguments.limit, "batch": best, **summary(kinds, runs)}), flush=True)


def main():
    if sys.argv[1:2] == ["--harness"]:
        return harness(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nalar")
    parser.add_argument("model")
    parser.add_argument("hf")
    parser.add_argument("--task", nargs=3, action="append", required=True, metavar=("TASK.json", "ROWS", "SHOTS"))
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="4,8,16,32")
    parser.add_argument("--kinds", default="nalar,nalar32")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for triple in arguments.task:
            compare(arguments, prepared(triple, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
