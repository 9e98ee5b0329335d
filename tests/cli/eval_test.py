"""nalar eval, from outside."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import adapter_test
from harness import BINARY, GOLDEN, CliTest, environment, main, nalar

MODEL = str(GOLDEN / "stories260k/stories260K-f32.gguf")
TEXT = str(GOLDEN / "stories260k/greedy.txt")
TASKS = GOLDEN / "eval"


def report(*arguments):
    result = nalar("eval", MODEL, *arguments, "--json")
    assert result.code == 0, result.err
    return json.loads(result.text)


class Text(CliTest):
    def test_report_says_what_makes_it_comparable(self):
        r = report("--text", TEXT, "--window", "64", "--compute", "fp32")
        self.assertEqual(r["compute"], "fp32")
        self.assertRegex(r["model_sha256"], "^[0-9a-f]{64}$")
        text = r["texts"][0]
        self.assertEqual((text["convention"], text["window"]), ("llamacpp", 64))
        self.assertRegex(text["sha256"], "^[0-9a-f]{64}$")
        self.assertGreater(text["perplexity"]["value"], 1)
        self.assertGreater(text["perplexity"]["error"], 0)

    def test_table_and_markdown(self):
        table = nalar("eval", MODEL, "--text", TEXT, "--convention", "rolling")
        self.assertEqual(table.code, 0, table.err)
        self.assertRegex(table.text, r"(?m)^word perplexity +\d+\.\d{4} +\d+\.\d{4}$")
        markdown = nalar("eval", MODEL, "--text", TEXT, "--convention", "hf", "--format", "markdown")
        self.assertRegex(markdown.text, r"(?m)^\| perplexity +\| +\d+\.\d{4} \| +\d+\.\d{4} \|$")

    def test_reference(self):
        r = report("--text", TEXT, "--window", "64", "--reference", MODEL)
        comparison = r["comparisons"][0]
        self.assertEqual(comparison["kl"]["value"], 0)
        self.assertEqual(comparison["same_top"]["value"], 1)

    def test_short_text(self):
        self.assert_error(nalar("eval", MODEL, "--text", self.file("a.txt", "Hi")), 65, r"a\.txt: .*too short")

    def test_other_vocabulary(self):
        other = str(GOLDEN / "models/qwen3.gguf")
        result = nalar("eval", MODEL, "--text", TEXT, "--reference", other)
        self.assertEqual(result.code, 65, result.err)
        self.assertRegex(result.error_lines[0], "vocabularies differ|tokenizer")


class Tasks(CliTest):
    def test_every_output_type(self):
        names = ["animals", "endings", "words", "stories", "answers"]
        r = report(*(a for n in names for a in ("--task", str(TASKS / f"{n}.json"))))
        self.assertEqual([t["task"] for t in r["tasks"]], names)
        for task in r["tasks"]:
            for metric in task["metrics"]:
                self.assertIsInstance(metric["value"], float if metric["value"] % 1 else (int, float))
            self.assertRegex(task["data_sha256"], "^[0-9a-f]{64}$")

    def test_samples_limit_and_shots(self):
        samples, output = self.folder / "samples.jsonl", self.folder / "report.json"
        r = report("--task", str(TASKS / "animals.json"), "--limit", "3", "--shots", "2",
                   "--samples", str(samples), "--output", str(output))
        rows = [json.loads(line) for line in samples.read_text().splitlines()]
        self.assertEqual(len(rows), 3)
        self.assertEqual(len(rows[0]["log_likelihoods"]), len(rows[0]["choices"]))
        self.assertEqual(rows[0]["prompts"][0].count("Question: "), 3)
        accuracy = sum(row["acc,none"] for row in rows) / 3
        self.assertAlmostEqual(accuracy, r["tasks"][0]["metrics"][0]["value"])
        self.assertEqual(json.loads(output.read_text())["tasks"], r["tasks"])
        again = nalar("eval", MODEL, "--task", str(TASKS / "animals.json"), "--samples", str(samples))
        self.assert_error(again, 73, "samples.jsonl: it exists already")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["report.json", "samples.jsonl"])

    def test_against(self):
        r = report("--task", str(TASKS / "animals.json"), "--against", MODEL, "--text", TEXT, "--window", "64")
        verdicts = {c["verdict"] for c in r["comparisons"]}
        self.assertEqual(verdicts, {"no difference shown"})

    def test_bad_row_leaves_nothing(self):
        data = self.file("rows.jsonl", '{"question": "Q", "choices": ["a"], "answer": 0}\n{"question": "Q"}\n')
        output = self.folder / "out.json"
        result = nalar("eval", MODEL, "--task", str(TASKS / "animals.json"), "--data", data, "-o", str(output))
        self.assert_error(result, 65, r"rows\.jsonl: line 2: field doc_to_choice")
        self.assertFalse(output.exists())

    def test_usage(self):
        self.assert_error(nalar("eval", MODEL), 64, "nothing to do")
        self.assert_error(nalar("eval", MODEL, "--text", TEXT, "--resume"), 64, "--resume needs")
        self.assert_error(nalar("eval", MODEL, "--task", "no.json"), 66, "no.json")


class Adapters(CliTest):
    def test_against_the_base(self):
        adapter = adapter_test.Adapter.adapter(self)
        text = ("--text", TEXT, "--window", "64")
        base, tuned = report(*text), report(*text, "--adapter", adapter)
        self.assertRegex(tuned["adapters"][0]["sha256"], "^[0-9a-f]{64}$")
        comparison = report(*text, "--adapter", adapter, "--against", "base")["comparisons"][0]
        self.assertEqual(comparison["model"], tuned["texts"][0]["nats_per_token"])
        self.assertEqual(comparison["other"], base["texts"][0]["nats_per_token"])
        self.assertEqual(comparison["verdict"], "worse")

    def test_tasks_against_the_base(self):
        adapter = adapter_test.Adapter.adapter(self)
        tasks = [a for n in ("animals", "words", "answers") for a in ("--task", str(TASKS / f"{n}.json"))]
        base, tuned = report(*tasks), report(*tasks, "--adapter", adapter)
        both = report(*tasks, "--adapter", adapter, "--against", "base")
        metrics = [m for t in base["tasks"] for m in t["metrics"]]
        self.assertEqual([c["other"]["value"] for c in both["comparisons"]], [m["value"] for m in metrics])
        self.assertEqual(both["tasks"], tuned["tasks"])

    def test_base_needs_an_adapter(self):
        result = nalar("eval", MODEL, "--text", TEXT, "--against", "base")
        self.assert_error(result, 64, "--against base needs --adapter")


def wait_until_caught(child, number):
    """Until the process has a handler for this signal, or has ended."""
    while child.poll() is None:
        status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
        if int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.002)


class Stop(CliTest):
    def test_stopped_and_resumed(self):
        rows = (TASKS / "words.jsonl").read_text() * 100
        data = self.file("rows.jsonl", rows)
        arguments = ["eval", MODEL, "--task", str(TASKS / "words.json"), "--data", data, "--json"]
        whole = json.loads(nalar(*arguments).text)
        state = self.folder / "state"
        stopped = [*arguments, "--state", str(state)]
        child = subprocess.Popen([BINARY, *stopped], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        wait_until_caught(child, signal.SIGTERM)
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=50)
        if child.returncode == 0:
            self.skipTest("it was done before it could be stopped")
        self.assertEqual(child.returncode, 75, err)
        self.assertEqual(out, b"")
        self.assertTrue(os.path.exists(state))
        rest = nalar(*stopped, "--resume")
        self.assertEqual(rest.code, 0, rest.err)
        self.assertEqual(json.loads(rest.text)["tasks"][0]["metrics"], whole["tasks"][0]["metrics"])
        self.assertFalse(os.path.exists(state))


if __name__ == "__main__":
    main()
