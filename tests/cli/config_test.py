"""--config and --print-config."""

import json

from harness import GOLDEN, CliTest, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")


def run(*arguments, **more):
    return nalar("run", MODEL, "-t", "1", *arguments, **more)


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
        # An index whose total is wrong is taken with a notice.
        source = GOLDEN / "models" / "llama-llama3"
        weights = (source / "model.safetensors").read_bytes()
        header = json.loads(weights[8:8 + int.from_bytes(weights[:8], "little")])
        shard = "model-00001-of-00001.safetensors"
        self.file(shard, weights)
        self.file("config.json", (source / "config.json").read_bytes())
        names = {name: shard for name in header if name != "__metadata__"}
        self.file("model.safetensors.index.json", json.dumps({"metadata": {"total_size": 1}, "weight_map": names}))
        taken = nalar("inspect", str(self.folder))
        self.assertEqual(taken.code, 0, taken.err)
        self.assertRegex(taken.error_lines[0], "^nalar: notice: .*total_size")
        self.assertEqual(nalar("inspect", str(self.folder), "-q").err, b"")
        self.assert_error(nalar("inspect", str(self.folder), "--strict"), 65, "total_size")


if __name__ == "__main__":
    main()
