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
        for option in ("--reference", "--against"):
            result = nalar("eval", MODEL, "--text", TEXT, option, other)
            self.assert_error(result, 65, "both models: the vocabularies differ: got 512 and 48 tokens")
            self.assertIn("bits a byte", result.error_lines[1])

    def test_another_encoding(self):
        path = self.folder / "latin.txt"
        path.write_bytes("Ini bukan caf\u00e9. ".encode("latin-1") * 100)
        for more in ([], ["--against", MODEL]):
            self.assert_error(nalar("eval", MODEL, "--text", str(path), *more), 65,
                              r"latin\.txt: not UTF-8 text: got 0xe9 \(at byte 13\)")


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

    def test_cut_prompts_are_told(self):
        result = nalar("eval", MODEL, "--task", str(TASKS / "animals.json"), "--ctx", "24")
        self.assertEqual(result.code, 0, result.err)
        self.assertRegex(result.err.decode(), r"animals: \d+ requests were cut from the left to fit the context of 24")

    def test_a_bar_in_a_name_is_no_column_of_markdown(self):
        task = json.loads((TASKS / "words.json").read_text()) | {"task": "a|b", "data": str(TASKS / "words.jsonl")}
        result = nalar("eval", MODEL, "--task", self.file("t.json", json.dumps(task)), "--format", "markdown")
        rows = [line for line in result.text.splitlines() if line.startswith("|")]
        self.assertEqual({len(re.findall(r"(?<!\\)\|", row)) for row in rows}, {9})
        self.assertIn("a\\|b", result.text)

    def test_what_would_come_too_late(self):
        task = ("--task", str(TASKS / "animals.json"))
        for option in ("--output", "--samples", "--state"):
            result = nalar("eval", MODEL, *task, option, str(self.folder / "no" / "file"))
            self.assert_error(result, 73, "no: no such folder")
        result = nalar("eval", MODEL, *task, "--against", "no.gguf", "-v")
        self.assertEqual(result.code, 66, result.err)
        self.assertIn(b"no.gguf", result.err)

    def test_no_file_is_lost(self):
        task = ("--task", str(TASKS / "words.json"))
        mine = pathlib.Path(self.file("mine.txt", "mine"))
        self.assert_error(nalar("eval", MODEL, *task, "--state", str(mine)), 73, r"mine\.txt: it is there and no state")
        self.assert_error(nalar("eval", MODEL, *task, "--state", str(mine), "--resume"), 65, r"mine\.txt: it is there")
        self.assertEqual(mine.read_text(), "mine")
        for one, other in (("--output", "--samples"), ("--output", "--state"), ("--samples", "--state")):
            result = nalar("eval", MODEL, *task, one, str(self.folder / "x"), other, str(self.folder / "." / "x"))
            self.assert_error(result, 64, "need a file each")

    def test_outputs_that_cannot_be_looked_at(self):
        (self.folder / "loop").symlink_to(self.folder / "loop")
        for bad, named in (("n" * 300, b"nnn"), (str(self.folder / "loop" / "x"), b"/loop")):
            for one, other in (("--output", "--samples"), ("--state", "--output")):
                result = nalar("eval", MODEL, "--task", str(TASKS / "words.json"), one, bad, other,
                               str(self.folder / "x"))
                self.assertIn(result.code, (66, 73), result.err)
                self.assertIn(named, result.err)
                self.assertFalse((self.folder / "x").exists())

    def test_a_task_in_yaml(self):
        result = nalar("eval", MODEL, "--task", self.file("t.yaml", "task: x\n"), "--data", TEXT)
        self.assert_error(result, 66, r"t\.yaml: need a task in JSON")
        self.assertIn("yaml.safe_load", result.error_lines[1])

    def test_what_would_change_nothing_is_told(self):
        task, text = ("--task", str(TASKS / "animals.json")), ("--text", TEXT)
        for what, arguments in [("--window needs --text", [*task, "--window", "64"]),
                                ("--convention needs --text", [*task, "--convention", "hf"]),
                                ("--shots needs --task", [*text, "--shots", "2"]),
                                ("--chat needs --task", [*text, "--chat"]),
                                ("--limit needs --task or --leak", [*text, "--limit", "2"]),
                                ("--save-every needs --state", [*task, "--save-every", "2"])]:
            self.assert_error(nalar("eval", MODEL, *arguments), 64, what)
        config = self.file("c.toml", "[eval]\nlimit = 2\nshots = 1\n")
        self.assertEqual(nalar("eval", MODEL, *text, "--window", "64", "--config", config).code, 0)

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

    def test_its_end_tokens_end_an_answer(self):
        every = list(range(512))
        ending = adapter_test.Adapter.adapter(self, run_json={"end_tokens": {"ids": every, "pieces": [""] * 512}})
        samples = self.folder / "samples.jsonl"
        report("--task", str(TASKS / "answers.json"), "--adapter", ending, "--against", "base", "--samples", str(samples))
        answers = {True: [], False: []}
        for line in samples.read_text().splitlines():
            row = json.loads(line)
            answers[row["model"] == "base"].append(row["answer"])
        self.assertEqual(set(answers[False]), {""})
        self.assertNotIn("", answers[True])

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

    def test_killed_and_resumed(self):
        data = self.file("rows.jsonl", (TASKS / "words.jsonl").read_text() * 300)
        state = self.folder / "state"
        arguments = ["eval", MODEL, "--task", str(TASKS / "words.json"), "--data", data, "--json"]
        kept = [*arguments, "--state", str(state), "--save-every", "0"]
        whole = json.loads(nalar(*arguments).text)
        child = subprocess.Popen([BINARY, *kept], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        while child.poll() is None and not state.exists():
            time.sleep(0.002)
        child.kill()
        child.communicate()
        if child.returncode == 0:
            self.skipTest("it was done before it could be killed")
        done = len(json.loads(state.read_text())["steps"][0]["items"])
        self.assertGreaterEqual(done, 0)
        rest = nalar(*kept, "--resume")
        self.assertEqual(rest.code, 0, rest.err)
        result = json.loads(rest.text)["tasks"][0]
        self.assertEqual(result["metrics"], whole["tasks"][0]["metrics"])
        self.assertEqual(result["truncated"], whole["tasks"][0]["truncated"])
        self.assertFalse(os.path.exists(state))


class LmEval(CliTest):
    """The form of lm-evaluation-harness's results file."""

    def test_fields(self):
        output = self.folder / "report.json"
        names = ["animals", "words", "answers"]
        result = nalar("eval", MODEL, *(a for n in names for a in ("--task", str(TASKS / f"{n}.json"))), "--limit", "3",
                       "--format", "lm-eval", "-o", str(output))
        self.assertEqual(result.code, 0, result.err)
        r, own = json.loads(result.text), json.loads(output.read_text())
        self.assertEqual(r["nalar"], own)
        for task in own["tasks"]:
            name = task["task"]
            theirs = r["results"][name]
            for m in task["metrics"]:
                self.assertEqual(theirs[f"{m['metric']},{m['filter']}"], m["value"])
                error = m["error"] if m["error"] is not None else "N/A"
                self.assertEqual(theirs[f"{m['metric']}_stderr,{m['filter']}"], error)
                self.assertEqual(r["higher_is_better"][name][m["metric"]], m["higher_is_better"])
            self.assertEqual((theirs["alias"], theirs["sample_len"]), (name, 3))
            self.assertEqual(r["n-samples"][name], {"original": task["rows"], "effective": 3})
            self.assertEqual((r["n-shot"][name], r["versions"][name]), (0, None))
            self.assertEqual(r["configs"][name]["doc_to_target"], json.loads((TASKS / f"{name}.json").read_text())["doc_to_target"])
        self.assertEqual((r["config"]["limit"], r["config"]["model_args"]), (3, {"pretrained": MODEL}))
        self.assertEqual((r["model_name"], "/" in r["model_name_sanitized"]), (MODEL, False))

    def test_what_it_has_no_room_for(self):
        task = ("--task", str(TASKS / "animals.json"))
        for arguments in ([*task, "--text", TEXT], ["--text", TEXT], [*task, "--against", MODEL]):
            self.assert_error(nalar("eval", MODEL, *arguments, "--format", "lm-eval"), 64, "--format lm-eval has room")
        self.assert_error(nalar("eval", MODEL, *task, *task, "--format", "lm-eval"), 64, 'two tasks are called "animals"')


class Group(CliTest):
    def test_mean_of_tasks_weighted_by_items(self):
        rows = (TASKS / "words.jsonl").read_text().splitlines()
        tasks, sizes = [], (len(rows), 3)
        for n in sizes:
            data = self.file(f"rows{n}.jsonl", "\n".join(rows[:n]) + "\n")
            task = json.loads((TASKS / "words.json").read_text()) | {"data": data}
            tasks += ["--task", self.file(f"task{n}.json", json.dumps(task))]
        report = json.loads(nalar("eval", MODEL, *tasks, "--json").text)
        for mean in report["means"]:
            self.assertEqual((mean["tasks"], mean["items"]), (2, sum(sizes)))
            parts = [next(m for m in task["metrics"] if m["metric"] == mean["metric"]) for task in report["tasks"]]
            value = sum(n * p["value"] for n, p in zip(sizes, parts)) / sum(sizes)
            self.assertAlmostEqual(mean["value"], value, 12)
            variance = sum(n * (n - 1) * p["error"] ** 2 for n, p in zip(sizes, parts)) / (sum(sizes) - 2)
            self.assertAlmostEqual(mean["error"], (variance / sum(sizes)) ** 0.5, 12)
        self.assertIn("mean of 2 tasks", nalar("eval", MODEL, *tasks).text)


if __name__ == "__main__":
    main()
