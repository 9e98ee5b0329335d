"""Every file of support/malformed.h through nalar inspect and nalar run: the exit code and line that its class asks for,
no signal, no memory beyond the file and 256 MiB. Tells the slowest.

Arguments: the program make_malformed; K/N: this entry takes every N-th case from the K-th on.
"""

import codecs
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import CliTest, main, nalar

MEMORY_BEYOND_FILE = 256 << 20
MAKER, PART = sys.argv.pop(1), sys.argv.pop(1)
PART_INDEX, PARTS = (int(x) for x in PART.split("/"))


def size_of(path):
    """Bytes of the files that a path names."""
    path = pathlib.Path(os.fsdecode(path))
    try:
        if path.is_dir():
            return sum(p.lstat().st_size for p in path.iterdir() if p.is_file())
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


class MalformedFiles(CliTest):
    def test_all(self):
        folder = tempfile.TemporaryDirectory(prefix="nalar-malformed-")
        self.addCleanup(folder.cleanup)
        subprocess.run([MAKER, folder.name], check=True)
        rows = (pathlib.Path(folder.name) / "manifest.tsv").read_text().splitlines()
        self.assertGreater(len(rows), 100)
        slowest, largest = (0, ""), (0, "")
        for row in rows[PART_INDEX::PARTS]:
            number, name, code, pattern = row.split("\t")
            path = os.path.join(os.fsencode(folder.name), codecs.escape_decode(name.encode())[0])
            for arguments in (("inspect", path), ("run", path, "hi", "-n", "1", "-t", "1")):
                with self.subTest(row=number, path=name, command=arguments[0]):
                    result = nalar(*arguments)
                    self.check(result, int(code), pattern)
                    beyond = result.peak_bytes - size_of(path)
                    self.assertLess(beyond, MEMORY_BEYOND_FILE)
                    slowest = max(slowest, (result.seconds, name))
                    largest = max(largest, (beyond, name))
        print(f"slowest {slowest[0]:.2f} s {slowest[1]}; most memory beyond the file {largest[0] >> 20} MiB {largest[1]}")

    def check(self, result, code, pattern):
        self.assertGreaterEqual(result.code, 0, f"signal {-result.code}")
        if code == 0:
            # The readers take it; a later stage may find that it is no model.
            self.assertIn(result.code, (0, 65, 66), result.err)
            return
        self.assertEqual(result.code, code, result.err)
        lines = result.error_lines
        self.assertTrue(1 <= len(lines) <= 2, lines)
        self.assertTrue(lines[0].startswith("nalar: "), lines)
        self.assertTrue(re.search(pattern, lines[0]), (pattern, lines))
        self.assertTrue(all(0x20 <= b or b == 0x0A for b in result.err), result.err)


if __name__ == "__main__":
    main()
