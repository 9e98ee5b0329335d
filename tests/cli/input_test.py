"""Prompts and paths that are no good: codes 64, 65, 66, names escaped, no hang, little memory."""

import os
import socket

from harness import GOLDEN, CliTest, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")


def run(*arguments, **more):
    return nalar("run", MODEL, "-t", "1", *arguments, **more)


class Prompts(CliTest):
    def test_empty(self):
        self.assert_error(run(""), 64, "PROMPT is empty")
        self.assert_error(run(stdin=b""), 65, "standard input: empty")
        self.assert_error(run(stdin=b"\n"), 65, "standard input: empty")
        self.assert_error(run("-f", self.file("empty", b"")), 65, "empty: ")
        self.assert_error(run("hi", "-", stdin=b""), 65, "standard input: empty")

    def test_closed_stdin(self):
        result = run(prepare=lambda: os.close(0))
        self.assert_error(result, 64, "standard input: it is closed")

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


if __name__ == "__main__":
    main()
