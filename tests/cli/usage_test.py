"""A wrong command line, bad prompts and bad paths: codes 64, 65, 66, 73, 78, one line each."""

import os
import socket

from harness import GOLDEN, CliTest, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")


def run(*arguments, **more):
    return nalar("run", MODEL, "-t", "1", *arguments, **more)


class Flags(CliTest):
    def test_numbers_out_of_their_range(self):
        for name, value in [
                ("--temp", "nan"), ("--temp", "-1"), ("--temp", "1e400"), ("--temp", "inf"), ("--temp", "0x1p3"),
                ("--top-k", "-1"), ("--top-k", "2147483648"), ("--top-k", "1.5"), ("--top-k", ""),
                ("--top-p", "1.5"), ("--top-p", "nan"), ("--min-p", "-0.1"), ("--typical-p", "2"),
                ("--repeat-penalty", "-1"), ("--presence-penalty", "x"), ("--frequency-penalty", "nan"),
                ("--repeat-last-n", "-2"), ("--seed", "x"), ("--seed", "-1"), ("--seed", "18446744073709551616"),
                ("--seed", " 1"), ("--seed", "1 "), ("--seed", "+1"), ("--seed", "0x10"),
                ("--max-tokens", "-1"), ("--max-tokens", "99999999999"), ("--threads", "0"), ("--threads", "-3"),
                ("--threads", "1000000"), ("--ctx", "0"), ("--ctx", "513"), ("--ctx", "2147483647"),
                ("--logprobs", "-1"), ("--logit-bias", "5"), ("--logit-bias", "512=1"), ("--logit-bias", "-1=1"),
                ("--logit-bias", "5=nan"), ("--on-overflow", "wrap"), ("--compute", "fp8"), ("--device", "tpu")]:
            with self.subTest(name=name, value=value):
                extra = ("--json",) if name == "--logprobs" else ()
                result = run("hi", name, value, *extra)
                self.assert_error(result, 64, f"^nalar: {name}.*got .*need ")

    def test_short_names(self):
        self.assert_error(run("hi", "-n", "x"), 64, "--max-tokens")
        self.assert_error(run("hi", "-c", "x"), 64, "--ctx")
        self.assert_error(run("hi", "-t", "x"), 64, "--threads")
        self.assert_error(run("hi", "-s", "x"), 64, "--seed")

    def test_unknown_and_missing(self):
        self.assert_error(run("hi", "--bogus"), 64, "unknown option --bogus")
        self.assert_error(run("hi", "-Z"), 64, "unknown option -Z")
        self.assert_error(run("hi", "--bogus\x1b[2J"), 64, r"unknown option --bogus\\x1b")
        self.assert_error(run("hi", "there", "you"), 64, "unexpected argument")
        self.assert_error(run("hi", "there"), 64, 'unexpected argument "there"')
        self.assert_error(run("hi", "--temp"), 64, "--temp")
        self.assert_error(run("hi", "--json=maybe"), 64, "--json")
        self.assert_error(nalar("run"), 64, "MODEL is missing")
        self.assert_error(nalar("bench"), 64, "MODEL is missing")
        self.assert_error(nalar("inspect"), 64, "PATH is missing")
        self.assert_error(run("hi", "--greedy", "--temp", "1"), 64, "exclude each other")

    def test_the_last_of_a_repeated_option_counts(self):
        self.assertEqual(run("hi", "-n", "1", "--seed", "1", "--seed", "2", "--print-config").code, 0)

    def test_options_that_are_not_there_yet(self):
        for name in ("--batch", "--parallel", "--json-schema", "--grammar", "--draft", "--prompt-cache", "--kv-type",
                     "--adapter"):
            for arguments in ((name, "x"), (name,), (name + "=x",)):
                self.assert_error(run("hi", *arguments), 64, f"^nalar: {name} is not there yet$")
        self.assert_error(nalar("inspect", MODEL, "--verify"), 64, "--verify is not there yet")

    def test_help_of_each_command_names_the_options(self):
        text = nalar("run", "--help").text
        for name in ("--temp", "--top-k", "--top-p", "--min-p", "--typical-p", "--repeat-penalty", "--presence-penalty",
                     "--frequency-penalty", "--repeat-last-n", "--logit-bias", "--ignore-eos", "--stop", "--greedy",
                     "--max-tokens", "--logprobs", "--on-overflow", "--system", "--raw", "--template", "--template-arg",
                     "--show-prompt", "--raw-output", "--history", "--file", "--device", "--threads", "--compute", "--ctx",
                     "--seed", "--config", "--print-config", "--strict", "--dry-run", "--json", "--quiet", "--verbose",
                     "--version", "--help", "--allow-symlinks"):
            self.assertIn(name, text)
        for columns in (60, 80, 100):
            for command in ("run", "bench", "inspect"):
                lines = nalar(command, "--help", env={"COLUMNS": str(columns)}).text.splitlines()
                self.assertLessEqual(max(len(line) for line in lines), columns)


