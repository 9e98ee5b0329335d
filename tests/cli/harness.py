"""Runs the built program as a person or a script would, and measures it.

Environment: NALAR_BINARY, the program. Where the system allows it every run has a network namespace of its own
without an interface (unshare -rn).
"""

import atexit
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

BINARY = os.environ["NALAR_BINARY"]
HANGS = 300  # seconds after which a program is taken to hang; no measure of speed
TESTS = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = TESTS / "golden"


def _isolated():
    if shutil.which("unshare") is None:
        return []
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True)
    return ["unshare", "-rn"] if probe.returncode == 0 else []


ISOLATED = _isolated()
if not ISOLATED:
    print("unshare -rn is refused here: run without a network namespace", file=sys.stderr)


def environment(extra=None):
    """As a login would have it, whatever the caller's is."""
    keep = {k: v for k, v in os.environ.items()
            if k in ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "NALAR_ISA",
                     "LD_LIBRARY_PATH")}
    keep["LC_ALL"] = "C.UTF-8"
    keep["TERM"] = "xterm"
    keep.update(extra or {})
    return keep


def turkish():
    """Environment of a Turkish login (upper and lower case i differ, a comma in numbers), the locale made here; None where
    that is not possible."""
    if shutil.which("localedef") is None:
        return None
    folder = tempfile.mkdtemp(prefix="nalar-locale-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", f"{folder}/tr_TR.UTF-8"], capture_output=True)
    return {"LOCPATH": folder, "LC_ALL": "tr_TR.UTF-8"} if made.returncode == 0 else None


class Result:
    """What a run left: code is the exit code, negative for a signal."""

    def __init__(self, code, out, err, seconds, peak_bytes):
        self.code, self.out, self.err = code, out, err
        self.seconds, self.peak_bytes = seconds, peak_bytes

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def error_lines(self):
        return self.err.decode("utf-8").splitlines()


def nalar(*arguments, stdin=b"", env=None, timeout=HANGS, stdout=None, prepare=None, isolated=True):
    """Runs nalar to its end. stdin: bytes or an open file; stdout: an open file in place of a pipe."""
    command = (ISOLATED if isolated else []) + [BINARY, *[os.fsencode(a) for a in arguments]]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if isinstance(stdin, bytes):
            given.write(stdin)
            given.seek(0)
            stdin = given
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=stdin, stdout=stdout or out, stderr=err, env=environment(env),
                                 preexec_fn=prepare, restore_signals=True)
        deadline = start + timeout
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                child.kill()
                os.wait4(child.pid, 0)
                child.returncode = -9
                raise AssertionError(f"no end after {timeout} s: {command}")
            time.sleep(0.002)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        return Result(child.returncode, out.read(), err.read(), seconds, usage.ru_maxrss * 1024)


class Terminal:
    """nalar on a pseudo-terminal."""

    def __init__(self, *arguments, env=None, size=(24, 80)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(BINARY, [BINARY, *arguments], environment(env))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.seen = b""
        self.code = None

    def _read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return None
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return b""
        self.seen += data
        return data

    def wait_for(self, pattern, timeout=HANGS):
        """Reads until the pattern stands in what came since the last call; returns what came."""
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.seen):
            if time.monotonic() > deadline or self._read(0.1) == b"":
                raise AssertionError(f"{pattern!r} did not come, but {self.seen!r}")
        seen, self.seen = self.seen, b""
        return seen

    def wait_for_key(self):
        """Waits until keys are read one by one: the line editor prints its prompt a moment before."""
        deadline = time.monotonic() + 30
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            if time.monotonic() > deadline:
                raise AssertionError("the line editor does not read")
            time.sleep(0.002)

    def send(self, data):
        os.write(self.fd, data)

    def end(self, timeout=HANGS):
        """Waits for the end of the program; returns the rest of its output."""
        deadline = time.monotonic() + timeout
        while self.code is None:
            self._read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"no end after {timeout} s; last seen {self.seen!r}")
        while self._read(0.02):
            pass
        os.close(self.fd)
        return self.seen


class CliTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nalar-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def assert_error(self, result, code, pattern):
        """This exit code, nothing on stdout, one line "nalar: …" that matches, perhaps a hint."""
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(result.out, b"")
        lines = result.error_lines
        self.assertTrue(lines, "nothing on stderr")
        self.assertTrue(lines[0].startswith("nalar: "), lines)
        self.assertRegex(lines[0], pattern)
        self.assertLessEqual(len(lines), 2, lines)
        if len(lines) == 2:
            self.assertTrue(lines[1].startswith("  try: "), lines)
        self.assertTrue(all(0x20 <= b or b == 0x0A for b in result.err), result.err)


def main():
    unittest.main(verbosity=1)
