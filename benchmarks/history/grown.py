"""What more raw data costs the tables that answer history: the same time, the same groups, 25 times the spans.

    python -m benchmarks.history.grown [--spans 1000000] [--times 25] [--rounds 9]

1,000,000 spans become 25,000,000. With `--times 100` they become 100,000,000, 25,000,000 traces: half an hour and more.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from datetime import UTC, datetime

from benchmarks import report
from benchmarks.history import generate
from benchmarks.history.arms import LENGTH, Arm, fill, picked_traces, roll_up, start
from benchmarks.history.panels import PANELS, span_of
from services.monitoring_api.database import Database
from services.monitoring_api.queries.trace import find_trace

# One panel of finished figures, one of merged sketches, and what they may cost at 25 times.
_PANELS = {"finished figures": (PANELS[0], 1.3), "merged sketches": (PANELS[2], 2.5)}


def main() -> None:
    """Measure, multiply, measure again, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    on = report.machine()
    now = datetime.fromtimestamp(time.time() // 300 * 300 - 300, UTC)
    with contextlib.ExitStack() as running:
        ours = start(running, "ours")
        before, after = asyncio.run(_measure(ours, given, now))
    many = given.spans * given.times
    spans = f"{given.spans:,} and then {many:,} spans, {many // generate.SPANS_PER_TRACE:,} traces"
    lines = [
        f"{spans}, over {LENGTH.total_seconds() / 3600:.0f} h; {given.rounds} rounds, median ms",
        "",
        f"{'':<40}{'before':>10}{'after':>10}{'times':>8}{'wanted':>8}",
    ]
    for name in before:
        first, last = statistics.median(before[name]), statistics.median(after[name])
        wanted = f"{_PANELS[name][1]}" if name in _PANELS else "30 ms"
        lines.append(f"{name:<40}{first:>10.1f}{last:>10.1f}{last / first:>8.2f}{wanted:>8}")
    report.keep("history_grown", "\n".join(lines), {"spans": many, "before": before, "after": after}, on)


async def _measure(
    ours: Arm, given: argparse.Namespace, now: datetime
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    database = ours.database("reader")
    found = []
    for first, spans in ((0, given.spans), (given.spans, given.spans * (given.times - 1))):
        fill(ours, spans, now, first=first)
        await roll_up(ours)
        ours.optimize()
        found.append(await _costs(ours, database, given.rounds, now))
    await database.close()
    return found[0], found[1]


async def _costs(ours: Arm, database: Database, rounds: int, now: datetime) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in _PANELS}
    for _ in range(rounds):
        for name, (panel, _) in _PANELS.items():
            statement = await panel.statement(database, span_of(panel, now))
            begun = time.monotonic()
            ours.reader.raw_query(statement.sql, parameters=dict(statement.parameters), fmt="Native")
            found[name].append((time.monotonic() - begun) * 1e3)
    found["a trace by id"] = []
    for trace in picked_traces(ours):
        begun = time.monotonic()
        await find_trace(database, trace)
        found["a trace by id"].append((time.monotonic() - begun) * 1e3)
    return found


if __name__ == "__main__":
    main()
