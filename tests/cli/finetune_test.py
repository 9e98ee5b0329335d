"""nalar finetune: its command line, --preview, and, where LibTorch is there, training on a tiny model."""

import json
import os
import signal
import stat
import unittest

from harness import GOLDEN, CliTest, Terminal, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
TEXT = '{"text": "Once upon a time"}\n'
HAS_TORCH = "LibTorch    not there" not in nalar("--version").text
PAIR = '{"prompt": "One", "completion": " two"}\n'


class Finetune(CliTest):
    def finetune(self, *arguments, data=TEXT, **more):
        return nalar("finetune", MODEL, self.file("rows.jsonl", data), "-t", "1", *arguments, **more)

    def out(self):
        return str(self.folder / "out")


class CommandLine(Finetune):
    def test_what_is_missing(self):
        self.assert_error(nalar("finetune"), 64, "MODEL is missing")
        self.assert_error(nalar("finetune", MODEL), 64, "DATA is missing")
        self.assert_error(self.finetune(), 64, "-o DIR is missing")

    def test_files_that_are_not_there(self):
        none = str(self.folder / "none.jsonl")
        self.assert_error(nalar("finetune", none, none, "-o", self.out()), 66, "none.jsonl")
        self.assert_error(nalar("finetune", MODEL, none, "--preview"), 66, "none.jsonl")

    def test_values_out_of_their_range(self):
        for name, value in [
                ("--rank", "0"), ("--rank", "x"), ("--alpha", "-1"), ("--dropout", "1"), ("--lr", "nan"),
                ("--lr", "-1e-4"), ("--epochs", "inf"), ("--steps", "0"), ("--warmup", "2"), ("--clip", "-1"),
                ("--batch-rows", "-1"), ("--accumulate", "0"), ("--keep", "0"), ("--valid-split", "1"),
                ("--max-length", "1"), ("--max-time", "1d"), ("--checkpoint-every", "0"), ("--seed", "-1"),
                ("--method", "magic"), ("--schedule", "step"), ("--on-long", "cut"), ("--learn", "user"),
                ("--dtype", "fp8"), ("--log", "cloud"), ("--optimizer", "adam"), ("--device", "tpu"),
                ("--preview", "0"), ("--threads", "0"), ("--canaries", "-1"), ("--canary-repeats", "0")]:
            with self.subTest(name=name, value=value):
                self.assert_error(self.finetune("-o", self.out(), name, value), 64, f"^nalar: {name}.*got .*need ")
        self.assertFalse(os.path.exists(self.out()))

    def test_what_is_not_there_yet(self):
        for arguments in [("--method", "dora"), ("--objective", "dpo"), ("--objective", "orpo"), ("--loraplus", "16"),
                          ("--device", "cuda:1")]:
            with self.subTest(arguments=arguments):
                self.assert_error(self.finetune("-o", self.out(), *arguments), 64, f"{arguments[0]}.* is not there yet")

    def test_settings_are_printed_and_read_again(self):
        text = self.finetune("--rank", "4", "--targets", "q_proj,v_proj", "--seed", "5", "--print-config").text
        for line in ("rank = 4  # command line", 'targets = ["q_proj,v_proj"]  # command line', "lr = 0.0002",
                     "seed = 5  # command line"):
            self.assertIn(line, text)
        self.assertNotIn("resume", text)
        path = self.file("c.toml", text)
        again = self.finetune("--config", path, "--print-config").text
        self.assertEqual([line.split("  # ")[0] for line in again.splitlines()],
                         [line.split("  # ")[0] for line in text.splitlines()])
        self.assert_error(self.finetune("--config", self.file("d.toml", "[finetune]\nrnak = 4\n")), 78, "finetune.rnak")


