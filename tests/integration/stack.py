"""The real stack on free ports and in a folder of its own, for tests."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import platformdirs
import psutil

from services.cli.supervisor.readiness import recorded_probe
from services.cli.supervisor.remnants import end_remnants, find_remnants
from services.cli.supervisor.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
_PORT_VARIABLES = {
    "clickhouse": "SIGHTGLASS_CLICKHOUSE_PORT",
    "collector": "SIGHTGLASS_COLLECTOR_HTTP_PORT",
    "collector-grpc": "SIGHTGLASS_COLLECTOR_GRPC_PORT",
    "collector-health": "SIGHTGLASS_COLLECTOR_HEALTH_PORT",
    "collector-metrics": "SIGHTGLASS_COLLECTOR_METRICS_PORT",
    "collector-self": "SIGHTGLASS_COLLECTOR_SELF_PORT",
    "ml-api": "SIGHTGLASS_ML_API_PORT",
    "monitoring-api": "SIGHTGLASS_MONITORING_API_PORT",
    "dashboard": "SIGHTGLASS_DASHBOARD_PORT",
}


class Stack:
    """Everything that `sightglass up` starts, as a user would start it.

    Args:
        folder: an empty folder; the data folder lies in it, and the processes work there.
        processes: the processes wanted, with what they need; none means all.
        env: variables on top of the free ports.
        trained: hand in the model that is trained once per machine, instead of training one.
        data_folder: the data folder's name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        processes: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        trained: bool = True,
        data_folder: str = "data",
    ) -> None:
        self.folder = folder
        self.data_dir = folder / data_folder
        self.ports = free_ports(_PORT_VARIABLES)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
            **{variable: str(self.ports[name]) for name, variable in _PORT_VARIABLES.items()},
            "SIGHTGLASS_DATA_DIR": str(self.data_dir),
            **(env or {}),
        }
        self._processes = tuple(processes)
        self._trained = trained
        self._run = RunFolder(self.data_dir)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bring it up; what could not be brought up says so in the assertion."""
        self.prepare()
        only = [word for name in self._processes for word in ("--only", name)]
        try:
            up = self.cli("up", "--detach", *only, timeout=900)
            assert up.returncode == 0, up.stdout + up.stderr
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Make the data folder, with the trained model in it, and start nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if self._trained and not (self.data_dir / "models").exists():
            shutil.copytree(trained_models(), self.data_dir / "models")

    def stop(self) -> None:
        """Bring it down, and make sure by process id that nothing of it runs."""
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.cli("down", timeout=150)
        finally:
            state = self._run.read_state()
            if self._run.is_owned() and (pid := self._run.pid()):
                os.kill(pid, signal.SIGKILL)
            end_remnants(find_remnants(state), grace_seconds=2)

    def url(self, name: str) -> str:
        """The base URL of a process; the Collector's is the one for OTLP over HTTP."""
        scheme = "https" if f"SIGHTGLASS_{name.upper().replace('-', '_')}_TLS_CERT_FILE" in self.env else "http"
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def pid(self, name: str) -> int | None:
        """The process id as the supervisor has it now."""
        return self._entry(name)["pid"]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process, and return its id."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)
        return pid

    def wait_up(self, name: str, seconds: float = 60) -> None:
        """Wait until a process runs and answers that it is ready."""
        deadline = time.monotonic() + seconds
        while not self.is_up(name):
            assert time.monotonic() < deadline, f"{name} is not up: {self._entry(name)}\n{self.log(name)}"
            time.sleep(0.1)

    def is_up(self, name: str) -> bool:
        """Whether a process runs and answers now that it is ready."""
        entry = self._entry(name)
        if entry["state"] != "up" or not _is_alive(entry["pid"]):
            return False
        probe = recorded_probe(entry["probe"])
        return probe is None or asyncio.run(probe.ask(entry["pid"])).ready

    def log(self, name: str) -> str:
        """The end of a process's log."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data_dir / "logs" / f"{name}.log").read_text(errors="replace")[-5000:]
        return ""

    def password(self, user: str) -> str:
        """The password of one of ClickHouse's users: collector, reader, maintainer, migrator."""
        return (self.data_dir / "secrets" / f"clickhouse-{user}.password").read_text().strip()

    def clickhouse(
        self, sql: str, user: str = "reader", parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Sequence[Any]]:
        """Ask ClickHouse and return the rows."""
        import clickhouse_connect

        client = clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.ports["clickhouse"],
            username=user,
            password=self.password(user),
            database="otel",
            autogenerate_session_id=False,
        )
        with contextlib.closing(client):
            return client.query(sql, parameters=dict(parameters or {})).result_rows

    def cli(
        self, *arguments: str, timeout: float = 120, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `sightglass ARGUMENTS` on this stack."""
        return subprocess.run(
            [sys.executable, "-m", "sightglass", *arguments],
            env={**self.env, **(env or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _entry(self, name: str) -> dict[str, Any]:
        processes = self._run.read_state().get("processes", [])
        return next(entry for entry in processes if entry["name"] == name)


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_PORTS = range(15_000 + _WORKER, 32_000, _WORKERS)


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Find a free port for each name, below those that the kernel gives to outgoing connections meanwhile.

    A port is taken only once its process listens, so each of pytest's workers has a range of its own.
    """
    with contextlib.ExitStack() as held:
        return {name: _free_port(held) for name in names}


def _free_port(held: contextlib.ExitStack) -> int:
    for _ in range(1000):
        number = random.SystemRandom().choice(_PORTS)
        listener = held.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", number))
            return number
    raise AssertionError("no free port")


def trained_models() -> Path:
    """The folder of a model trained by this very code, made once per machine and kept in the user's cache."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "services" / "ml_api").rglob("*.py")):
        digest.update(file.read_bytes())
    home = Path(platformdirs.user_cache_dir("sightglass")) / "test-models" / digest.hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any((home / "models").glob("*/active.json")):
            training = subprocess.run(
                [sys.executable, "-m", "sightglass", "models", "train"],
                env={**os.environ, "SIGHTGLASS_DATA_DIR": str(home)},
                cwd=home,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            assert training.returncode == 0, training.stdout + training.stderr
    return home / "models"


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
