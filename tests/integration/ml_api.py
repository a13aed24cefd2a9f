"""The prediction service as a real process on a free port, for tests."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from services.ml_api.making import make_model
from tests.integration.stack import ROOT, free_ports

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "ORD", "distance": 719, "sched_dep": "2013-12-08T07:15"}
BODY = {"features": FLIGHT}
STOP_SECONDS = 10
_READY_SECONDS = 60


class Service:
    """`python -m services.ml_api`, or another module that serves it.

    Args:
        data_dir: Its data folder.
        otlp_url: Where its telemetry goes.
        workers: How many processes share the port.
        module: What is run.
        env: Variables on top.
    """

    def __init__(self, data_dir, otlp_url, *, workers=1, module="services.ml_api", env=None):
        self.port = free_ports(["ml-api"])["ml-api"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = os.environ | {
            "SIGHTGLASS_DATA_DIR": str(data_dir),
            "SIGHTGLASS_ML_API_PORT": str(self.port),
            "SIGHTGLASS_ML_API_WORKERS": str(workers),
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_url,
            **(env or {}),
        }
        self.log = (data_dir / f"ml-api-{self.port}.log").open("w+")
        self.process = subprocess.Popen([sys.executable, "-m", module], env=self.env, cwd=ROOT, stderr=self.log)

    def wait(self, path="/readyz", status=200):
        """Until `path` answers `status`; returns that answer."""
        return self.poll(lambda: self.get(path), lambda answer: answer is not None and answer.status_code == status)

    def poll(self, ask, condition=bool):
        """Until what `ask` returns meets the condition; returns it."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.lines()
            if condition(answer := ask()):
                return answer
            time.sleep(0.05)
        pytest.fail(f"it did not come true in time, but {answer}: {self.lines()[-5:]}")

    def get(self, path):
        """The answer on a connection of its own, from any of the workers; None when there is none."""
        try:
            return httpx.get(self.url + path)
        except httpx.TransportError:
            return None

    def predict(self, **options):
        """One prediction on a connection of its own."""
        return httpx.post(self.url + "/v1/predict", json=BODY, **options)

    def models(self, *arguments):
        """`sightglass models ...` on the same folder."""
        command = [sys.executable, "-m", "sightglass", "models", *arguments]
        return subprocess.run(command, env=self.env, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)

    def lines(self):
        """What it logged so far."""
        self.log.flush()
        return Path(self.log.name).read_text().splitlines()

    def stop(self):
        """SIGTERM; returns the exit code and the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        return code, time.monotonic() - started

    def close(self):
        """Whatever happened, leave nothing running."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()


@contextmanager
def running(*arguments, **options):
    """A service that is ready, until the block ends."""
    service = Service(*arguments, **options)
    try:
        service.wait()
        yield service
    finally:
        service.close()


def two_versions(folder):
    """Make a models folder with two versions; returns it and their names, the active one first."""
    models = folder / "models"
    active = make_model(models, cache_folder=folder, every=100).card.version
    return models, active, make_model(models, cache_folder=folder, every=150, activate=False).card.version