class Preview(Finetune):
    def test_what_is_learned_is_marked(self):
        result = self.finetune("--preview", data=PAIR)
        self.assertEqual((result.code, result.err), (0, b""))
        lines = result.text.splitlines()
        self.assertRegex(lines[0], r"^--- .*rows\.jsonl: line 1: \d+ tokens, \d+ learned$")
        self.assertRegex(result.text, "One.*⟦.*two")
        self.assertRegex(result.text, r"(?m)^ids \d+.*⟦\d+")
        self.assertRegex(lines[-1], r"^--- 1 rows, \d+ tokens, of them \d+ learned")

    def test_json(self):
        result = self.finetune("--preview", "1", "--json", data=PAIR + PAIR)
        rows = [json.loads(line) for line in result.text.splitlines()]
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertEqual(len(row["ids"]), row["tokens"])
        self.assertEqual(sum(row["learned"]), row["label_tokens"])
        self.assertIn("One", row["text"])
        self.assertLess(0, row["label_tokens"])
        self.assertLess(row["label_tokens"], row["tokens"])

    def test_learn_all(self):
        rows = [json.loads(self.finetune("--preview", "--json", "--learn", learn, data=PAIR).text)
                for learn in ("assistant", "all")]
        self.assertLess(rows[0]["label_tokens"], rows[1]["label_tokens"])
        self.assertEqual(rows[1]["label_tokens"], rows[1]["tokens"] - 1)

    def test_hostile_text_reaches_a_pipe_as_it_is(self):
        self.assertIn("a\x1b]0;x\x07b", self.finetune("--preview", data='{"text": "a\\u001b]0;x\\u0007b"}\n').text)

    def test_bad_rows(self):
        self.assert_error(self.finetune("--preview", data=TEXT + "{\n"), 65, "rows.jsonl.*line 2")
        result = self.finetune("--preview", "--skip-bad", data=TEXT + "{\n")
        self.assertEqual(result.code, 0)
        self.assertRegex(result.error_lines[0], "rows.jsonl.*line 2")
        self.assertIn("1 bad", result.text)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assert_error(self.finetune("--preview", stdout=full), 74, "standard output")


