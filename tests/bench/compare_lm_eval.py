#!/usr/bin/env python3
"""Holds nalar eval against lm-evaluation-harness (HF backend) on the same local rows.

    compare_lm_eval.py NALAR MODEL HF_FOLDER TASK.json --data ROWS.jsonl [--limit 200] [--shots 0] [--batch 16]
                       [--dtype float32|float64]

MODEL: what nalar opens; HF_FOLDER: the same weights, dequantized, for transformers. Needs torch, transformers,
datasets and lm-eval; run by hand. Writes the largest difference of log-likelihoods, the metrics of both and the
times, one JSON object; exit 1 when a difference is over 1e-3 or a metric differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def nalar_samples(arguments, compute):
    with tempfile.TemporaryDirectory() as folder:
        samples = pathlib.Path(folder) / "samples.jsonl"
        command = [arguments.nalar, "eval", arguments.model, "--task", arguments.task, "--data", arguments.data,
                   "--limit", str(arguments.limit), "--shots", str(arguments.shots), "--compute", compute,
                   "--threads", str(arguments.threads), "--samples", str(samples), "--json"]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, check=True)
        seconds = time.monotonic() - start
        rows = [json.loads(line) for line in samples.read_text().splitlines()]
        return rows, json.loads(done.stdout)["tasks"][0]["metrics"], seconds


def harness_task(arguments):
    """The task file as lm-evaluation-harness's own object over the same rows."""
    from lm_eval.api.task import ConfigurableTask

    config = {k: v for k, v in json.loads(pathlib.Path(arguments.task).read_text()).items()
              if k not in ("about", "data", "fewshot_data", "columns")}
    split = {"test": arguments.data}
    config |= {"dataset_path": "json", "dataset_kwargs": {"data_files": split}, "test_split": "test",
               "num_fewshot": arguments.shots}
    config.pop("validation_split", None)
    config["fewshot_split"] = "test"
    for metric in config["metric_list"]:
        metric.setdefault("aggregation", "perplexity" if metric["metric"] == "perplexity" else "mean")
        metric.setdefault("higher_is_better", True)
    return ConfigurableTask(config=config)


def harness_samples(arguments):
    import torch
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM

    torch.set_num_threads(arguments.threads)
    model = HFLM(pretrained=arguments.hf, device="cpu", dtype=arguments.dtype, batch_size=arguments.batch)
    task = harness_task(arguments)
    start = time.monotonic()
    result = evaluator.simple_evaluate(model, tasks=[task], limit=arguments.limit, num_fewshot=arguments.shots,
                                       log_samples=True, bootstrap_iters=100000)
    seconds = time.monotonic() - start
    (name,) = result["samples"]
    rows = sorted(result["samples"][name], key=lambda row: row["doc_id"])
    return rows, result["results"][name], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nalar")
    parser.add_argument("model")
    parser.add_argument("hf")
    parser.add_argument("task")
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--shots", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="float32",
                        help="of the harness; float64 shows whose rounding a difference is")
    parser.add_argument("--fast", action="store_true", help="time nalar with --compute auto, too")
    arguments = parser.parse_args()
    theirs, their_metrics, their_seconds = harness_samples(arguments)
    ours, our_metrics, our_seconds = nalar_samples(arguments, "fp32")
    worst = 0
    for mine, other in zip(ours, theirs, strict=True):
        scores = [float(r[0][0] if isinstance(r[0], (list, tuple)) else r[0]) for r in other["resps"]]
        worst = max(worst, *(abs(a - b) for a, b in zip(mine["log_likelihoods"], scores, strict=True)))
    metrics, equal = {}, True
    for metric in our_metrics:
        key = metric["metric"]
        pair = (metric["value"], their_metrics[f"{key},none"])
        errors = (metric["error"], their_metrics[f"{key}_stderr,none"])
        metrics[key] = {"nalar": pair[0], "lm_eval": pair[1], "nalar_stderr": errors[0], "lm_eval_stderr": errors[1]}
        equal &= abs(pair[0] - pair[1]) <= (1e-12 if key.startswith("acc") else 1e-4 * pair[1])
        equal &= abs(errors[0] - errors[1]) <= 5e-5 * max(1, abs(errors[1]))
    out = {"task": arguments.task, "items": len(ours), "dtype": arguments.dtype, "shots": arguments.shots,
           "max_difference": worst, "metrics": metrics, "nalar_fp32_s": our_seconds, "lm_eval_s": their_seconds,
           "speed_up_fp32": their_seconds / our_seconds}
    if arguments.fast:
        out["nalar_s"] = nalar_samples(arguments, "auto")[2]
        out["speed_up"] = their_seconds / out["nalar_s"]
    print(json.dumps(out))
    return 0 if worst <= 1e-3 and equal else 1


if __name__ == "__main__":
    sys.exit(main())
