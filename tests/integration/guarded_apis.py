"""Both APIs as real processes that ask for tokens, for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.integration.stack import ROOT, free_ports

_READY_SECONDS = 90
_STOP_SECONDS = 15
# Every worker of a port is met by this many connections of their own, but for a chance that is nil.
CONNECTIONS = 30


class GuardedApis:
    """A data folder and the processes on it, each started by itself.

    Args:
        folder: The data folder.
        env: Variables of all processes, on top of the free ports.
    """

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.ports = free_ports(["clickhouse", "ml-api", "monitoring-api"])
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
            "SIGHTGLASS_DATA_DIR": str(folder),
            "SIGHTGLASS_AUTH": "on",
            "SIGHTGLASS_CLICKHOUSE_PORT": str(self.ports["clickhouse"]),
            "SIGHTGLASS_ML_API_PORT": str(self.ports["ml-api"]),
            "SIGHTGLASS_ML_API_WORKERS": "2",
            "SIGHTGLASS_MONITORING_API_PORT": str(self.ports["monitoring-api"]),
            "OTEL_SDK_DISABLED": "true",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        scheme = "https" if "SIGHTGLASS_ML_API_TLS_CERT_FILE" in self.env else "http"
        self.verify: str | bool = True
        self.ml_api = f"{scheme}://127.0.0.1:{self.ports['ml-api']}"
        self.monitoring_api = f"{scheme}://127.0.0.1:{self.ports['monitoring-api']}"
        self.env.setdefault("SIGHTGLASS_MONITORING_API_ML_API_URL", self.ml_api)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *modules: str) -> None:
        """Start modules as processes that log into the folder."""
        for module in modules:
            with (self.folder / f"{module}.log").open("ab") as log:
                self.running[module] = subprocess.Popen(
                    [sys.executable, "-m", module], env=self.env, cwd=self.folder, stdout=log, stderr=log
                )

    def fails(self, module: str) -> str:
        """What a process says that does not start; it must end by itself, with a code that is not 0."""
        done = subprocess.run(
            [sys.executable, "-m", module],
            env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode != 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sightglass(self, *arguments: str, code: int = 0) -> str:
        """Run a verb; gives its standard output, or where it is to fail all that it said."""
        done = subprocess.run(
            [sys.executable, "-m", "sightglass", *arguments],
            env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def token(self, name: str, *options: str) -> dict[str, str]:
        """Make a token; gives the headers with it."""
        return {"authorization": f"Bearer {self.sightglass('tokens', 'create', name, *options).strip()}"}

    def get(self, url: str, headers: dict[str, str] | None = None) -> httpx.Response | None:
        """The answer on a connection of its own; None when there is none."""
        try:
            return httpx.get(url, headers=headers, timeout=10, trust_env=False, verify=self.verify)
        except httpx.TransportError:
            return None

    def post(self, url: str, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
        """The answer to a body."""
        return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False, verify=self.verify)

    def statuses(self, headers: dict[str, str]) -> set[int | None]:
        """What both APIs answer, with every worker of theirs asked."""
        urls = [f"{self.ml_api}/v1/models", f"{self.monitoring_api}/api/v1/metrics"]
        answers = [self.get(url, headers) for url in urls for _ in range(CONNECTIONS)]
        return {None if answer is None else answer.status_code for answer in answers}

    def until(self, condition, seconds: float = _READY_SECONDS):
        """Poll until a condition holds; gives what it gave."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            for module, process in self.running.items():
                assert process.poll() is None, self.log(module)
            assert time.monotonic() < deadline, f"it did not come true: {[self.log(each) for each in self.running]}"
            time.sleep(0.05)
        return found

    def wait(self) -> None:
        """Until both are alive, the ML API with all its workers."""
        for url in (self.ml_api, self.monitoring_api):
            self.until(lambda url=url: self.get(f"{url}/healthz"))

    def log(self, module: str) -> str:
        """What a process logged."""
        return (self.folder / f"{module}.log").read_text()

    def audited(self, process: str) -> list[dict[str, object]]:
        """The audit log of a process."""
        path = self.folder / "audit" / f"{process}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def stop(self) -> None:
        """End what was started, by its process."""
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.running.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
