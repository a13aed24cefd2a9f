"""Questions about history, to our tables and to the exporter's own, side by side on the same rows in one run.

Each arm has an embedded ClickHouse of its own. The exporter makes its tables itself; ours are migrated, and rolled up
by the maintenance process's own code. Answers are checked before anything is timed: counts are equal, and percentiles
within 1 % of a duration at their rank. What is compared are statements through the same client, the answer's bytes
taken as they come; beside it stands how long the API takes over the whole question (marks, watermark, statement,
points), with nothing kept from before.

    python -m benchmarks.history [--spans 4000000] [--rounds 7]

`--spans 100000000` takes hours; what more raw data costs our tables is what `benchmarks.history.grown` measures.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from datetime import UTC, datetime

from benchmarks import report
from benchmarks.history import arriving, generate, predictions, reads
from benchmarks.history.arms import LENGTH, Arm, fill, length_ns, picked_traces, roll_up, start
from benchmarks.history.checking import check
from benchmarks.history.panels import PANELS, Panel, span_of
from services.monitoring_api.database import Database
from services.monitoring_api.garbage import look_seldom
from services.monitoring_api.queries.timerange import epoch_ns
from services.monitoring_api.queries.trace import find_trace
from services.monitoring_api.queries.watermark import SharedWatermark

_DEFAULT_TRACE = """WITH
    (SELECT (min(Start), max(End)) FROM otel_traces_trace_id_ts WHERE TraceId = {trace:String}) AS lies
SELECT * FROM otel_traces WHERE TraceId = {trace:String} AND Timestamp >= lies.1 AND Timestamp <= lies.2 + 1"""


def main() -> None:
    """Fill, check, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    on = report.machine()
    look_seldom()  # as the monitoring API does
    # Whole buckets of every panel, all of them closed.
    now = datetime.fromtimestamp(time.time() // 300 * 300 - 300, UTC)
    with contextlib.ExitStack() as running:
        default, ours = (start(running, name) for name in ("default", "ours"))
        for arm in (default, ours):
            fill(arm, given.spans, now)
            predictions.fill(arm.writer, start_ns=epoch_ns(now) - length_ns(), length_ns=length_ns())
        lines, figures = asyncio.run(_measure(default, ours, given, now))
    report.keep("history", "\n".join(lines), figures, on)


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
        f"{spans:,} spans over {LENGTH.total_seconds() / 3600:.0f} h; {rounds} rounds, median (quartiles)",
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
    for trace in picked_traces(ours):
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


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
