"""No network: the kernel refuses sockets to every command, and none is ever asked for."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from harness import BINARY, GOLDEN, HANGS, CliTest, environment, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
COMMANDS = [("run", MODEL, "Once", "-n", "2", "-t", "1"), ("inspect", MODEL),
            ("bench", MODEL, "-p", "4", "-n", "2", "-r", "1", "-t", "1"), ("--help",), ("run", "--help"), ("run",)]


def status_of_self(command, field):
    """A line of /proc/PID/status of the program while it waits for its input."""
    read, write = os.pipe()
    child = subprocess.Popen([BINARY, *command], stdin=read, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=environment())
    os.close(read)
    try:
        for _ in range(2000):
            time.sleep(0.01)
            text = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            if re.search(r"^Seccomp:\t2$", text, re.M):
                break
        return re.search(rf"^{field}:\t(\d+)$", text, re.M).group(1)
    finally:
        os.close(write)
        child.wait()


class Network(CliTest):
    def test_the_filter_holds_while_it_runs(self):
        self.assertEqual(status_of_self(("run", MODEL), "Seccomp"), "2")
        self.assertEqual(status_of_self(("run", MODEL), "NoNewPrivs"), "1")

    def test_no_socket_is_asked_for(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        trace = self.folder / "trace"
        for command in COMMANDS:
            with self.subTest(command=command[0]):
                done = subprocess.run(["strace", "-f", "-e", "trace=network", "-o", str(trace), BINARY, *command],
                                      capture_output=True, env=environment(), stdin=subprocess.DEVNULL, timeout=HANGS)
                text = trace.read_text()
                if "exited with" not in text:
                    self.skipTest("strace may not trace here")
                self.assertIn(done.returncode, (0, 64), done.stderr)
                self.assertNotRegex(text, "AF_INET|AF_NETLINK|connect|sendto")

    def test_nothing_listens_nothing_is_sent(self):
        # A server on this host would be reached if a proxy or a host name of the environment were used.
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        server.settimeout(0.05)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = nalar("run", address, "hi", isolated=False, env={"http_proxy": address, "https_proxy": address})
        self.assert_error(result, 66, "http://127")
        with self.assertRaises(socket.timeout):
            server.accept()


if __name__ == "__main__":
    main()
