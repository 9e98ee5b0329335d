"""A wrong command line: code 64 and one line that names the option and its range."""

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
        for name in ("--batch", "--parallel", "--json-schema", "--grammar", "--draft", "--prompt-cache", "--kv-type"):
            for arguments in ((name, "x"), (name,), (name + "=x",)):
                self.assert_error(run("hi", *arguments), 64, f"^nalar: {name} is not there yet$")

    def test_help_of_each_command_names_the_options(self):
        text = nalar("run", "--help").text
        for name in ("--temp", "--top-k", "--top-p", "--min-p", "--typical-p", "--repeat-penalty", "--presence-penalty",
                     "--frequency-penalty", "--repeat-last-n", "--logit-bias", "--ignore-eos", "--stop", "--greedy",
                     "--max-tokens", "--logprobs", "--on-overflow", "--system", "--raw", "--template", "--template-arg",
                     "--show-prompt", "--raw-output", "--history", "--file", "--device", "--threads", "--compute", "--ctx",
                     "--seed", "--config", "--print-config", "--strict", "--dry-run", "--json", "--quiet", "--verbose",
                     "--version", "--help", "--allow-symlinks", "--adapter"):
            self.assertIn(name, text)
        for columns in (60, 80, 100):
            for command in ("run", "finetune", "bench", "inspect"):
                lines = nalar(command, "--help", env={"COLUMNS": str(columns)}).text.splitlines()
                self.assertLessEqual(max(len(line) for line in lines), columns)


if __name__ == "__main__":
    main()
