"""Processes of ours without seconds of imports each: forked from one that has imported the libraries they are built on.

They are processes as any other, with their own environment, folder and outputs; what is ours is imported in each anew.
Not for what is about importing, nor for what libraries read from the environment while they are imported.
"""

import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LARGEST = 1 << 20


class _Server:
    """The process that forks, started at first use and ended with this one."""

    def __init__(self):
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_server", str(theirs.fileno())],
                cwd=ROOT,
                env=clean,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def ask(self, question, files=()):
        """Send a question with open files, and return the answer."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(question).encode()], list(files))
            return json.loads(self._socket.recv(_LARGEST))


@functools.cache
def _server():
    return _Server()


class Popen:
    """`python ...` with these arguments, as `subprocess.Popen` would run it.

    Args:
        arguments: ``-m module ...`` or ``-c code ...``.
        env: Its whole environment.
        cwd: The folder that it works in.
        stdout: Where its output goes; this process's when left out.
        stderr: The same for errors; ``subprocess.STDOUT`` sends them after its output.
    """

    def __init__(self, arguments, *, env, cwd, stdout=None, stderr=None):
        out = sys.__stdout__ if stdout is None else stdout
        errors = out if stderr is subprocess.STDOUT else sys.__stderr__ if stderr is None else stderr
        question = {"start": [str(each) for each in arguments], "env": dict(env), "cwd": str(cwd)}
        self.args = [sys.executable, *arguments]
        self.pid = _server().ask(question, [out.fileno(), errors.fileno()])["pid"]
        self.returncode = None

    def poll(self):
        """Its exit code; None while it runs."""
        if self.returncode is None:
            self.returncode = _server().ask({"poll": self.pid})["code"]
        return self.returncode

    def wait(self, timeout=None):
        """Wait for its end, and return its exit code."""
        if self.poll() is None:
            handle = os.pidfd_open(self.pid)
            try:
                # Not select.select, which knows no file above 1023.
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                ended = poll.poll(None if timeout is None else timeout * 1000)
            finally:
                os.close(handle)
            if not ended:
                raise subprocess.TimeoutExpired(self.args, timeout)
        return self.poll()

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run(arguments, *, env, cwd, timeout):
    """Run `python ...` to its end, as `subprocess.run` with its outputs as text."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = Popen(arguments, env=env, cwd=cwd, stdout=out, stderr=errors)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read())
        return subprocess.CompletedProcess(process.args, code, *texts)
