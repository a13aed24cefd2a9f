"""Ingest through the whole pipeline: spans per second, and per core, with our schema and with the exporter's own.

Both arms run the same Collector binary and the same embedded ClickHouse, each afresh and one after the other in
shuffled order, and are sent the same encoded requests. A round counts only if every span is stored, by identity.

    python -m benchmarks.ingest [--spans N] [--rounds N]
"""

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import clickhouse_connect
import psutil

from benchmarks import report, spans
from benchmarks.processes import cpu_seconds, wait_answer
from services.cli.collector import CollectorSettings, binary_path, command
from tests.integration.stack import free_ports

ARMS = ("default", "ours", "ours without redaction")
# What is wanted of ours to default: the rate, and how many spans the engine takes for a CPU second.
_WANTED = 0.95
_PER_REQUEST = 500
_SENDERS = 4
_PATIENCE_SECONDS = 300.0
_DEFAULT_SCHEMA = "exporters: {clickhouse: {create_schema: true, traces_table_name: otel_traces}}\n"
_NO_REDACTION = "service: {pipelines: {traces: {processors: [memory_limiter, transform/times]}}}\n"


@dataclass(frozen=True)
class Measured:
    """One arm of one round."""

    spans_per_second: float
    spans_per_core_second: float
    collector_cpu_seconds: float
    clickhouse_cpu_seconds: float


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    on = report.machine()
    rounds: list[dict[str, Measured]] = []
    for number in range(given.rounds):
        payload = spans.requests(spans=given.spans, per_request=_PER_REQUEST, seed=number)
        order = random.sample(ARMS, len(ARMS))
        rounds.append({arm: _measure(arm, payload, given.spans) for arm in order})
        print(f"round {number + 1} of {given.rounds} done", file=sys.stderr)
    _report(rounds, given.spans, on)


def _report(rounds: list[dict[str, Measured]], count: int, on: dict[str, object]) -> None:
    lines = [
        f"Ingest of {count:,} spans, Collector and embedded ClickHouse, {len(rounds)} rounds, median (quartiles)",
        "",
        f"{'arm':<24}{'spans/s':>26}{'engine CPU s per million':>28}{'Collector CPU s per million':>30}",
    ]
    figures: dict[str, object] = {}
    for arm in ARMS:
        rate = report.Spread.of([each[arm].spans_per_second for each in rounds])
        engine = report.Spread.of([each[arm].clickhouse_cpu_seconds * 1e6 / count for each in rounds])
        collector = report.Spread.of([each[arm].collector_cpu_seconds * 1e6 / count for each in rounds])
        lines.append(f"{arm:<24}{rate.text(',.0f'):>26}{engine.text('.1f'):>28}{collector.text('.1f'):>30}")
        figures[arm] = [vars(each[arm]) for each in rounds]
    throughput = [{arm: each[arm].spans_per_second for arm in ARMS} for each in rounds]
    engines = [{arm: 1 / each[arm].clickhouse_cpu_seconds for arm in ARMS} for each in rounds]
    per_core = report.ratios(engines, "ours", "default").text()
    lines += [
        "",
        f"ours to default, spans/s: {report.ratios(throughput, 'ours', 'default').text()} (wanted {_WANTED})",
        f"ours to default, spans per CPU second of the engine: {per_core} (wanted {_WANTED})",
        "`default` is the exporter's own schema. All arms redact but the last, which shows what redaction costs.",
        "Beside `ours` the maintenance process computes the rollups.",
    ]
    report.keep("ingest", "\n".join(lines), {"spans": count, "arms": figures}, on)


