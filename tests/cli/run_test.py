"""nalar run with the small real model of tests/golden: text, streams, JSON, equal bytes."""

import json
import math
import os
import subprocess

from harness import BINARY, GOLDEN, HANGS, ISOLATED, CliTest, environment, main, nalar, turkish

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
STORY = (GOLDEN / "stories260k" / "greedy.txt").read_text()
START = "Once upon a time"
TEMPLATE = ("{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}{% if mark is defined %}{{ mark }}{% endif %}")


def run(*arguments, **more):
    return nalar("run", MODEL, "-t", "1", *arguments, **more)


class Text(CliTest):
    def test_the_documented_story(self):
        result = run(START, "--greedy", "-n", "200")
        self.assertEqual((result.code, result.err), (0, b""))
        self.assertTrue(STORY.startswith(START + result.text), result.text)
        self.assertGreater(len(result.text), 400)

    def test_the_ways_a_prompt_comes_in(self):
        expected = run(START, "--greedy", "-n", "8").out
        path = self.file("prompt.txt", START + "\n")
        self.assertEqual(run("--greedy", "-n", "8", stdin=START.encode()).out, expected)
        self.assertEqual(run("--greedy", "-n", "8", stdin=(START + "\r\n").encode()).out, expected)
        self.assertEqual(run("-", "--greedy", "-n", "8", stdin=START.encode()).out, expected)
        self.assertEqual(run("-f", path, "--greedy", "-n", "8").out, expected)
        self.assertEqual(run("--file=-", "--greedy", "-n", "8", stdin=START.encode()).out, expected)
        self.assertEqual(run("--greedy", "-n", "8", "--", START).out, expected)
        both = run("Once", "-", "--show-prompt", stdin=b"upon a time")
        self.assertTrue(both.text.startswith("Once\n\nupon a time\n--- "), both.text)

    def test_text_that_looks_like_something_else(self):
        for text in ("[a,b]", "- item", "-", "run", "--", "{}", "a=b"):
            arguments = ("--", text) if text.startswith("--") else (text,)
            given = b"x" if text == "-" else b""
            result = run("--show-prompt", *arguments, stdin=given)
            self.assertEqual(result.code, 0, result.err)
            shown = "x" if text == "-" else text
            self.assertTrue(result.text.startswith(shown + "\n--- "), result.text)

    def test_stop_and_length(self):
        whole = run(START, "--greedy", "-n", "40").text
        cut = run(START, "--greedy", "-n", "40", "--stop", "nothing", "--stop", "Lily").text
        self.assertEqual(cut, whole[:whole.index("Lily")])
        answer = json.loads(run(START, "--greedy", "-n", "40", "--stop", "Lily", "--json").text)
        self.assertEqual((answer["text"], answer["finish_reason"]), (cut, "stop"))

    def test_equal_seed_equal_bytes(self):
        first = run(START, "-n", "40", "--seed", "7").out
        self.assertEqual(run(START, "-n", "40", "--seed", "7").out, first)
        self.assertEqual(nalar("run", MODEL, START, "-n", "40", "--seed", "7", "-t", "2").out, first)
        self.assertEqual(run(START, "-n", "40", "--seed", "7", "--ctx", "64").out, first)
        self.assertNotEqual(run(START, "-n", "40", "--seed", "8").out, first)

    def test_no_seed_is_a_new_one(self):
        self.assertNotEqual(run(START, "-n", "60", "--temp", "2").out, run(START, "-n", "60", "--temp", "2").out)

    def test_logit_bias_forbids_and_forces(self):
        ids = json.loads(run(START, "--greedy", "-n", "1", "--json").text)["tokens"]
        other = json.loads(run(START, "--greedy", "-n", "1", "--json", "--logit-bias", f"{ids[0]}=-inf").text)
        self.assertNotEqual(other["tokens"], ids)
        forced = json.loads(run(START, "-n", "2", "--json", "--logit-bias", "300=1000").text)
        self.assertEqual(forced["tokens"], [300, 300])

    def test_overflow(self):
        self.assert_error(run(START, "--ctx", "4"), 64, "context")
        short = run(START, "--greedy", "--ctx", "24", "-n", "40", "--on-overflow", "truncate", "--json")
        self.assertEqual(json.loads(short.text)["finish_reason"], "length")
        shifted = run(START, "--greedy", "--ctx", "24", "-n", "40", "--on-overflow", "shift", "--json")
        self.assertEqual(json.loads(shifted.text)["usage"]["completion_tokens"], 40)

    def test_a_chat_template_of_ones_own(self):
        path = self.file("t.jinja", TEMPLATE)
        result = run("hello", "--template", path, "--system", "be kind", "--template-arg", "mark=\"!\"", "--show-prompt")
        self.assertTrue(result.text.startswith("<system>be kind\n<user>hello\n<assistant>!"), result.text)
        system = self.file("system.txt", "from a file\n")
        result = run("hello", "--template", path, "--system", "@" + system, "--show-prompt")
        self.assertTrue(result.text.startswith("<system>from a file\n"), result.text)
        self.assert_error(run("hello", "--template", path, "--template-arg", "mark=!"), 64, "--template-arg mark")
        self.assert_error(run("hello", "--template", path, "--template-arg", "mark"), 64, "need K=JSON")
        self.assert_error(run("hello", "--template", path, "--raw"), 64, "--raw excludes")
        self.assert_error(run("hello", "--system", "x"), 64, "need a chat template")
        bad = self.file("bad.jinja", "{% if %}")
        self.assert_error(run("hello", "--template", bad), 65, r"bad\.jinja: ")

    def test_verbose_tells_values_and_origins(self):
        lines = run(START, "-n", "2", "-v", "--top-k", "3", "--seed", "5").error_lines
        self.assertIn("  top-k 3 (command line)", lines)
        self.assertIn("  temp 0.8 (built in)", lines)
        self.assertIn("  seed 5 (command line)", lines)
        self.assertTrue(any("260" in line or "0.3 M" in line for line in lines), lines)
        self.assertRegex(lines[-1], r"load .* prompt .* answer")


