#!/usr/bin/env python3
"""What convert makes, against transformers and llama.cpp.

    cmake --build build --target nalar_cli
    tests/bench/convert_check.py [MODELFOLDER…] [--binary build/bin/nalar] [--llama FOLDER_OF_llama-completion]

For every golden model, with a vocabulary of letters, and each model folder: folder → GGUF → folder is the same
bit for bit (norms that GGUF keeps as 1 + w within an ulp of it); transformers loads the folder that came back
without a network and gives the same logits (and ids, for the folders that have a tokenizer of their own);
llama.cpp's greedy text from the GGUF is nalar's. Ends with 1 when something differs. Needs torch, transformers;
the last part is left out without --llama.
"""

import argparse
import json
import os
import pathlib
import shutil
import string
import subprocess
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "models"
TEXTS = ["The quick brown fox, 12345 times; isn't it?\n\n  Größe ≠ naïve 日本語 🙂", "def f(x):\n\treturn x ** 2\n"]
PROMPTS = {True: ["abcXYZ", "hello", "QRS"], False: ["The capital of France is", "def add(a, b):"]}
WINDOWS = {"mistral-window": 8, "qwen2-yarn": 8}
TOKENS = 24


def letters():
    """A byte-level BPE without merges for the 48 rows of the golden models."""
    tokens = ["<unk>", "<s>", "</s>"] + list(string.ascii_letters)[:45]
    special = [dict(id=i, content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
               for i, t in enumerate(tokens[:3])]
    return dict(version="1.0", truncation=None, padding=None, added_tokens=special, normalizer=None,
                pre_tokenizer=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
                post_processor=None,
                decoder=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
                model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                           end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=False,
                           vocab={t: i for i, t in enumerate(tokens)}, merges=[]))


def golden(name, folder):
    shutil.copytree(GOLDEN / name, folder, ignore=shutil.ignore_patterns("reference*"))
    (folder / "tokenizer.json").write_text(json.dumps(letters()))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>", unk_token="<unk>")))
    return folder


class Check:
    def __init__(self, binary, llama):
        self.binary, self.llama, self.failed = binary, llama, 0

    def say(self, what, good):
        print(f"{'ok  ' if good else 'BAD '} {what}", flush=True)
        self.failed += not good

    def nalar(self, *arguments):
        return subprocess.run([self.binary, *map(str, arguments)], check=True, capture_output=True).stdout.decode()

    def same_tensors(self, what, source, back):
        a, b = ({k: v for f in sorted(folder.glob("*.safetensors")) for k, v in load_file(f).items()}
                for folder in (source, back))
        if "lm_head.weight" not in b:  # a tied head may lie there as well
            a.pop("lm_head.weight", None)
        good = a.keys() == b.keys()
        for name in a if good else ():
            x, y = a[name], b[name]
            if "gemma3" in what and "norm" in name:
                whole = (1 + x.float()).abs()
                ulp = torch.nextafter(whole, 2 * whole) - whole
                good &= x.dtype == y.dtype and bool(((x.float() - y.float()).abs() <= ulp).all())
            else:
                good &= x.dtype == y.dtype and torch.equal(x, y)
        self.say(f"{what}: folder → GGUF → folder", good)

    def loads(self, what, source, back, own_tokenizer):
        logits = []
        for folder in (source, back):
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
            with torch.no_grad():
                logits.append(model.eval()(torch.arange(3, 35).unsqueeze(0) % model.config.vocab_size).logits)
        error = float((logits[0] - logits[1]).abs().max() / logits[0].abs().max())
        self.say(f"{what}: transformers' logits, {error:.1e} apart", error < 1e-5)
        a, b = (AutoTokenizer.from_pretrained(folder) for folder in (source, back))
        texts = TEXTS if own_tokenizer else ["abcXYZ", "hello"]
        self.say(f"{what}: transformers' ids", all(a(t).input_ids == b(t).input_ids for t in texts))
        if a.chat_template:
            chat = [dict(role="user", content="Hi")]
            self.say(f"{what}: chat template", a.apply_chat_template(chat, tokenize=False) ==
                     b.apply_chat_template(chat, tokenize=False))

    def llama_text(self, gguf, prompt, tokens):
        return subprocess.run(
            [f"{self.llama}/llama-completion", "-m", gguf, "-p", prompt, "-n", str(tokens), "--temp", "0", "-ctk", "f32",
             "-ctv", "f32", "-fa", "off", "-no-cnv", "--no-warmup", "--no-display-prompt", "--ignore-eos"],
            check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()

    def greedy(self, what, gguf, prompts, window):
        for prompt in prompts:
            # llama.cpp has no windows in these architectures: up to there the two are one model. A letter is a token.
            tokens = window - len(prompt) + 1 if window else TOKENS
            ours = self.nalar("run", gguf, "--raw", "--greedy", "--compute", "fp32", "-n", tokens, prompt).strip()
            # It may end before all that it said is written: it is asked for more, and again.
            same = any(self.llama_text(gguf, prompt, TOKENS + 100).strip().startswith(ours) for _ in range(8))
            self.say(f"{what}: llama.cpp's text from {prompt!r}: {ours[:40]!r}", same)

    def model(self, what, source, folder, is_golden):
        gguf, back = folder / "m.gguf", folder / "back"
        self.nalar("convert", source, gguf)
        self.nalar("convert", gguf, back)
        self.same_tensors(what, source, back)
        self.loads(what, source, back, not is_golden)
        if self.llama:
            f32 = folder / "f32.gguf"
            self.nalar("convert", source, f32, "--dtype", "f32")
            self.greedy(what, f32, PROMPTS[is_golden], WINDOWS.get(what))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--binary", default="build/bin/nalar")
    parser.add_argument("--llama", help="folder of llama-completion")
    arguments = parser.parse_args()
    check = Check(arguments.binary, arguments.llama)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name in sorted(p.name for p in GOLDEN.iterdir() if p.is_dir()):
            own = folder / name
            own.mkdir()
            check.model(name, golden(name, own / "source"), own, True)
        for model in arguments.models:
            own = folder / model.name
            own.mkdir()
            check.model(model.name, model, own, False)
            shutil.rmtree(own)
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
