"""Questions about history, to our tables and to the exporter's own, side by side on the same rows in one run.

Each arm has an embedded ClickHouse of its own. The exporter makes its tables itself; ours are migrated, and rolled up
by the maintenance process's own code. Answers are checked before anything is timed: counts are equal, and percentiles
within 1 % of a duration at their rank. Ours is timed as the API asks: all of its statements, nothing kept from before.

    python -m benchmarks.history [--spans 4000000] [--rounds 7]
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from benchmarks import report
from benchmarks.history import generate
from benchmarks.history.panels import PANELS, Panel, Points
from benchmarks.ingest import password, password_file, pipeline
from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.database.connection import Connection
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.trace import find_trace

_LENGTH = timedelta(hours=26)
_TRACES_ASKED = 60
_BOUND = 0.0101
_DEFAULT_TRACE = """WITH
    (SELECT (min(Start), max(End)) FROM otel_traces_trace_id_ts WHERE TraceId = {trace:String}) AS lies
SELECT * FROM otel_traces WHERE TraceId = {trace:String} AND Timestamp >= lies.1 AND Timestamp <= lies.2 + 1"""
_PICKED = "SELECT TraceId FROM otel_traces WHERE SpanKind = 'Server' ORDER BY cityHash64(TraceId, 'x') LIMIT {n:UInt32}"
_DURATIONS = """SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) AS At, SpanAttributes['http.route'] AS Route,
    arraySort(groupArray(Duration / 1e9))
