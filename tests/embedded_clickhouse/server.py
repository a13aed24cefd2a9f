"""A real embedded ClickHouse process for tests."""

import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode

import clickhouse_connect
import httpx

from tests import warm

START_SECONDS = 60


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, seconds: float = 20, what: str = "the condition"):
    """Poll until the condition is true, and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


class EmbeddedServer:
    """Starts `python -m services.embedded_clickhouse` on a free port and in its own folder; stops it by its pid."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.verify: ssl.SSLContext | bool = True
        self._env = env or {}
        self.process: warm.Popen | None = None

    def spawn(self) -> warm.Popen:
        """Start the process without waiting for it."""
        settings = {
            "OTEL_SDK_DISABLED": "true",
            "SIGHTGLASS_DATA_DIR": str(self.folder),
            "SIGHTGLASS_CLICKHOUSE_PORT": str(self.port),
        }
        log = self.folder.with_suffix(".log").open("ab")
        return warm.Popen(
            ["-m", "services.embedded_clickhouse"],
            env={**os.environ, **settings, **self._env},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=warm.ROOT,
        )

    def start(self) -> "EmbeddedServer":
        """Start the process and wait until it answers."""
        self.process = self.spawn()
        wait_until(self._ready, START_SECONDS, f"ClickHouse on {self.url}")
        return self

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.log())
        try:
            return httpx.get(f"{self.url}/ping", timeout=2, verify=self.verify).text == "Ok.\n"
        except httpx.TransportError:
            return False

    def log(self) -> str:
        """Return what the process wrote to its outputs."""
        return self.folder.with_suffix(".log").read_text(errors="replace")

    def stop(self, with_signal: int = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(with_signal)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def password(self, user: str) -> str:
        """Return the password that the process made for a user."""
        return (self.folder / "secrets" / f"clickhouse-{user}.password").read_text().strip()

    def client(self, user: str, **options):
        """Make a clickhouse-connect client."""
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.port,
            username=user,
            password=self.password(user),
            **{"database": "otel", "autogenerate_session_id": False, **options},
        )

    def post(
        self, user: str, body: str | bytes = "", headers: dict[str, str] | None = None, **parameters
    ) -> httpx.Response:
        """Ask as curl does: Basic authentication, the statement in the body, everything else in the URL."""
        return httpx.post(
            f"{self.url}/?{urlencode(parameters)}",
            content=body,
            headers=headers,
            auth=(user, self.password(user)),
            timeout=60,
        )

    def query_log(self, user: str = "reader", **conditions: str) -> dict:
        """Return what the adapter's query log knows of statements that meet the conditions."""
        answer = httpx.get(f"{self.url}/query_log", params=conditions, auth=(user, self.password(user)))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def resident_bytes(self) -> int:
        """Return how much memory the process holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096

    def ask(self, user: str, sql: str, **parameters) -> str:
        """Return the answer's text, or fail."""
        answer = self.post(user, sql, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.text

    def refusal(self, user: str, sql: str, **parameters) -> int:
        """Return the exception code of a statement that must fail."""
        answer = self.post(user, sql, **parameters)
        assert answer.status_code != 200, f"{sql} was answered with {answer.text[:200]}"
        return int(answer.headers["X-ClickHouse-Exception-Code"])
