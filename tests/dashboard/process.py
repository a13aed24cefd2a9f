"""The dashboard as a process of its own, for tests."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

READY_SECONDS = 60


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DashboardProcess:
    """`python -m dashboard` on a free port, in an empty folder.

    Args:
        folder: where it works and writes its log.
        api_url: of the monitoring API it asks.
        env: variables on top.
        port: where it listens; a free one when none is given.
        verify: what its certificate is checked with, when it serves HTTPS.
    """

    def __init__(
        self,
        folder: Path,
        api_url: str,
        env: dict[str, str] | None = None,
        *,
        port: int = 0,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"{'https' if verify else 'http'}://127.0.0.1:{self.port}"
        self._verify = verify or True
        self._log = folder / "dashboard.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
        self._env = {
            **kept,
            "SIGHTGLASS_DASHBOARD_PORT": str(self.port),
            "SIGHTGLASS_DASHBOARD_API_URL": api_url,
            "OTEL_SDK_DISABLED": "true",
            **(env or {}),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard"],
                cwd=folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")

    def wait_ready(self) -> None:
        """Wait until it answers its health check."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self.process.poll() is None, f"The dashboard ended:\n{self.log}"
            assert time.monotonic() < deadline, f"The dashboard is not ready:\n{self.log}"
            try:
                if httpx.get(f"{self.url}/_stcore/health", timeout=2, verify=self._verify).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)

    def stop(self, timeout_seconds: float = 15) -> int:
        """Ask it to end, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self) -> Self:
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