FROM otel_traces WHERE SpanKind = 'Server' AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
GROUP BY At, Route"""
_BYTES = """SELECT table, sum(bytes_on_disk) FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY table"""


@dataclass(frozen=True)
class Arm:
    """One schema: a client to ask, one to write, and where it is."""

    reader: Client
    writer: Client
    folder: Path
    port: int

    def database(self, user: str) -> ClickHouseDatabase:
        """As the processes of ours ask."""
        return ClickHouseDatabase(
            Connection(
                url=f"http://127.0.0.1:{self.port}",
                database="otel",
                user=user,
                password_file=password_file(self.folder, user),
                pool_size=2,
                deadline_seconds=600.0,
                connect_timeout_seconds=5.0,
                client_name="benchmark",
                ca_file=None,
            )
        )


def main() -> None:
    """Fill, check, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    on = report.machine()
    # Whole buckets of every panel, all of them closed.
    now = datetime.fromtimestamp(time.time() // 300 * 300 - 300, UTC)
    with contextlib.ExitStack() as running:
        default, ours = (_arm(running, name) for name in ("default", "ours"))
        for arm in (default, ours):
            length = int(_LENGTH.total_seconds()) * NANOSECONDS
            generate.fill(arm.writer, spans=given.spans, start_ns=epoch_ns(now) - length, length_ns=length)
        lines, figures = asyncio.run(_measure(default, ours, given.rounds, given.spans, now))
    report.keep("history", "\n".join(lines), figures, on)


def _arm(running: contextlib.ExitStack, name: str) -> Arm:
    folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
    ports, (_, collector) = running.enter_context(pipeline(folder, name))
    collector.terminate()  # it has made its tables
    clients = (
        clickhouse_connect.get_client(
            host="127.0.0.1",
            port=ports["clickhouse"],
            username=user,
            password=password(folder, user),
            database="otel" if name == "ours" else "default",
            send_receive_timeout=900,
        )
        for user in ("reader", "migrator")
    )
    return Arm(*clients, folder, ports["clickhouse"])


async def _measure(
    default: Arm, ours: Arm, rounds: int, spans: int, now: datetime
) -> tuple[list[str], dict[str, object]]:
    begun = time.monotonic()
    await _roll_up(ours)
    rolled = time.monotonic() - begun
    for arm in (default, ours):
        for (table,) in arm.writer.query(
            "SELECT DISTINCT table FROM system.parts WHERE active AND database = currentDatabase()"
        ).result_rows:
            arm.writer.command(f"OPTIMIZE TABLE `{table}` FINAL")
    database = ours.database("reader")
    await _check(default, database, now)
    lines = [
        f"{spans:,} spans over {_LENGTH.total_seconds() / 3600:.0f} h; {rounds} rounds, median (quartiles)",
        f"{generate.SPAN_ATTRIBUTES} span and {generate.RESOURCE_ATTRIBUTES} resource attributes, ids of 128 bits",
        "",
        f"{'panel':<64}{'default ms':>22}{'ours ms':>22}{'times faster':>26}{'wanted':>8}",
    ]
    figures: dict[str, object] = {"spans": spans, "rounds": rounds, "rolled_up_seconds": rolled}
    for panel in PANELS:
        times = [await _round(panel, default, database, now) for _ in range(rounds)]
        ratio = report.ratios(times, "default", "ours")
        spread = {arm: report.Spread.of([each[arm] * 1e3 for each in times]).text(".1f") for arm in ("default", "ours")}
        lines.append(
            f"{panel.name:<64}{spread['default']:>22}{spread['ours']:>22}{ratio.text('.1f'):>26}{panel.wanted:>8}"
        )
        figures[panel.name] = times
    lines += ["", await _traces(default, ours, database, figures), *_bytes(default, ours, spans, figures)]
    await database.close()
    return lines, figures


async def _roll_up(ours: Arm) -> None:
    database = ours.database("maintainer")
    for tier in (REQUESTS_1M, REQUESTS_15M):
        while (
            await recompute(
                database,
                tier,
                now=datetime.now(UTC),
                settle=timedelta(seconds=10),
                kept=timedelta(days=30),
                most_marks=500,
            )
        ).marks:
            pass
    await database.close()


def _span(panel: Panel, now: datetime) -> TimeRange:
    return TimeRange(epoch_ns(now) - panel.seconds * NANOSECONDS, epoch_ns(now))


async def _round(panel: Panel, default: Arm, database: ClickHouseDatabase, now: datetime) -> dict[str, float]:
    span = _span(panel, now)
    begun = time.monotonic()
    panel.ask_default(default.reader, span)
    between = time.monotonic()
    await panel.ask_ours(database, span, now)
    return {"default": between - begun, "ours": time.monotonic() - between}


async def _check(default: Arm, database: ClickHouseDatabase, now: datetime) -> None:
    """Refuse to time answers that are not right.

    Raises:
        RuntimeError: A rate differs, or a percentile is outside its bound.
    """
    for panel in PANELS:
        span = _span(panel, now)
        found = await panel.ask_ours(database, span, now)
        if panel.metrics == ("request_rate",):
            (wanted,), (given,) = panel.ask_default(default.reader, span), found
            given = {key: value for key, value in given.items() if value}
            if given.keys() != wanted.keys() or any(abs(given[key] - wanted[key]) > 1e-9 for key in wanted):
                raise RuntimeError(f"{panel.name}: the counts differ")
        elif panel.by == ("route",):
            _check_percentiles(panel, default, span, found)


def _check_percentiles(panel: Panel, default: Arm, span: TimeRange, found: list[Points]) -> None:
    bounds = {name: f"{at / 1e9:.9f}" for name, at in (("start", span.start_ns), ("end", span.end_ns))}
    took = {
        (route, at): lasted for at, route, lasted in default.reader.query(_DURATIONS, parameters=bounds).result_rows
    }
    for metric, points in zip(panel.metrics, found, strict=True):
        level = int(metric.rsplit("p", 1)[1]) / 100
        if points.keys() != took.keys():
            raise RuntimeError(f"{panel.name}: {len(points)} points instead of {len(took)}")
        for key, value in points.items():
            lasted = took[key]
            rank = level * (len(lasted) - 1)
            low, high = lasted[int(rank)], lasted[min(int(rank) + 1, len(lasted) - 1)]
            if not low * (1 - _BOUND) <= value <= high * (1 + _BOUND):
                raise RuntimeError(f"{panel.name}: {metric} of {key} is {value}, not within {low} and {high}")


async def _traces(default: Arm, ours: Arm, database: ClickHouseDatabase, figures: dict[str, object]) -> str:
    """A trace by its id, one after the other, in either schema."""
    picked = (
        "SELECT TraceId FROM otel_traces WHERE SpanKind = 'Server' ORDER BY cityHash64(TraceId, 'x') LIMIT {n:UInt32}"
    )
    ids = [row[0] for row in ours.reader.query(picked, parameters={"n": _TRACES_ASKED}).result_rows]
    times: dict[str, list[float]] = {"default": [], "ours": []}
    for trace in ids:
        begun = time.monotonic()
        spans = default.reader.query(_DEFAULT_TRACE, parameters={"trace": trace}).result_rows
        between = time.monotonic()
        mine = await find_trace(database, trace)
        times["default"].append((between - begun) * 1e3)
        times["ours"].append((time.monotonic() - between) * 1e3)
        if mine is None or len(mine.spans) != len(spans) or len(spans) != generate.SPANS_PER_TRACE:
            raise RuntimeError(f"trace {trace}: other spans")
    figures["trace_ms"] = times
    middle = {arm: statistics.median(each) for arm, each in times.items()}
    return f"a trace by id, with its logs: {middle['ours']:.1f} ms (default, without: {middle['default']:.1f} ms)"


def _bytes(default: Arm, ours: Arm, spans: int, figures: dict[str, object]) -> list[str]:
    stored = {
        name: {str(table): int(size) for table, size in arm.writer.query(_BYTES).result_rows}
        for name, arm in (("default", default), ("ours", ours))
    }
    figures["bytes"] = stored
    raw = ("otel_traces", "otel_traces_trace_id_ts")
    each = {name: sum(tables.get(table, 0) for table in raw) / spans for name, tables in stored.items()}
    rollups = sum(size for table, size in stored["ours"].items() if table.startswith("rollup_")) / spans
    small = f"{each['ours']:.1f} of {each['default']:.1f}, {each['ours'] / each['default']:.2f} of default"
    return [
        f"bytes a span, with the look-up of traces: {small} (wanted 0.65)",
        f"rollups besides: {rollups:.2f} bytes a span, {rollups / each['default']:.3f} of default (wanted 0.03)",
    ]


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
