#!/usr/bin/env python3
"""nalar quantize against llama-quantize: what the files lose, and how long they take.

  quantize_against_llama.py NALAR LLAMA sources MODEL.gguf TEXT OUT.gguf [--steps 200] [--lr 2e-5]
                                       [--batch-rows 2] [--characters 1400]
  quantize_against_llama.py NALAR LLAMA quality SOURCE.gguf TEXT CALIBRATION [--types Q4_K_M,…] [--bytes 100000]
                                       [--kinds llama.cpp,nalar] [--earlier LINES] [--judge nalar]
  quantize_against_llama.py NALAR LLAMA time SOURCE.gguf [--types Q4_K_M,…] [--rounds 3]

LLAMA: the folder of llama-quantize, llama-imatrix and llama-perplexity. Needs gguf and numpy.

sources   A float model whose weights lie on no grid, as those of a dequantized file do: MODEL as an F32 folder, all
          of its weights trained for --steps updates of a few rows of TEXT with a fixed seed (0: not trained), as a
          GGUF file of F16. Some hundred updates move weights by a hundredth of a step of a 4-bit grid, and a quantizer
          finds the grid again: so that each weight lies anywhere in its cell, as before it was quantized, noise
          of one step's width is added (dither).
quality   Each type four times, at one size: both tools without statistics, and with those of CALIBRATION
          (--calibrate; llama-imatrix in chunks of 512). KL divergence from SOURCE on the first --bytes of TEXT, second
          halves of chunks of 512 tokens, by nalar eval or by llama-perplexity; both with 8-bit activations, as the
          files are run. What the lines of an --earlier run tell is not run again.
time      Whole commands in turn, --threads each: seconds, processor seconds, peak memory.

Prints a line of JSON a file and, in the end, a Markdown table. A machine with other work gives other times.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

TYPES = "Q4_K_M,Q4_0,Q5_K_M,Q3_K_M,Q2_K"


def measured(command):
    """Runs it; what it prints, and seconds, processor seconds and peak memory of the process."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as errors, subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE,
                                                              stderr=errors) as child:
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: ended with {child.returncode}\n{errors.read().decode()[-2000:]}")
    return out.decode(), {"seconds": round(time.monotonic() - start, 3),
                          "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
                          "peak_mib": usage.ru_maxrss // 1024}


class Tools:
    def __init__(self, arguments):
        self.nalar = pathlib.Path(arguments.nalar).resolve()
        self.llama = pathlib.Path(arguments.llama).resolve()
        self.threads = arguments.threads
        os.environ["LD_LIBRARY_PATH"] = str(self.llama)

    def run_nalar(self, *command):
        return measured([self.nalar, *command, "--threads", self.threads, "-q"])

    def quantize(self, source, out, kind, to, statistics_file):
        """kind: nalar or llama.cpp."""
        if kind == "nalar":
            return self.run_nalar("quantize", source, out, "--type", to,
                                  *(["--calibrate", statistics_file] if statistics_file else []))[1]
        return measured([self.llama / "llama-quantize",
                         *(["--imatrix", statistics_file] if statistics_file else []),
                         source, out, to, self.threads])[1]

    def divergence(self, file, source, text, judge):
        if judge == "llama.cpp":
            base = text.parent / "logits"
            options = ["-c", "512", "-t", self.threads, "--kl-divergence-base", base]
            if not base.exists():
                measured([self.llama / "llama-perplexity", "-m", source, "-f", text, *options])
            out, _ = measured([self.llama / "llama-perplexity", "-m", file, *options, "--kl-divergence"])
            find = lambda name: float(re.search(re.escape(name) + r"\s*:\s*(-?[0-9.]+)", out).group(1))
            return {"kl": find("Mean    KLD"), "same_top": find("Same top p") / 100, "perplexity": find("Mean PPL(Q)")}
        report, _ = self.run_nalar("eval", file, "--text", text, "--convention", "llamacpp", "--window", "512",
                                   "--reference", source, "--json")
        report = json.loads(report)
        found = report["comparisons"][0]
        return {"kl": found["kl"]["value"], "kl_error": found["kl"]["error"], "same_top": found["same_top"]["value"],
                "perplexity": report["texts"][0]["perplexity"]["value"]}


def sources(arguments, tools):
    text = pathlib.Path(arguments.text).read_text()
    size = arguments.characters
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        work = pathlib.Path(work)
        with open(work / "rows.jsonl", "w") as rows:
            for begin in range(0, len(text) - size, size):
                rows.write(json.dumps({"text": text[begin:begin + size]}) + "\n")
        if arguments.steps == "0":
            tools.run_nalar("quantize", arguments.source, arguments.out, "--type", "F16", "--pure")
            return leave_grid(arguments.source, arguments.out)
        tools.run_nalar("convert", arguments.source, work / "base", "--dtype", "f32")
        _, run = tools.run_nalar("finetune", work / "base", work / "rows.jsonl", "-o", work / "tuned", "--method",
                                 "full", "--dtype", arguments.dtype, "--steps", arguments.steps, "--batch-rows",
                                 arguments.batch_rows, "--lr", arguments.lr, "--seed", "1")
        tools.run_nalar("convert", work / "tuned", arguments.out, "--dtype", "f16")
    print(json.dumps({"source": arguments.out} | run))
    return leave_grid(arguments.source, arguments.out)


def leave_grid(model, file):
    """Adds to each weight of FILE (F16) noise of the width of MODEL's step in its block of 32."""
    import gguf
    import numpy as np

    random = np.random.default_rng(1)
    grids = {tensor.name: tensor for tensor in gguf.GGUFReader(model).tensors}
    with open(file, "r+b") as out:
        for tensor in gguf.GGUFReader(file).tensors:
            if tensor.tensor_type != gguf.GGMLQuantizationType.F16 or len(tensor.shape) < 2:
                continue
            grid = grids[tensor.name]
            for begin in range(0, len(tensor.data), 8192):
                rows = tensor.data[begin:begin + 8192]
                steps = np.sort(gguf.quants.dequantize(grid.data[begin:begin + 8192], grid.tensor_type).astype(
                    np.float32).reshape(-1, 32), axis=1)
                steps = np.diff(steps, axis=1)
                steps = np.where(steps > 0, steps, np.inf).min(axis=1, keepdims=True)
                steps[np.isinf(steps)] = 0
                noise = random.uniform(-0.5, 0.5, (len(steps), 32)).astype(np.float32) * steps
                rows = (rows.astype(np.float32) + noise.reshape(rows.shape)).astype(np.float16)
                out.seek(tensor.data_offset + begin * rows[0].nbytes)
                out.write(rows.tobytes())


def quality(arguments, tools):
    table = {}
    for line in pathlib.Path(arguments.earlier).read_text().splitlines() if arguments.earlier else []:
        found = json.loads(line) if line.startswith("{") else {}
        if "kl" in found:
            table[found["type"], found["by"], found["statistics"]] = found
    types, kinds = arguments.types.split(","), arguments.kinds.split(",")
    wanted = [(to, kind, with_statistics) for to in types for with_statistics in (False, True) for kind in kinds]
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        work = pathlib.Path(work)
        text, imatrix, out = work / "text.txt", work / "imatrix.gguf", work / "out.gguf"
        cut = pathlib.Path(arguments.text).read_bytes()[:arguments.bytes]
        text.write_text(cut.decode(errors="ignore"))
        for to, kind, with_statistics in wanted:
            if (to, kind, with_statistics) in table:
                continue
            file = None
            if with_statistics:
                file = arguments.calibration if kind == "nalar" else imatrix
            if file == imatrix and not imatrix.exists():
                _, run = measured([tools.llama / "llama-imatrix", "-m", arguments.source, "-f", arguments.calibration,
                                   "-o", imatrix, "-c", "512", "-t", tools.threads, "--no-ppl"])
                print(json.dumps({"imatrix": arguments.calibration} | run), flush=True)
            run = tools.quantize(arguments.source, out, kind, to, file)
            found = {"type": to, "by": kind, "statistics": with_statistics, "bytes": out.stat().st_size} | run
            found |= tools.divergence(out, arguments.source, text, arguments.judge)
            table[to, kind, with_statistics] = found
            print(json.dumps(found), flush=True)
            for made in work.glob("out.gguf*"):
                made.unlink()
    if len(kinds) < 2:
        return
    print("\n| | llama.cpp | nalar | | imatrix | calibrated | |\n|---|---|---|---|---|---|---|")
    for to in types:
        cells = [to]
        for with_statistics in (False, True):
            theirs, ours = (table[to, kind, with_statistics]["kl"] for kind in ("llama.cpp", "nalar"))
            cells += [f"{theirs:.5f}", f"{ours:.5f}", f"{100 * (ours / theirs - 1):+.1f} %"]
        print("| " + " | ".join(cells) + " |")


def times(arguments, tools):
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        out = pathlib.Path(work) / "out.gguf"
        for to in arguments.types.split(","):
            runs = {"nalar": [], "llama.cpp": []}
            for _ in range(arguments.rounds):
                for kind, found in runs.items():
                    found.append(tools.quantize(arguments.source, out, kind, to, None))
                    print(json.dumps({"type": to, "by": kind} | found[-1]), flush=True)
                    for made in pathlib.Path(work).glob("out.gguf*"):
                        made.unlink()
            median = {kind: {key: statistics.median(run[key] for run in found) for key in found[0]}
                      for kind, found in runs.items()}
            ratios = [b["seconds"] / a["seconds"] for a, b in zip(*runs.values())]
            rows.append(f"| {to} | {median['llama.cpp']['seconds']:.1f} | {median['nalar']['seconds']:.1f} | "
                        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) | "
                        f"{median['llama.cpp']['cpu_seconds'] / median['nalar']['cpu_seconds']:.2f} | "
                        f"{median['llama.cpp']['peak_mib']} | {median['nalar']['peak_mib']} |")
    print("\n| | llama-quantize, s | nalar, s | ratio | of processor time | peak MiB | nalar's |")
    print("|---|---|---|---|---|---|---|", *rows, sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nalar")
    parser.add_argument("llama")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--work", help="a folder for what is made in between")
    what = parser.add_subparsers(required=True)
    made = what.add_parser("sources")
    made.add_argument("source")
    made.add_argument("text")
    made.add_argument("out")
    made.add_argument("--steps", default="200")
    made.add_argument("--lr", default="2e-5")
    made.add_argument("--batch-rows", default="2")
    made.add_argument("--characters", type=int, default=1400, help="of a row; 1400 are some 400 tokens")
    made.add_argument("--dtype", default="bf16")
    made.set_defaults(run=sources)
    lost = what.add_parser("quality")
    lost.add_argument("source")
    lost.add_argument("text")
    lost.add_argument("calibration")
    lost.add_argument("--types", default=TYPES)
    lost.add_argument("--bytes", type=int, default=100_000)
    lost.add_argument("--judge", default="nalar", choices=["nalar", "llama.cpp"])
    lost.add_argument("--kinds", default="llama.cpp,nalar")
    lost.add_argument("--earlier", help="a file of lines that a run printed")
    lost.set_defaults(run=quality)
    took = what.add_parser("time")
    took.add_argument("source")
    took.add_argument("--types", default=TYPES)
    took.add_argument("--rounds", type=int, default=3)
    took.set_defaults(run=times)
    arguments = parser.parse_args()
    arguments.run(arguments, Tools(arguments))


if __name__ == "__main__":
    main()
