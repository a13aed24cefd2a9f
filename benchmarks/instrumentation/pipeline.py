"""The Collector and the relay before it: what the arms export to, and what tells what they sent and what arrived."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.instrumentation.arms import Arm
from benchmarks.instrumentation.counts import Counted, Counts, Sent, differences
from benchmarks.instrumentation.written_metrics import read_metrics
from benchmarks.processes import end, wait_answer
from services.cli.collector import binary_path
from tests.integration.stack import free_ports

_CONFIGURATION = Path(__file__).parent / "collector.yaml"
_COUNTERS = {"spans": "spans", "log_records": "log_records", "metric_points": "metric_points"}
_ARRIVAL_SECONDS = 10.0
# They share cores with the load generator, whose lateness would count as the service's.
_LOWEST_PRIORITY = ("nice", "-n", "19")


class InvalidRunError(Exception):
    """What was counted differs from what was sent; the message says where."""


class Pipeline:
    """A running Collector behind a running relay, for all arms of a run, one at a time.

    Args:
        folder: For the Collector's output.

    Attributes:
        endpoint: What arms export to.
    """

    def __init__(self, folder: Path) -> None:
        self._ports = free_ports(["relay", "http", "health", "metrics"])
        self._written = folder / "collector.out"
        self._log = folder / "collector.err"
        self._running = contextlib.ExitStack()
        self._read_to = 0
        self._before = Counts()
        self.endpoint = f"http://127.0.0.1:{self._ports['relay']}"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as starting:
            written = starting.enter_context(self._written.open("wb"))
            log = starting.enter_context(self._log.open("wb"))
            variables = {f"BENCH_{name.upper()}_PORT": str(port) for name, port in self._ports.items()}
            collector = subprocess.Popen(
                [*_LOWEST_PRIORITY, str(binary_path(None)), "--config", str(_CONFIGURATION)],
                env={**os.environ, **variables},
                stdout=written,
                stderr=log,
            )
            starting.callback(end, collector)
            options = ["--port", str(self._ports["relay"]), "--to", f"http://127.0.0.1:{self._ports['http']}"]
            relay = subprocess.Popen(
                [*_LOWEST_PRIORITY, sys.executable, "-m", "benchmarks.instrumentation.relay", *options],
                stdout=log,
                stderr=log,
            )
            starting.callback(end, relay)
            try:
                wait_answer(f"http://127.0.0.1:{self._ports['health']}/")
                wait_answer(f"{self.endpoint}/take", method="POST")
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n{self._said()}") from error
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def begin(self) -> None:
        """Count from here on."""
        self._take()
        self._before = self._accepted()
        self._read_to = self._written.stat().st_size

    def check(self, arm: Arm, requests: int, patience_seconds: float = _ARRIVAL_SECONDS) -> Sent:
        """Compare what an arm, which has been stopped, sent since `begin` with what arrived.

        Args:
            arm: What it was.
            requests: How many it answered.
            patience_seconds: How long the Collector's counts may take to agree.

        Returns:
            What was sent.

        Raises:
            InvalidRunError: They differ.
        """
        sent = self._take()
        deadline = time.monotonic() + patience_seconds
        while (found := differences(arm, requests, sent, self._counted())) and time.monotonic() < deadline:
            time.sleep(0.1)
        if found:
            raise InvalidRunError("\n".join([*found, self._said()]).rstrip())
        return sent

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:]

    def _take(self) -> Sent:
        taken: dict[str, int] = httpx.post(f"{self.endpoint}/take").raise_for_status().json()
        names = ("spans", "log_records", "metric_points", "exemplars")
        return Sent(
            Counts(**{name: taken.get(name, 0) for name in names}),
            **{name: taken.get(name, 0) for name in ("events", "compressed", "refused", "bytes")},
        )

    def _counted(self) -> Counted:
        with self._written.open("rb") as written:
            written.seek(self._read_to)
            exemplars, totals = read_metrics(written.read().decode(errors="replace").splitlines())
        accepted = self._accepted() - self._before
        return Counted(Counts(accepted.spans, accepted.log_records, accepted.metric_points, exemplars), totals)

    def _accepted(self) -> Counts:
        """What the Collector's own metrics say that it has accepted and passed on since it started."""
        text = httpx.get(f"http://127.0.0.1:{self._ports['metrics']}/metrics").raise_for_status().text

        def total(name: str) -> int:
            return int(sum(float(value) for value in re.findall(rf"^{name}\{{[^}}]*\}} (\S+)$", text, re.MULTILINE)))

        return Counts(
            **{
                name: min(total(f"otelcol_receiver_accepted_{name}"), total(f"otelcol_exporter_sent_{name}"))
                for name in _COUNTERS
            }
        )
