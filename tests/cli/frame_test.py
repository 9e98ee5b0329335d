"""The frame of the program: help, version, codes of a wrong command line, streams. Needs no model."""

import os
import re

from harness import BINARY, CliTest, Terminal, main, nalar

CODES = [0, 64, 65, 66, 70, 71, 73, 74, 75, 77, 78]


class Frame(CliTest):
    def test_help_holds_the_table_of_exit_codes(self):
        result = nalar("--help")
        self.assertEqual(result.code, 0)
        self.assertEqual(result.err, b"")
        for code in CODES:
            self.assertRegex(result.text, rf"(?m)^  {code} +\w")
        self.assertIn("128+N", result.text)
        self.assertEqual(nalar("-h").out, result.out)

    def test_version_tells_the_network_lock(self):
        result = nalar("--version")
        self.assertEqual(result.code, 0)
        self.assertRegex(result.text, r"\Analar \d+\.\d+\.\d+\n")
        for line in ("commit", "compiler", "network     none", "LibTorch"):
            self.assertRegex(result.text, rf"(?m)^{line}")

    def test_version_outside_a_namespace(self):
        # The lock is the kernel filter's, not the namespace's.
        self.assertRegex(nalar("--version", isolated=False).text, r"(?m)^network     none")

    def test_no_or_unknown_command(self):
        self.assert_error(nalar(), 64, "no command")
        self.assert_error(nalar("fly"), 64, 'unknown command "fly"')
        self.assert_error(nalar("\x1b[31m\n"), 64, r'unknown command "\\x1b\[31m\\n"')
        self.assert_error(nalar(b"\xff\xfe"), 64, r'unknown command "\\xff\\xfe"')

    def test_help_is_not_wider_than_the_columns(self):
        for columns in ("40", "60", "80"):
            for line in nalar("--help", env={"COLUMNS": columns}).text.splitlines():
                if "  " not in line.strip():
                    continue
                self.assertLessEqual(len(line), max(int(columns), 64))


class Streams(CliTest):
    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assert_error(nalar("--help", stdout=full), 74, "standard output: No space left")

    def test_closed_stdout(self):
        self.assert_error(nalar("--help", prepare=lambda: os.close(1)), 74, "standard output")

    def test_all_closed(self):
        def close_all():
            for fd in (0, 1, 2):
                os.close(fd)
        self.assertEqual(nalar("--help", prepare=close_all).code, 74)

    def test_closed_pipe_ends_it_quietly(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as broken:
            result = nalar("--help", stdout=broken)
        self.assertEqual((result.code, result.err), (-13, b""))

    def test_locales(self):
        expected = nalar("--help").out
        for locale in ("C", "POSIX", "nonsense"):
            self.assertEqual(nalar("--help", env={"LC_ALL": locale}).out, expected)

    def test_no_colour_and_dumb_terminals(self):
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {}):
            terminal = Terminal("--help", env=env)
            shown = terminal.end()
            self.assertEqual(terminal.code, 0)
            self.assertNotIn(b"\x1b", shown)


if __name__ == "__main__":
    main()
