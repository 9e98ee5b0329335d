"""nalar run without a prompt, on a pseudo-terminal: a chat."""

import json
import os
import signal
import stat

from harness import GOLDEN, CliTest, Terminal, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
TEMPLATE = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}\n{% endfor %}Once upon a time"


def prompt(terminal, pattern=rb"\n> $"):
    """Waits for what comes before the next line can be typed; returns it."""
    seen = terminal.wait_for(pattern)
    terminal.wait_for_key()
    return seen


class Chat(CliTest):
    def chat(self, *arguments, **more):
        template = self.file("t.jinja", TEMPLATE)
        terminal = Terminal("run", MODEL, "--template", template, "--greedy", "-t", "1", *arguments, **more)
        prompt(terminal, b"> $")
        return terminal

    def test_answer_save_quit(self):
        path = self.folder / "saved.jsonl"
        terminal = self.chat("-n", "8", "--system", "be kind")
        terminal.send(b"hello there\r")
        shown = prompt(terminal)
        self.assertIn(b"hello there\r\n", shown)
        terminal.send(f"/save {path}\r".encode())
        prompt(terminal, rb"saved 3 messages\r\n> $")
        terminal.send(f"/save {path}\r".encode())
        prompt(terminal, rb"nalar: \S*saved.jsonl: [^\r]*\r\n.*> $")
        terminal.send(b"/quit\r")
        terminal.end()
        self.assertEqual(terminal.code, 0)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        row = json.loads(path.read_text())
        self.assertEqual([m["role"] for m in row["messages"]], ["system", "user", "assistant"])
        self.assertEqual(row["messages"][1]["content"], "hello there")
        self.assertIn(row["messages"][2]["content"].split("\n")[0].strip().encode(), shown)

    def test_commands(self):
        terminal = self.chat("-n", "2")
        for sent, wanted in ((b"/help\r", rb"/reset .*/system .*/save .*/quit "), (b"/nonsense\r", rb"no such command: /nonsense"),
                             (b"/system be brief\r", rb"system prompt"), (b"/reset\r", rb"forgotten"), (b"\r", rb"")):
            terminal.send(sent)
            prompt(terminal, rb"(?s)" + wanted + rb".*\n> $")
        terminal.send(b"\x04")
        terminal.end()
        self.assertEqual(terminal.code, 0)

    def test_several_lines_and_characters(self):
        path = self.folder / "saved.jsonl"
        terminal = self.chat("-n", "2", env={"LC_ALL": "C"})
        terminal.send(b'"""first\r')
        prompt(terminal, rb"\| $")
        terminal.send("zweite \u00e4\u20ac\U0001F600\r".encode())
        prompt(terminal, rb"\| $")
        terminal.send(b'end"""\r')
        prompt(terminal)
        # The last character is taken back whole.
        terminal.send("caf\u00e9\u20ac\x7f\r".encode())
        prompt(terminal)
        terminal.send(f"/save {path}\r".encode())
        terminal.wait_for(rb"saved 4 messages")
        terminal.send(b"/quit\r")
        terminal.end()
        messages = json.loads(path.read_text())["messages"]
        self.assertEqual(messages[0]["content"], "first\nzweite \u00e4\u20ac\U0001F600\nend")
        self.assertEqual(messages[2]["content"], "caf\u00e9")

    def test_interrupt_stops_the_answer_and_twice_ends(self):
        terminal = self.chat("--ignore-eos", "--on-overflow", "shift")
        terminal.send(b"go on\r")
        terminal.wait_for(rb"go on\r\n(?s:.){40}")
        terminal.send(b"\x03")
        prompt(terminal)
        # The chat goes on, and a word between makes it the first interrupt again.
        terminal.send(b"/help\r")
        prompt(terminal, rb"(?s)/quit.*\n> $")
        terminal.send(b"half a line\x03")
        prompt(terminal, rb"\^C\r\n> $")
        terminal.send(b"\x03")
        terminal.end()
        self.assertEqual(terminal.code, -signal.SIGINT)

    def test_two_interrupts_during_an_answer(self):
        terminal = self.chat("--ignore-eos", "--on-overflow", "shift")
        terminal.send(b"go on\r")
        terminal.wait_for(rb"go on\r\n(?s:.){40}")
        os.kill(terminal.pid, signal.SIGINT)
        os.kill(terminal.pid, signal.SIGINT)
        try:
            terminal.wait_for(rb"\n> $", timeout=5)
            terminal.send(b"\x03")
        except (AssertionError, OSError):
            pass
        terminal.end()
        self.assertEqual(terminal.code, -signal.SIGINT)

    def test_history_file(self):
        path = self.folder / "history"
        terminal = self.chat("-n", "1", "--history", str(path))
        terminal.send(b"remember me\r")
        prompt(terminal)
        terminal.send(b"\x04")
        terminal.end()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertIn("remember", path.read_text())
        terminal = self.chat("-n", "1", "--history", str(path))
        terminal.send(b"\x1b[A")
        terminal.wait_for(rb"remember me")
        terminal.send(b"\x15\x04")
        terminal.end()

    def test_history_that_cannot_be_kept(self):
        for path, code in ((str(self.folder / "no" / "history"), 73), (self.file("h", "no history\n"), 65)):
            template = self.file("t.jinja", TEMPLATE)
            terminal = Terminal("run", MODEL, "--template", template, "--history", path)
            self.assertIn(os.path.basename(path).encode(), terminal.end())
            self.assertEqual(terminal.code, code)

    def test_no_history_without_being_asked(self):
        before = set(os.listdir(self.folder))
        terminal = self.chat("-n", "1", env={"HOME": str(self.folder)})
        terminal.send(b"secret\r")
        prompt(terminal)
        terminal.send(b"\x04")
        terminal.end()
        self.assertEqual(set(os.listdir(self.folder)) - before, {"t.jinja"})

    def test_dumb_terminals(self):
        for env in ({"TERM": "dumb"}, {"TERM": "unknown-terminal"}, {"TERM": ""}, {"NO_COLOR": "1", "TERM": "dumb"}):
            terminal = self.chat("-n", "2", env=env)
            terminal.send(b"hello\r")
            shown = prompt(terminal)
            self.assertNotIn(b"\x1b[3", shown)
            terminal.send(b"/quit\r")
            terminal.end()
            self.assertEqual(terminal.code, 0)