class AsJson(CliTest):
    def answer(self, *arguments):
        result = run(START, "--json", *arguments)
        self.assertEqual((result.code, result.err), (0, b""))
        self.assertEqual(result.out.count(b"\n"), 1)
        return json.loads(result.text)

    def test_members(self):
        answer = self.answer("--greedy", "-n", "5")
        self.assertEqual(list(answer), ["text", "finish_reason", "usage", "timings", "tokens"])
        self.assertEqual(set(answer["usage"]), {"prompt_tokens", "completion_tokens"})
        self.assertEqual(set(answer["timings"]),
                         {"load_s", "prompt_s", "generate_s", "prompt_tokens_per_s", "tokens_per_s"})
        self.assertEqual(answer["finish_reason"], "length")
        self.assertEqual(len(answer["tokens"]), 5)
        self.assertEqual(answer["usage"]["completion_tokens"], 5)
        self.assertTrue((START + answer["text"]) in STORY)

    def test_log_probabilities(self):
        answer = self.answer("--greedy", "-n", "6", "--logprobs", "512")
        self.assertEqual([t["id"] for t in answer["logprobs"]], answer["tokens"])
        for token in answer["logprobs"]:
            self.assertEqual(set(token), {"id", "token", "logprob", "top"})
            top = [t["logprob"] for t in token["top"]]
            self.assertEqual(len(top), 512)
            self.assertEqual(top, sorted(top, reverse=True))
            self.assertAlmostEqual(math.fsum(math.exp(p) for p in top), 1.0, delta=1e-4)
            self.assertEqual(token["top"][0]["id"], token["id"])
        self.assertEqual(len(self.answer("--greedy", "-n", "1", "--logprobs", "0")["logprobs"][0]["top"]), 0)
        self.assert_error(run(START, "--logprobs", "2"), 64, "--logprobs needs --json")

    def test_always_valid_utf8(self):
        result = run(b"\xff\xfe caf\xe9", "-n", "20", "--temp", "3", "--top-p", "1", "--min-p", "0", "--top-k", "0",
                     "--seed", "3", "--json", "--logprobs", "3")
        self.assertEqual(result.code, 0, result.err)
        json.loads(result.out.decode("utf-8"))

    def test_show_prompt(self):
        shown = json.loads(run(START, "--show-prompt", "--json").text)
        self.assertEqual(shown["text"], START)
        self.assertEqual(len(shown["ids"]), len(shown["special"]))
        self.assertEqual(shown["ids"][0], 1)
        self.assertEqual(shown["special"], [True] + [False] * (len(shown["ids"]) - 1))
        twice = json.loads(run("<s>" + START, "--raw", "--show-prompt", "--json").text)
        self.assertEqual(twice["ids"].count(1), 1)

    def test_dry_run(self):
        estimate = json.loads(run("--dry-run", "--json").text)
        self.assertGreaterEqual(estimate["weights_bytes"], 4 * 250_000)
        self.assertEqual(estimate["n_ctx"], 512)
        self.assertTrue(estimate["fits"])
        self.assertGreater(estimate["tokens_per_s_at_most"], 0)
        self.assertIn("it fits", run("--dry-run").text)


class Streams(CliTest):
    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assert_error(run(START, "-n", "5", stdout=full), 74, "standard output: No space left")

    def test_closed_stdout(self):
        self.assert_error(run(START, "-n", "5", prepare=lambda: os.close(1)), 74, "standard output")

    def test_head_ends_it_quietly(self):
        shell = subprocess.run(
            ["bash", "-c", 'set -o pipefail; "$@" | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}', "bash", *ISOLATED,
             BINARY, "run", MODEL, START, "-n", "0", "--ignore-eos", "-t", "1"],
            capture_output=True, env=environment(), timeout=HANGS)
        self.assertEqual((shell.returncode, shell.stderr), (141, b""))

    def test_bytes_of_a_pipe_are_exact_and_locales_change_nothing(self):
        expected = run(START, "--greedy", "-n", "20").out
        self.assertNotIn(b"\\", expected)
        logins = [{"LC_ALL": locale} for locale in ("C", "POSIX", "nonsense")] + [turkish()]
        for env in filter(None, logins):
            with self.subTest(env=env):
                self.assertEqual(run(START, "--greedy", "-n", "20", env=env).out, expected)
                self.assertIn("  temp 0.5 (command line)", run(START, "-n", "1", "--temp", "0.5", "-v", env=env).error_lines)

    def test_quiet(self):
        self.assertEqual(run(START, "-n", "2", "-q").err, b"")


if __name__ == "__main__":
    main()
