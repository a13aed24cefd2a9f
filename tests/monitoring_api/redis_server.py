"""A real Redis, in memory alone, on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import redis.asyncio

from tests.integration.stack import free_ports

PROGRAMS = ("redis-server", "valkey-server")
LACKING = "No Redis was found: install one with `apt-get install redis-server`."


class RedisServer:
    """Starts, stops and kills one; the process is its own.

    Args:
        arguments: Further ones of the program.
        port: Where it listens; by default a free port.
    """

    def __init__(self, *arguments: str, port: int | None = None) -> None:
        self.port = free_ports(["redis"])["redis"] if port is None else port
        self._arguments = arguments
        self._process: subprocess.Popen | None = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.folder.cleanup()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            # What a test lacks makes it fail in CI.
            (pytest.fail if os.environ.get("CI") else pytest.skip)(LACKING)
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, *self._arguments], cwd=self.folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        ends = time.monotonic() + 20
        while not self._listens():
            assert self._process.poll() is None, "redis-server ended at its start"
            assert time.monotonic() < ends, "redis-server does not listen"
            time.sleep(0.02)

    def client(self) -> redis.asyncio.Redis:
        """A client of a test's own."""
        return redis.asyncio.Redis(port=self.port)

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it answer nothing, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)