class OneAnswer(CliTest):
    def test_text_on_a_terminal_is_filtered(self):
        text = "a\x1b]0;owned\x07\x1b[31m\u202eb"
        terminal = Terminal("run", MODEL, text, "--show-prompt")
        shown = terminal.end()
        self.assertIn(rb"a\x1b]0;owned\x07\x1b[31m\u{202e}b", shown)
        self.assertNotIn(b"\x1b", shown)
        terminal = Terminal("run", MODEL, text, "--show-prompt", "--raw-output")
        self.assertIn(b"a\x1b]0;owned\x07\x1b[31m", terminal.end())
        self.assertIn(text, nalar("run", MODEL, text, "--show-prompt").text)

    def test_a_line_end_at_the_end(self):
        terminal = Terminal("run", MODEL, "Once", "-n", "3", "--greedy", "-t", "1")
        self.assertTrue(terminal.end().endswith(b"\r\n"))
        self.assertFalse(nalar("run", MODEL, "Once", "-n", "3", "--greedy", "-t", "1").out.endswith(b"\n"))

    def test_a_base_model_says_so(self):
        terminal = Terminal("run", MODEL, "Once", "-n", "3", "-t", "1")
        self.assertIn(b"no chat template", terminal.end())
        terminal = Terminal("run", MODEL)
        self.assertIn(b"a chat needs a chat template", terminal.end())
        self.assertEqual(terminal.code, 64)

    def test_json_needs_a_prompt(self):
        terminal = Terminal("run", MODEL, "--json")
        self.assertIn(b"--json needs a prompt", terminal.end())
        self.assertEqual(terminal.code, 64)

    def test_interrupt_kills(self):
        terminal = Terminal("run", MODEL, "Once", "-t", "1", "--ignore-eos", "--on-overflow", "shift")
        terminal.wait_for(rb"(?s)as it is\r\n.{20}")
        terminal.send(b"\x03")
        terminal.end()
        self.assertEqual(terminal.code, -signal.SIGINT)


if __name__ == "__main__":
    main()