class Prompts(CliTest):
    def test_empty(self):
        self.assert_error(run(""), 64, "PROMPT is empty")
        self.assert_error(run(stdin=b""), 65, "standard input: empty")
        self.assert_error(run(stdin=b"\n"), 65, "standard input: empty")
        self.assert_error(run("-f", self.file("empty", b"")), 65, "empty: ")
        self.assert_error(run("hi", "-", stdin=b""), 65, "standard input: empty")

    def test_closed_stdin(self):
        result = run(prepare=lambda: os.close(0))
        self.assertIn(result.code, (64, 66))
        self.assertRegex(result.error_lines[0], "standard input")

    def test_bytes_that_are_no_text(self):
        for data in (b"\xff\xfe\x80", b"a\0b", b"\xed\xa0\x80", "\U0001F600\u202e".encode()):
            self.assertEqual(run("-n", "1", stdin=data).code, 0)
        self.assertEqual(run(b"caf\xe9", "-n", "1").code, 0)

    def test_too_large(self):
        path = self.folder / "large"
        with open(path, "wb") as large:
            large.truncate(1 << 30)
        result = run("-f", str(path))
        self.assert_error(result, 65, "large: .*67108864")
        self.assertLess(result.peak_bytes, 256 << 20)
        with open(path, "rb") as large:
            result = run(stdin=large)
        self.assert_error(result, 65, "standard input: .*67108864")
        self.assertLess(result.peak_bytes, 512 << 20)

    def test_two_prompts(self):
        self.assert_error(run("hi", "-f", self.file("p", "x")), 64, "exclude each other")
        self.assert_error(run("-f", str(self.folder / "none")), 66, "none: ")


class Paths(CliTest):
    def each_command(self, path, code, pattern):
        for arguments in (("run", path, "hi"), ("inspect", path), ("bench", path)):
            self.assert_error(nalar(*arguments), code, pattern)

    def test_what_is_no_model(self):
        os.mkfifo(self.folder / "pipe")
        os.symlink("loop", self.folder / "loop")
        unix = socket.socket(socket.AF_UNIX)
        self.addCleanup(unix.close)
        here = os.getcwd()
        os.chdir(self.folder)
        unix.bind("socket")
        os.chdir(here)
        for name in ("pipe", "loop", "socket", "nothing"):
            self.each_command(str(self.folder / name), 66, rf"{name}: ")
        self.each_command("/dev/null", 66, "/dev/null: ")
        self.each_command(str(self.folder), 66, ": ")

    def test_names_are_escaped(self):
        for name, shown in ((b"a\x1b[31mb", r"a\\x1b\[31mb"), (b"a\nb", r"a\\nb"), (b"\xff", r"\\xff"),
                            ("\u202e".encode(), r"\\u\{202e\}")):
            self.each_command(os.fsencode(self.folder) + b"/" + name, 66, shown)

    def test_long_names(self):
        self.each_command("x" * 4096, 66, "^nalar: x+…?: ")
        self.each_command("/" + "d/" * 3000, 66, "nalar: /")

    def test_unreadable(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        path = self.file("m.gguf", b"GGUF")
        os.chmod(path, 0)
        self.each_command(path, 66, "m.gguf: ")


class Config(CliTest):
    def test_it_sets_what_the_command_line_left_open(self):
        path = self.file("c.toml", '[run]\ntop-k = 7\ntemp = 0.5\nstop = ["\\u0041", "b\\"c"]\nseed = 9\n[bench]\n'
                                   "repetitions = 2\n")
        text = run("--config", path, "--top-k", "9", "--print-config").text
        self.assertIn("top-k = 9  # command line\n", text)
        self.assertIn("temp = 0.5  # ", text)
        self.assertIn('stop = ["A","b\\"c"]', text)
        self.assertIn(f"seed = 9  # {path}", text)

    def test_what_is_printed_can_be_read_again(self):
        first = run("--print-config", "--temp", "0.1", "--stop", "x\ny\"", "--seed", "18446744073709551615"[:19],
                    "--greedy", "--system", "a\\b").text
        path = self.file("again.toml", first)
        again = run("--config", path, "--print-config").text
        self.assertEqual([line.split("  # ")[0] for line in again.splitlines()],
                         [line.split("  # ")[0] for line in first.splitlines()])
        self.assertIn("temp = 0.1", first)

    def test_mistakes(self):
        for content, pattern in [
                ("[run]\ntmep = 1\n", r"key run\.tmep"), ("tmep = 1\n", "key tmep"), ("[fly]\nx = 1\n", "key fly"),
                ("run = 1\n", "key run"), ("[run]\ntemp = \"hot\"\n", r"run\.temp.*number"),
                ("[run]\ntemp = -1\n", r"run\.temp.*--temp.*need"), ("[run]\ntop-k = 1.5\n", r"run\.top-k"),
                ("[run]\njson = 1\n", r"run\.json.*true or false"), ("[run\n", "line 1"),
                ("[run]\nconfig = \"x\"\n", r"run\.config"), ("[bench]\nrepetitions = 0\n", r"bench\.repetitions"),
                ("[run]\nstop = [1979-05-27]\n", "dates"), ("[run]\n\"a\\u001b\" = 1\n", r"run\.a\\x1b"),
                (b"[run]\nsystem = \"\xff\"\n", "line 2")]:
            with self.subTest(content=content):
                self.assert_error(run("hi", "--config", self.file("c.toml", content)), 78, "c.toml: .*" + pattern)
        self.assert_error(run("hi", "--config", str(self.folder / "none")), 66, "none: ")

    def test_greedy_of_a_file_yields_to_the_command_line(self):
        path = self.file("c.toml", "[run]\ngreedy = true\nseed = 1\n")
        lines = run("hi", "-n", "1", "--config", path, "--temp", "0.5", "-v").error_lines
        self.assertIn("  temp 0.5 (command line)", lines)
        lines = run("hi", "-n", "1", "--config", path, "-v").error_lines
        self.assertIn(f"  temp 0 (--greedy, {path})", lines)

    def test_strict_makes_notices_errors(self):
        self.assertEqual(run("hi", "-n", "1", "--strict").code, 0)


if __name__ == "__main__":
    main()
