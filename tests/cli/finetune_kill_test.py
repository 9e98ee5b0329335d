"""A training that is killed (SIGKILL) again and again and resumed ends with the bytes of one that never stopped.

  finetune_kill_test.py [--kills N] [--seed S] [--model PATH]

N kills (default 6) at random moments, spread over all kinds of training below. The model is stories260K; all weights
are trained where NALAR_TEST_MATERIAL names the folder that has it as a Hugging Face folder. PATH: LoRA with dropout on
this model instead, on few rows.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

from harness import BINARY, GOLDEN, ISOLATED, environment, nalar

BASE = GOLDEN / "stories260k" / "stories260K-f32.gguf"
MATERIAL = os.environ.get("NALAR_TEST_MATERIAL")
HF_BASE = pathlib.Path(MATERIAL or "/nonexistent") / "models/stories260k/hf"
RECIPE = ("-t", "1", "--device", "cpu", "--dtype", "fp32", "--epochs", "3", "--batch-rows", "4", "--batch-tokens", "96",
          "--lr", "1e-3", "--valid-split", "0.1", "--eval-every", "7", "--checkpoint-every", "2", "--log", "tensorboard")
WORDS = "the little cat saw a big red ball and ran to her mom who was happy one sunny day in park".split()


def rows(path, n=120):
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(n):
            text = " ".join(draw.choices(WORDS, k=draw.randint(4, 30)))
            file.write(json.dumps({"prompt": text, "completion": " " + " ".join(draw.choices(WORDS, k=6))}) + "\n")
    return str(path)


def to_q8_0(source, target):
    """A copy of a GGUF file of F32 tensors with the matrices whose rows are whole blocks in Q8_0."""
    data = source.read_bytes()
    at = 8
    n_tensors, n_keys = struct.unpack_from("<QQ", data, at)
    at += 16

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize(form)
        return value

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n:at]

    sizes = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}

    def value(kind):
        if kind == 8:
            text()
        elif kind == 9:
            item = take("I")
            for _ in range(take("Q")):
                value(item)
        else:
            take(sizes[kind])

    for _ in range(n_keys):
        text()
        value(take("I"))
    header, infos = data[:at], []
    for _ in range(n_tensors):
        name = text()
        shape = [take("Q") for _ in range(take("I"))]
        assert take("I") == 0, "need F32"
        infos.append((name, shape, take("Q")))
    start = (at + 31) // 32 * 32
    table, blob = b"", b""
    for name, shape, offset in infos:
        n = 1
        for d in shape:
            n *= d
        raw = data[start + offset:start + offset + 4 * n]
        quantized = len(shape) == 2 and shape[0] % 32 == 0
        if quantized:
            values, raw = struct.unpack(f"<{n}f", raw), b""
            for i in range(0, n, 32):
                block = values[i:i + 32]
                d = struct.unpack("<e", struct.pack("<e", max(map(abs, block)) / 127))[0]
                raw += struct.pack("<e32b", d, *(max(-127, min(127, round(x / d))) if d else 0 for x in block))
        blob += bytes(-len(blob) % 32)
        table += struct.pack("<Q", len(name)) + name + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape,
                                                                  8 if quantized else 0, len(blob))
        blob += raw
    head = header + table
    target.write_bytes(head + bytes(-len(head) % 32) + blob)


def kinds(folder, model):
    """Name, base and options of each kind of training."""
    if model:
        return [(f"LoRA, dropout, {model.name}", model, ("--dropout", "0.1", "-t", "2", "--epochs", "1"))]
    quantized = folder / "q8_0.gguf"
    to_q8_0(BASE, quantized)
    found = [
        ("LoRA", BASE, ()),
        ("QLoRA, dropout", quantized, ("--dropout", "0.1", "--rank", "4")),
        ("LoRA, no packing, SGD", BASE, ("--no-packing", "--optimizer", "sgd")),
        ("LoRA, accumulation, dropout", BASE, ("--batch-rows", "0", "--accumulate", "3", "--dropout", "0.05")),
    ]
    if HF_BASE.exists():
        found.append(("all weights", HF_BASE, ("--method", "full", "--lr", "1e-4")))
    else:
        print("all weights: left out, NALAR_TEST_MATERIAL is not there", file=sys.stderr)
    return found


def digest(out):
    names = [n for n in ("adapter_model.safetensors", "model.safetensors") if (out / n).exists()]
    assert len(names) == 1, names
    return hashlib.sha256((out / names[0]).read_bytes()).hexdigest()


class Killed:
    """One kind of training: run to its end once, then killed and resumed."""

    def __init__(self, folder, data, kind):
        self.name, base, options = kind
        self.folder = folder
        self.command = ("finetune", str(base), data, *RECIPE, *options)
        self.kills = 0
        start = time.monotonic()
        result = nalar(*self.command, "-o", str(folder / "whole"), timeout=600)
        assert result.code == 0, result.err
        self.seconds = time.monotonic() - start
        self.whole = digest(folder / "whole")

    def run_killed(self, draw, most):
        """Starts again and again until the training ends, with at most `most` kills."""
        out = self.folder / f"killed-{self.kills}"
        done = 0
        while True:
            with open(self.folder / "stderr", "wb") as err:
                child = subprocess.Popen([*ISOLATED, BINARY, *self.command, "-o", str(out), "--resume"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                                         env=environment())
                try:
                    child.wait(None if done == most else draw.uniform(0, 1.1 * self.seconds))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                    done += 1
                    continue
            assert child.returncode == 0, (self.folder / "stderr").read_bytes()
            break
        self.kills += done
        got = digest(out)
        assert got == self.whole, f"{self.name}: {out}: got {got}, need {self.whole}"
        return done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=pathlib.Path)
    options = parser.parse_args()
    if "LibTorch    not there" in nalar("--version").text:
        print("skipped: LibTorch is not there")
        return
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="nalar-kill-") as folder:
        folder = pathlib.Path(folder)
        data = rows(folder / "rows.jsonl", 24 if options.model else 120)
        runs = []
        for i, kind in enumerate(kinds(folder, options.model)):
            (folder / str(i)).mkdir()
            runs.append(Killed(folder / str(i), data, kind))
        left = options.kills
        most = max(1, min(3, left // len(runs)))
        while left > 0:
            for run in runs:
                if left > 0:
                    left -= run.run_killed(draw, min(left, most))
        for run in runs:
            print(f"{run.name}: {run.kills} kills, {run.seconds:.1f} s unless stopped: equal")


if __name__ == "__main__":
    main()
