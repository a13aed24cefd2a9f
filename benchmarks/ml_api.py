"""What instrumentation costs the ML API: the same service without any of it, and with everything on.

Both arms are a process behind uvicorn with the same edge, routes and model; the instrumented one exports all traces,
metrics and prediction events to a real Collector and ClickHouse. Arms run in shuffled order in each round; CPU is the
ML API's own.

    python -m benchmarks.ml_api [--requests N] [--rounds N]
"""

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks import report
from benchmarks.processes import cpu_seconds, wait_answer
from tests.integration import load
from tests.integration.stack import Stack, free_ports

_MODULES = {"bare": "benchmarks.bare_ml_api", "instrumented": "services.ml_api"}
ARMS = tuple(_MODULES)
_WARM_UP = 200


@dataclass(frozen=True)
class Measured:
    """One arm of one round."""

    requests_per_second: float
    cpu_seconds_per_request: float
    sequential_median_seconds: float


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    on = report.machine()
    rounds = []
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), processes=["collector"]) as stack:
        for number in range(given.rounds):
            order = random.sample(ARMS, len(ARMS))
            rounds.append({arm: _measure(stack, arm, given.requests) for arm in order})
            print(f"round {number + 1} of {given.rounds} done", file=sys.stderr)
    _report(rounds, given.requests, on)


def _report(rounds: list[dict[str, Measured]], count: int, on: dict[str, object]) -> None:
    lines = [
        f"ML API, {count:,} predictions an arm, {len(rounds)} rounds, median (quartiles)",
        "",
        f"{'':<34}{'bare':>26}{'instrumented':>26}{'ratio':>22}",
    ]
    rows = {
        "requests/s, 8 connections": ("requests_per_second", ",.0f", 1),
        "CPU per request, ms": ("cpu_seconds_per_request", ".2f", 1000),
        "median answer, 1 connection, ms": ("sequential_median_seconds", ".2f", 1000),
    }
    for title, (name, form, scale) in rows.items():
        values = [{arm: getattr(each[arm], name) * scale for arm in ARMS} for each in rounds]
        cells = [report.Spread.of([each[arm] for each in values]).text(form) for arm in ARMS]
        ratio = report.ratios(values, "instrumented", "bare").text()
        lines.append(f"{title:<34}{cells[0]:>26}{cells[1]:>26}{ratio:>22}")
    figures = {arm: [vars(each[arm]) for each in rounds] for arm in ARMS}
    report.keep("ml_api", "\n".join(lines), {"requests": count, "arms": figures}, on)


def _measure(stack: Stack, arm: str, count: int) -> Measured:
    port = free_ports(["ml-api"])["ml-api"]
    environment = {
        **stack.env,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "SIGHTGLASS_ML_API_PORT": str(port),
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.url("collector"),
    }
    log = (stack.folder / "ml-api.log").open("ab")
    process = subprocess.Popen([sys.executable, "-m", _MODULES[arm]], env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_answer(f"{url}/readyz")
        asyncio.run(load.send(url, requests=_WARM_UP, label_every=_WARM_UP))
        service = psutil.Process(process.pid)
        before, begun = cpu_seconds(service), time.perf_counter()
        answered = asyncio.run(load.send(url, requests=count, label_every=count))
        seconds = time.perf_counter() - begun
        if answered.failed:
            raise RuntimeError(f"requests failed, the round does not count: {answered.failed[0]}")
        sequential = _sequential_median(url, count // 10)
        time.sleep(2)  # what is still in the queues is sent now, and belongs to the bill
        cpu = cpu_seconds(service) - before
        return Measured(count / seconds, cpu / (count + count // 10), sequential)
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _sequential_median(url: str, count: int) -> float:
    seconds = []
    with httpx.Client(base_url=url, timeout=10) as client:
        for _ in range(count):
            begun = time.perf_counter()
            client.post("/v1/predict", json={"features": load.FLIGHT}).raise_for_status()
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