@unittest.skipUnless(HAS_TORCH, "LibTorch is not there")
class Training(Finetune):
    SETTINGS = ("--batch-rows", "2", "--max-length", "32", "--device", "cpu", "--dtype", "fp32")

    def train(self, *arguments, **more):
        return self.finetune("-o", self.out(), *self.SETTINGS, *arguments, data=TEXT * 8, **more)

    def test_a_run(self):
        result = self.train("--steps", "3", "--json", "--log", "tensorboard")
        self.assertEqual(result.code, 0, result.err)
        line = json.loads(result.text)
        self.assertEqual(line["steps"], 3)
        for key in ("tokens", "label_tokens", "train_loss", "valid_loss", "best_step", "seconds", "tokens_per_s",
                    "peak_bytes"):
            self.assertIn(key, line)
        names = set(os.listdir(self.out()))
        self.assertLessEqual({"adapter_model.safetensors", "adapter_config.json", "run.json", "log.jsonl", "README.md",
                              "report.html", "checkpoints"}, names)
        self.assertTrue(any(name.startswith("events.out.tfevents.") for name in names), names)
        run = json.loads((self.folder / "out" / "run.json").read_text())
        self.assertEqual(run["result"]["steps"], 3)
        self.assertNotIn(str(self.folder), (self.folder / "out" / "run.json").read_text())
        with open(self.folder / "out" / "log.jsonl", encoding="utf-8") as log:
            losses = [json.loads(line) for line in log]
        self.assertEqual([row["step"] for row in losses if "loss" in row], [1, 2, 3])
        # A folder that exists is not written over.
        self.assert_error(self.train("--steps", "3"), 73, "exists")
        # Its weights are those that run.json tells of.
        shown = json.loads(nalar("inspect", self.out(), "--verify", "--json").text)
        self.assertEqual((shown["verified"]["against"], shown["verified"]["files"]),
                         ("run.json", run["result"]["files"]))
        with open(self.folder / "out" / "adapter_model.safetensors", "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x7f")
        self.assert_error(nalar("inspect", self.out(), "--verify"), 65, "it is not what run.json tells of")

    def test_all_weights_of_a_gguf_file_become_a_folder(self):
        quantized = str(self.folder / "q8_0.gguf")
        self.assertEqual(nalar("quantize", MODEL, quantized, "--type", "Q8_0", "-t", "1").code, 0)
        data = self.file("rows.jsonl", TEXT * 8)
        for base in (MODEL, quantized):
            with self.subTest(base=base):
                out = str(self.folder / f"full-{os.path.basename(base)}")
                result = nalar("finetune", base, data, "-t", "1", "-o", out, *self.SETTINGS, "--method", "full",
                               "--steps", "2")
                self.assertEqual(result.code, 0, result.err)
                self.assertEqual(b"its weights are dequantized" in result.err, base == quantized)
                names = set(os.listdir(out))
                self.assertLessEqual({"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                                      "tokenizer_config.json", "run.json", "README.md"}, names)
                self.assertIn("library_name: transformers", (self.folder / out / "README.md").read_text())
                shown = json.loads(nalar("inspect", out, "--verify", "--json").text)
                self.assertEqual(shown["verified"]["against"], "run.json")
                again = nalar("finetune", base, data, "-t", "1", "-o", out, *self.SETTINGS, "--method", "full",
                              "--steps", "2", "--resume")
                self.assertEqual(again.code, 0, again.err)
                # What is written is the base, but for two steps towards this text.
                answers = [nalar("eval", model, "--text", self.file("t.txt", "Once upon a time " * 20), "-t", "1",
                                 "--compute", "fp32", "--convention", "rolling", "--json") for model in (base, out)]
                losses = [json.loads(a.text)["texts"][0]["perplexity"]["value"] for a in answers]
                self.assertLess(losses[1], losses[0])
                self.assertGreater(losses[1], losses[0] / 4)

    def test_quiet(self):
        result = self.train("--steps", "1", "-q")
        self.assertEqual((result.code, result.err), (0, b""))
        self.assertIn("training loss", result.text)

    def test_bf16_is_the_same_where_it_is_slow_and_that_is_said(self):
        adapters = set()
        for number, isa in enumerate(("scalar", "")):
            out = str(self.folder / f"out{number}")
            result = self.finetune("-o", out, *self.SETTINGS, "--dtype", "bf16", "--steps", "2", data=TEXT * 8,
                                   env={"NALAR_ISA": isa})
            self.assertEqual(result.code, 0, result.err)
            if isa == "scalar":
                self.assertIn(b"no AVX512_BF16", result.err)
            with open(os.path.join(out, "adapter_model.safetensors"), "rb") as file:
                adapters.add(file.read())
        self.assertEqual(len(adapters), 1)

    def test_dry_run_loads_and_leaves_nothing(self):
        result = self.train("--dry-run", "--json")
        self.assertEqual(result.code, 0, result.err)
        plan = json.loads(result.text)
        self.assertGreater(plan["parameters"], 0)
        self.assertTrue(plan["fits"])
        self.assertGreater(plan["seconds"], 0)
        self.assertFalse(os.path.exists(self.out()))
        # Nothing is written: it needs no place for it.
        self.assertRegex(self.finetune("--dry-run").text, r"(?m)^time +about \d+ ")

    @unittest.skipIf(os.path.exists("/dev/nvidiactl"), "CUDA may be there")
    def test_what_cannot_begin_leaves_nothing(self):
        self.assert_error(self.train("--device", "cuda"), 78, "CUDA")
        self.assertFalse(os.path.exists(self.out()))

    def test_bad_rows_are_listed(self):
        result = self.finetune("-o", self.out(), *self.SETTINGS, "--steps", "1", "--skip-bad", data=TEXT * 4 + "{\n")
        self.assertEqual(result.code, 0, result.err)
        self.assertRegex(result.err.decode(), r"data: 4 rows, .*; 1 bad")
        self.assertRegex(result.err.decode(), r"rows\.jsonl: line 5: JSON error")

    def test_results_may_be_shared_where_the_umask_lets(self):
        before = os.umask(0o022)
        try:
            self.assertEqual(self.train("--steps", "1").code, 0)
        finally:
            os.umask(before)
        modes = {name: stat.S_IMODE((self.folder / "out" / name).stat().st_mode) for name in os.listdir(self.out())}
        self.assertEqual(modes.pop("checkpoints"), 0o700)
        self.assertEqual(set(modes.values()), {0o644}, modes)
        self.assertEqual(stat.S_IMODE(os.stat(self.out()).st_mode), 0o755)

    def test_a_stopped_run_is_saved_and_goes_on(self):
        data = self.file("rows.jsonl", TEXT * 8)
        command = ("finetune", MODEL, data, "-t", "1", "-o", self.out(), *self.SETTINGS, "--steps", "400")
        terminal = Terminal(*command)
        terminal.wait_for(rb"\r\x1b\[K[1-9]\d*/400 ")
        os.kill(terminal.pid, signal.SIGTERM)
        seen = terminal.end()
        self.assertEqual(terminal.code, 75, seen)
        self.assertRegex(seen, rb"nalar: stopped after update \d+ of 400: saved\r\n  try: .*--resume")
        result = nalar(*command, "--resume", "--json")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(json.loads(result.text)["steps"], 400)


if __name__ == "__main__":
    main()
