"""A worker process for tests: its folder, its files, its figures, and its store as another process reads it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from services.monitoring_api.operating.alerts import StoredAlerts
from services.monitoring_api.operating.files import NotificationsPlace
from services.monitoring_api.operating.store import AlertStore
from tests import warm

DEADLINE_SECONDS = 40.0


def wait_for(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Poll until a condition holds, and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return found


class AlertWorker:
    """Starts, kills and reads a worker.

    Args:
        folder: Its data folder; rules.yaml, notifications.yaml and figures.json lie in it.
        real: Whether to start the real module instead of the one with scripted figures.
        environment: More variables.
    """

    def __init__(self, folder: Path, *, real: bool = False, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.rules = folder / "rules.yaml"
        self.notifications = folder / "notifications.yaml"
        self._figures = folder / "figures.json"
        self._values: dict[str, Any] = {"error_ratio": 0.0, "latency_p95": 0.0}
        self.set_figures()
        self._command = (
            ["services.monitoring_api.worker"] if real else [f"{__package__}.scripted_worker", str(self._figures)]
        )
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SIGHTGLASS_")},
            "OTEL_SDK_DISABLED": "true",
            "SIGHTGLASS_DATA_DIR": str(folder),
            "SIGHTGLASS_WORKER_RULES_FILE": str(self.rules),
            "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(self.notifications),
            "SIGHTGLASS_WORKER_RELOAD_SECONDS": "0.2",
            "SIGHTGLASS_WORKER_RETRY_INITIAL_SECONDS": "0.2",
            "SIGHTGLASS_WORKER_RETRY_MAXIMUM_SECONDS": "1",
            **(environment or {}),
        }
        self._store_url = self._environment.get(
            "SIGHTGLASS_WORKER_STORE_URL", f"sqlite:///{folder / 'worker' / 'alerts.sqlite'}"
        )
        self._process: warm.Popen | None = None

    def set_figures(self, **values: Any) -> None:
        """Say what the metrics read from now on."""
        self._values |= values
        pending = self._figures.with_suffix(".new")
        pending.write_text(json.dumps(self._values))
        pending.replace(self._figures)

    def start(self) -> None:
        """Start the process."""
        with (self.folder / "worker.log").open("ab") as log:
            self._process = warm.Popen(["-m", *self._command], env=self._environment, stderr=log, cwd=warm.ROOT)

    def kill(self) -> None:
        """Kill it with signal 9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def pause(self) -> None:
        """SIGSTOP: it does nothing until it is told to go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def hang_up(self) -> None:
        """SIGHUP: it reads its files again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; return the exit code and how long it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30), time.monotonic() - began

    def close(self) -> None:
        """End the process if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def exited(self) -> int | None:
        """The exit code; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def log(self) -> str:
        """Its log so far."""
        return (self.folder / "worker.log").read_text()

    def answer(self) -> dict[str, Any]:
        """What /alerts would answer."""
        store = AlertStore(self._store_url)
        answer = asyncio.run(StoredAlerts(store, NotificationsPlace(self.notifications)).alerts(None))
        asyncio.run(store.close())
        return answer.model_dump(mode="json")

    def alert(self, rule: str) -> dict[str, Any]:
        """One alert by its rule's name; empty when there is none yet."""
        return next((alert for alert in self.answer()["alerts"] if alert["rule"] == rule), {})