def _measure(arm: str, payload: list[bytes], count: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder, pipeline(Path(folder), arm) as (ports, processes):
        client = clickhouse_connect.get_client(
            host="127.0.0.1",
            port=ports["clickhouse"],
            username="reader",
            password=password(Path(folder), "reader"),
            database="otel",
        )
        before = [cpu_seconds(process) for process in processes]
        begun = time.monotonic()
        asyncio.run(_send(f"http://127.0.0.1:{ports['http']}/v1/traces", payload))
        _wait_stored(client, count)
        seconds = time.monotonic() - begun
        clickhouse, collector = (cpu_seconds(process) - start for process, start in zip(processes, before, strict=True))
        return Measured(count / seconds, count / (clickhouse + collector), collector, clickhouse)


@contextlib.contextmanager
def pipeline(folder: Path, arm: str) -> Iterator[tuple[dict[str, int], list[psutil.Process]]]:
    """Start ClickHouse, its schema and the Collector on free ports; end them by process id."""
    ports = free_ports(["clickhouse", "http", "grpc", "health", "metrics"])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
        "SIGHTGLASS_DATA_DIR": str(folder),
        "SIGHTGLASS_CLICKHOUSE_PORT": str(ports["clickhouse"]),
        "SIGHTGLASS_MIGRATE_CLICKHOUSE_URL": f"http://127.0.0.1:{ports['clickhouse']}",
        "SIGHTGLASS_MAINTENANCE_CLICKHOUSE_URL": f"http://127.0.0.1:{ports['clickhouse']}",
        "OTEL_SDK_DISABLED": "true",
    }
    with contextlib.ExitStack() as running:
        log = running.enter_context((folder / "bench.log").open("wb"))

        def start(arguments: list[str], variables: dict[str, str]) -> psutil.Process:
            process = subprocess.Popen(arguments, env=variables, stdout=log, stderr=log)
            running.callback(_end, process)
            return psutil.Process(process.pid)

        clickhouse = start([sys.executable, "-m", "services.embedded_clickhouse"], environment)
        wait_answer(f"http://127.0.0.1:{ports['clickhouse']}/ping")
        overlays = []
        if arm == "default":
            overlays = [_overlay(folder, "default.yaml", _DEFAULT_SCHEMA)]
        else:
            subprocess.run([sys.executable, "-m", "services.cli", "migrate"], env=environment, check=True, stdout=log)
        if arm == "ours without redaction":
            overlays = [_overlay(folder, "plain.yaml", _NO_REDACTION)]
        settings = CollectorSettings(
            data_dir=folder,
            grpc_port=ports["grpc"],
            http_port=ports["http"],
            health_port=ports["health"],
            metrics_port=ports["metrics"],
            clickhouse_endpoint=f"http://127.0.0.1:{ports['clickhouse']}",
            # Creating tables, as the exporter does by default, takes the migrator's rights.
            clickhouse_user="migrator" if arm == "default" else "collector",
            clickhouse_password_file=password_file(folder, "migrator" if arm == "default" else "collector"),
            overlays=tuple(overlays),
        )
        if arm != "default":
            start([sys.executable, "-m", "services.monitoring_api.maintenance"], environment)
        collector = start(*command(settings, binary_path(None)))
        wait_answer(f"http://127.0.0.1:{ports['health']}/")
        yield ports, [clickhouse, collector]


def _overlay(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


async def _send(url: str, payload: list[bytes]) -> None:
    waiting = iter(payload)

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        for body in waiting:
            async with session.post(url, data=body, headers={"Content-Type": "application/x-protobuf"}) as response:
                response.raise_for_status()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(_SENDERS)))


def _wait_stored(client: "clickhouse_connect.driver.Client", count: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    sql = "SELECT count() FROM otel_traces WHERE ServiceName = 'bench'"
    while (stored := client.query(sql).result_rows[0][0]) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {stored:,} of {count:,} spans arrived; the round does not count")
        time.sleep(0.1)
    distinct = client.query(
        "SELECT uniqExact(TraceId, SpanId) FROM otel_traces WHERE ServiceName = 'bench'"
    ).result_rows[0][0]
    if distinct != count:
        raise RuntimeError(f"{distinct:,} distinct spans instead of {count:,}; the round does not count")


def password_file(folder: Path, user: str) -> Path:
    """Where the embedded ClickHouse keeps a user's password."""
    return folder / "secrets" / f"clickhouse-{user}.password"


def password(folder: Path, user: str) -> str:
    """A user's password."""
    return password_file(folder, user).read_text().strip()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
