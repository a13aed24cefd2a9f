"""Reads through the API over HTTP: kept ones against constant bytes, 50 identical ones, and how many it bears."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import httpx
import psutil

from benchmarks import report
from benchmarks.history import generate
from benchmarks.history.arms import Arm
from benchmarks.history.serving import CONSTANT
from benchmarks.ingest import password
from benchmarks.load import Target, closed_loop, open_loop
from benchmarks.processes import end, wait_answer
from tests.integration.stack import free_ports

_REQUESTS = 3_000
_CONNECTIONS = 8
_AT_ONCE = 50
_MOST_SECONDS = 0.1
_LOADED_SECONDS = 6.0
_RATES = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_000)
_MIB = 1_048_576


@dataclass(frozen=True)
class Api:
    """A monitoring API under load."""

    port: int
    process: psutil.Process

    def request(self, path: str) -> bytes:
        """A GET, serialised."""
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: application/json\r\n\r\n".encode()


def measure(ours: Arm, now: datetime, rounds: int) -> tuple[list[str], dict[str, object]]:
    """The lines and figures of reads over HTTP."""
    generate.heartbeat(ours.writer)
    asked = _question(now, "request_rate", 86_400, "5m")
    with _serving(ours, 0) as api:
        answer = httpx.get(f"http://127.0.0.1:{api.port}{asked}").raise_for_status()
    with _serving(ours, len(answer.content)) as api:
        kept = [_round(api, asked) for _ in range(rounds)]
        misses = _identical(api, ours, now)
        bears = {"kept": _borne(api, lambda _: asked), "new": _borne(api, lambda n: _other(now, n))}
        memory = {
            "monitoring-api": api.process.memory_info().rss / _MIB,
            "clickhouse": _owner(ours.port).memory_info().rss / _MIB,
        }
    ratio = report.ratios(kept, "constant", "kept")
    rate = statistics.median(_REQUESTS / each["kept"] for each in kept)
    size = f"{len(answer.content):,} bytes"
    times = " and ".join(f"{seen} x {kind.split()[1]}" for kind, seen in misses.items())
    lines = [
        f"a kept answer of {size} to constant bytes, requests/s: {ratio.text()} (wanted 0.9); {rate:,.0f} requests/s",
        f"{_AT_ONCE} identical questions at once: {misses.total()} statements, {times} (wanted 1 of each)",
        f"most requests/s with p99 under {_MOST_SECONDS * 1e3:.0f} ms: kept {bears['kept']:,}, new {bears['new']:,}",
        "memory after that: " + ", ".join(f"{name} {size:,.0f} MiB" for name, size in memory.items()),
    ]
    figures: dict[str, object] = {"kept": kept, "identical": dict(misses), "borne": bears, "memory_mib": memory}
    return lines, figures


@contextlib.contextmanager
def _serving(ours: Arm, constant_bytes: int) -> Iterator[Api]:
    port = free_ports(["api"])["api"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
        "SIGHTGLASS_DATA_DIR": str(ours.folder),
        "SIGHTGLASS_MONITORING_API_PORT": str(port),
        "SIGHTGLASS_MONITORING_API_CLICKHOUSE_URL": f"http://127.0.0.1:{ours.port}",
        "OTEL_SDK_DISABLED": "true",
    }
    with (ours.folder / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.history.serving", str(constant_bytes)],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            wait_answer(f"http://127.0.0.1:{port}/readyz")
            yield Api(port, psutil.Process(process.pid))
        finally:
            end(process)


def _round(api: Api, asked: str) -> dict[str, float]:
    """Seconds for as many of each, one after the other."""
    return {
        name: closed_loop(Target(api.port, [api.request(path)]), requests=_REQUESTS, connections=_CONNECTIONS)
        for name, path in (("constant", CONSTANT), ("kept", asked))
    }


def _identical(api: Api, ours: Arm, now: datetime) -> Counter[str]:
    """How often the adapter saw each statement, by how it begins, while 50 asked the same new thing at once."""
    since = time.time()
    asked = _question(now, "latency_p95", 43_200, "1m")
    closed_loop(Target(api.port, [api.request(asked)]), requests=_AT_ONCE, connections=_AT_ONCE)
    log = httpx.get(
        f"http://127.0.0.1:{ours.port}/query_log",
        params={"user": "reader", "since": f"{since:.3f}"},
        auth=("maintainer", password(ours.folder, "maintainer")),
    ).raise_for_status()
    return Counter(query["query"][:60] for query in log.json()["queries"])


def _borne(api: Api, path: Callable[[int], str]) -> int:
    """The highest of the rates at which 99 of 100 requests are answered in time, and all of those below it."""
    borne = 0
    number = 0
    for rate in _RATES:
        count = int(rate * _LOADED_SECONDS)
        requests = [api.request(path(number + n)) for n in range(count)]
        number += count
        timed = open_loop(Target(api.port, requests), rate=rate, seconds=_LOADED_SECONDS)
        if statistics.quantiles(timed.answers, n=100)[98] > _MOST_SECONDS:
            break
        borne = rate
    return borne


def _question(now: datetime, metric: str, seconds: int, step: str) -> str:
    at = int(now.timestamp())
    return f"/api/v1/metrics/history?metric={metric}&from={at - seconds}&to={at}&step={step}"


def _other(now: datetime, number: int) -> str:
    """A question that nobody asked before: a filter of its own."""
    return _question(now, "request_rate", 86_400, "5m") + "&filter=" + quote(f"route!=/nothing/{number}")


def _owner(port: int) -> psutil.Process:
    """The process that listens on a port."""
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
            return psutil.Process(each.pid)
    raise RuntimeError(f"nobody listens on {port}")
