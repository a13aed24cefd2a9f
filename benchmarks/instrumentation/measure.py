"""Measures one arm once: a process is started, warmed up, loaded, flushed, and its counts are checked."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.instrumentation.arms import ARMS
from benchmarks.instrumentation.cores import Cores
from benchmarks.instrumentation.counts import Sent
from benchmarks.instrumentation.models import request_bodies
from benchmarks.instrumentation.pipeline import Pipeline
from benchmarks.instrumentation.service import Service, Setting
from benchmarks.load import Target, Timed, closed_loop, open_loop

CONNECTIONS = 8
_WARM_UP = 300

Watch = Callable[[Callable[[], int]], AbstractContextManager[None]]


def _unwatched(_rss_bytes: Callable[[], int]) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Measured:
    """One arm of one round under a closed loop.

    Args:
        cpu_seconds: For each request, until the flush returned.
        requests_per_second: While the load lasted.
        sent: What it exported, the warm-up included.
        requests: Requests that `sent` is of.
    """

    cpu_seconds: float
    requests_per_second: float
    sent: Sent = field(default_factory=Sent)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of a run share.

    Args:
        pipeline: The Collector behind its relay.
        folder: For the services' logs.
        cores: Who runs where.
    """

    pipeline: Pipeline
    folder: Path
    cores: Cores

    def saturate(self, arm: str, setting: Setting, requests: int) -> Measured:
        """Closed loop: CPU for each request, and requests per second."""
        self.pipeline.begin()
        with self._service(arm, setting) as service:
            target = _warm(service, setting)
            before = service.cpu_seconds()
            seconds = closed_loop(target, requests=requests, connections=CONNECTIONS)
            service.flush()
            cpu = service.cpu_seconds() - before
        total = requests + _WARM_UP
        sent = self.pipeline.check(ARMS[arm], total)
        return Measured(cpu / requests, requests / seconds, sent, total)

    def time_answers(
        self, arm: str, setting: Setting, *, rate: float, seconds: float, watched: Watch = _unwatched
    ) -> Timed:
        """Open loop at `rate` requests a second: how long answers take.

        Args:
            arm: Its name.
            setting: What is served.
            rate: Requests per second.
            seconds: How long.
            watched: A context around the load; it is given what reads the service's memory in bytes.
        """
        self.pipeline.begin()
        with self._service(arm, setting) as service:
            target = _warm(service, setting)
            with watched(service.rss_bytes):
                timed = open_loop(target, rate=rate, seconds=seconds)
            service.flush()
        self.pipeline.check(ARMS[arm], len(timed.answers) + _WARM_UP)
        return timed

    def _service(self, arm: str, setting: Setting) -> Service:
        return Service(arm, setting, self.pipeline.endpoint, self.folder / "service.log", self.cores.service)


def _warm(service: Service, setting: Setting) -> Target:
    target = Target.of(service.port, request_bodies(setting.model, setting.features))
    closed_loop(target, requests=_WARM_UP, connections=CONNECTIONS)
    service.flush()
    return target
