"""Questions about history, to our tables and to the exporter's own, side by side on the same rows in one run.

Each arm has an embedded ClickHouse of its own. The exporter makes its tables itself; ours are migrated, and rolled up
by the maintenance process's own code. Answers are checked before anything is timed: counts are equal, and percentiles
within 1 % of a duration at their rank. What is compared are statements through the same client, the answer's bytes
taken as they come; beside it stands how long the API takes over the whole question (marks, watermark, statement,
points), with nothing kept from before.

    python -m benchmarks.history [--spans 4000000] [--rounds 7] [--times 1]

With `--times 25` our raw data is made 25 times as much in the end, over the same time, and asked again: 4,000,000 spans
become 100,000,000.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

from benchmarks import report
from benchmarks.history import arriving, generate, reads
from benchmarks.history.arms import Arm, roll_up, start
from benchmarks.history.checking import check
from benchmarks.history.panels import PANELS, Panel, span_of
from services.monitoring_api.database import Database
from services.monitoring_api.garbage import look_seldom
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from services.monitoring_api.queries.trace import find_trace
from services.monitoring_api.queries.watermark import SharedWatermark

_LENGTH = timedelta(hours=26)
_TRACES_ASKED = 60
# Panels whose cost is held against more raw data: one of finished figures, one of merged sketches.
_FINISHED, _MERGED = 0, 2
_DEFAULT_TRACE = """WITH
    (SELECT (min(Start), max(End)) FROM otel_traces_trace_id_ts WHERE TraceId = {trace:String}) AS lies
SELECT * FROM otel_traces WHERE TraceId = {trace:String} AND Timestamp >= lies.1 AND Timestamp <= lies.2 + 1"""
_PICKED = "SELECT TraceId FROM otel_traces WHERE SpanKind = 'Server' ORDER BY cityHash64(TraceId, 'x') LIMIT {n:UInt32}"


def main() -> None:
    """Fill, check, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times", type=int, default=1, help="how many times as much raw data to end with")
    parser.add_argument("--name", default="history", help="what the results are called")
    given = parser.parse_args()
    on = report.machine()
    look_seldom()  # as the monitoring API does
    # Whole buckets of every panel, all of them closed.
    now = datetime.fromtimestamp(time.time() // 300 * 300 - 300, UTC)
    with contextlib.ExitStack() as running:
        default, ours = (start(running, name) for name in ("default", "ours"))
        for arm in (default, ours):
            _fill(arm, given.spans, now)
        lines, figures = asyncio.run(_measure(default, ours, given, now))
    report.keep(given.name, "\n".join(lines), figures, on)


def _fill(arm: Arm, spans: int, now: datetime, first: int = 0) -> None:
    length = int(_LENGTH.total_seconds()) * NANOSECONDS
    generate.fill(arm.writer, spans=spans, start_ns=epoch_ns(now) - length, length_ns=length, first=first)


async def _measure(
    default: Arm, ours: Arm, given: argparse.Namespace, now: datetime
) -> tuple[list[str], dict[str, object]]:
    spans, rounds = given.spans, given.rounds
    begun = time.monotonic()
    await roll_up(ours)
    rolled = time.monotonic() - begun
    for arm in (default, ours):
        arm.optimize()
    database = ours.database("reader")
    await check(default, database, now)
    lines = [
        f"{spans:,} spans over {_LENGTH.total_seconds() / 3600:.0f} h; {rounds} rounds, median (quartiles)",
        generate.entropy(ours.reader),
        "",
        f"{'panel':<62}{'default ms':>24}{'ours ms':>20}{'times faster':>24}{'wanted':>8}{'whole question ms':>22}",
    ]
    figures: dict[str, object] = {"spans": spans, "rounds": rounds, "rolled_up_seconds": rolled}
    for panel in PANELS:
        times = [await _round(panel, default, ours, database, now) for _ in range(rounds)]
        figures[panel.name] = times
        spread = {arm: report.Spread.of([each[arm] for each in times]).text(".1f") for arm in times[0]}
        ratio = report.ratios(times, "default", "ours").text(".1f")
        lines.append(
            f"{panel.name:<62}{spread['default']:>24}{spread['ours']:>20}{ratio:>24}{panel.wanted:>8}"
            f"{spread['question']:>22}"
        )
    lines += ["", await _traces(default, ours, database, figures), *_bytes(default, ours, spans, figures)]
    line, found = await arriving.measure(ours, database, max(2, rounds // 2))
    lines.append(line)
    figures |= found
    found_lines, found = await asyncio.to_thread(reads.measure, ours, now, rounds)
    lines += found_lines
    figures |= found
    if given.times > 1:
        lines += await _grown(ours, database, given, now, figures)
    await database.close()
    return lines, figures


async def _round(panel: Panel, default: Arm, ours: Arm, database: Database, now: datetime) -> dict[str, float]:
    """Milliseconds of the exporter's tables, of our statement, and of the whole question."""
    span = span_of(panel, now)
    statement = await panel.statement(database, span)
    arrived = SharedWatermark(1.0)
    begun = time.monotonic()
    panel.read_default(default.reader, span)
    asked = time.monotonic()
    ours.reader.raw_query(statement.sql, parameters=dict(statement.parameters), fmt="Native")
    answered = time.monotonic()
    await panel.ask_ours(database, span, now, arrived)
    ended = time.monotonic()
    return {
        "default": (asked - begun) * 1e3,
        "ours": (answered - asked) * 1e3,
        "question": (ended - answered) * 1e3,
    }


async def _traces(default: Arm, ours: Arm, database: Database, figures: dict[str, object]) -> str:
    """A trace by its id, one after the other, in either schema."""
    times: dict[str, list[float]] = {"default": [], "ours": []}
    for trace in _picked(ours):
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
    return (
        f"a trace by id, its place, spans and logs: {middle['ours']:.1f} ms (wanted 30; default, its spans alone:"
        f" {middle['default']:.1f} ms)"
    )


def _picked(ours: Arm) -> list[str]:
    return [row[0] for row in ours.reader.query(_PICKED, parameters={"n": _TRACES_ASKED}).result_rows]


def _bytes(default: Arm, ours: Arm, spans: int, figures: dict[str, object]) -> list[str]:
    stored = {"default": default.bytes_by_table(), "ours": ours.bytes_by_table()}
    figures["bytes"] = stored
    raw = ("otel_traces", "otel_traces_trace_id_ts")
    each = {name: sum(tables.get(table, 0) for table in raw) / spans for name, tables in stored.items()}
    rollups = sum(size for table, size in stored["ours"].items() if table.startswith("rollup_")) / spans
    small = f"{each['ours']:.1f} of {each['default']:.1f}, {each['ours'] / each['default']:.2f} of default"
    return [
        f"bytes a span, with the look-up of traces: {small} (wanted 0.65)",
        f"rollups besides: {rollups:.2f} bytes a span, {rollups / each['default']:.3f} of default (wanted 0.03)",
    ]


async def _grown(
    ours: Arm, database: Database, given: argparse.Namespace, now: datetime, figures: dict[str, object]
) -> list[str]:
    """Our tables with so many times the raw data, asked for what rollups answer, and for single traces."""
    panels = {"finished figures": PANELS[_FINISHED], "merged sketches": PANELS[_MERGED]}

    async def costs() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {name: [] for name in panels}
        for _ in range(given.rounds):
            for name, panel in panels.items():
                statement = await panel.statement(database, span_of(panel, now))
                begun = time.monotonic()
                ours.reader.raw_query(statement.sql, parameters=dict(statement.parameters), fmt="Native")
                found[name].append((time.monotonic() - begun) * 1e3)
        return found

    before = await costs()
    _fill(ours, given.spans * (given.times - 1), now, first=given.spans)
    await roll_up(ours)
    ours.optimize()
    after = await costs()
    traces = []
    for trace in _picked(ours):
        begun = time.monotonic()
        await find_trace(database, trace)
        traces.append((time.monotonic() - begun) * 1e3)
    figures["grown"] = {"times": given.times, "before": before, "after": after, "trace_ms": traces}
    ratios = ", ".join(
        f"{name} {statistics.median(after[name]) / statistics.median(before[name]):.2f}" for name in panels
    )
    many = given.spans * given.times
    grown = f"{given.times} times the raw data, {many:,} spans in {many // generate.SPANS_PER_TRACE:,} traces"
    return [
        f"{grown}: cost of {ratios} (wanted 1.3 and 2.5 at 25 times)",
        f"a trace by id among them: {statistics.median(traces):.1f} ms (wanted 30)",
    ]


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
