"""What traces cost that outlive their raw spans: how many are kept and why, bytes of each, and the time it takes.

A day of traces of four spans each, near the end of its raw life, with a prediction in each trace: most are labelled by
then, and some of these were wrong. All of it is written straight into the tables, in the engine in this process.

    python -m benchmarks.kept_traces [--spans N]
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks import report
from benchmarks.history.generate import fill
from services.monitoring_api.maintenance.judged_traces import judge_traces
from services.monitoring_api.maintenance.keep_traces import keep_traces
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from tests.monitoring_api.store import ChdbStore

_RULES: Final = KeepingRules(timedelta(days=30), timedelta(days=400), timedelta(days=60))
_DAY: Final = timedelta(days=1)
_PREDICTIONS: Final = """INSERT INTO predictions_data
    (PredictionId, Timestamp, ModelName, ModelVersion, Variant, Task, Label, TraceId, ServiceName, ArrivedAt)
SELECT
    concat('prediction-', TraceId), Timestamp, ModelName, ModelVersion, 'champion', 'binary', 'late', TraceId,
    ServiceName, Timestamp
FROM otel_traces
WHERE SpanKind = 'Server'"""
# Of a hundred predictions 90 are labelled when retention takes their spans; of ten labels one says that it was wrong.
_LABELS: Final = """INSERT INTO labels_data (PredictionId, Value, ObservedAt, ArrivedAt, Timestamp)
SELECT PredictionId, if(sipHash64(PredictionId) % 10 = 0, 'on_time', 'late'), Timestamp, Timestamp, Timestamp
FROM predictions_data
WHERE cityHash64(PredictionId) % 100 {which}"""
_KEPT: Final = "SELECT KeptFor, uniqExact(TraceId), count() FROM kept_traces FINAL GROUP BY KeptFor ORDER BY KeptFor"
_BYTES: Final = """SELECT sum(bytes_on_disk), sum(rows)
FROM system.parts
WHERE active AND database = 'otel' AND table IN {tables:Array(String)}"""


class _Writer:
    """What the generator writes with."""

    def __init__(self, store: ChdbStore) -> None:
        self._store = store

    def command(self, sql: str, parameters: Mapping[str, Any]) -> None:
        """Run a statement."""
        self._store.rows(sql, parameters)


def main() -> None:
    """Measure once: these are sums over many traces, and one duration for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    given = parser.parse_args()
    on = report.machine()
    text, figures = asyncio.run(_measure(given.spans))
    report.keep("kept_traces", text, figures, on)


async def _measure(spans: int) -> tuple[str, dict[str, Any]]:
    store = ChdbStore()
    now = datetime.now(UTC)
    start = (now - timedelta(days=29)).replace(hour=0, minute=0, second=0, microsecond=0)
    length_ns = int(_DAY.total_seconds()) * NANOSECONDS
    fill(_Writer(store), spans=spans, start_ns=epoch_ns(start), length_ns=length_ns)  # type: ignore[arg-type]
    store.rows(_PREDICTIONS)
    store.rows(_LABELS.format(which="< 90"))
    store.rows("TRUNCATE TABLE label_marks")
    for tier in (REQUESTS_1M, REQUESTS_15M):
        await recompute(store, tier, now=now, settle=timedelta(0), kept=_RULES.raw_kept, most_marks=100_000)
    begun = time.monotonic()
    await keep_traces(store, _RULES, now=now, before=start + _DAY, most=5_000)
    kept_in = time.monotonic() - begun
    kept = {str(reason): (int(traces), int(rows)) for reason, traces, rows in store.rows(_KEPT)}
    for table in ("kept_traces", "otel_traces", "otel_traces_trace_id_ts"):
        store.rows(f"OPTIMIZE TABLE {table} FINAL")
    raw = _size(store, "otel_traces", "otel_traces_trace_id_ts")
    copied = _size(store, "kept_traces")
    store.rows(_LABELS.format(which=">= 90"))
    begun = time.monotonic()
    judged = wrong = right = 0
    while (each := await judge_traces(store, _RULES, most=5_000)).marks:
        judged, wrong, right = judged + each.marks, wrong + each.wrong, right + each.right
    judged_in = time.monotonic() - begun
    store.release()
    traces = sum(count for count, _ in kept.values())
    figures = {
        "spans": spans,
        "kept": kept,
        "raw_bytes": raw[0],
        "kept_bytes": copied[0],
        "kept_seconds": kept_in,
        "labels_judged": judged,
        "judged_seconds": judged_in,
    }
    lines = [f"{spans:,} spans of a day in {spans // 4:,} traces, {raw[0] / raw[1]:.1f} bytes a span raw", ""]
    lines += [
        f"kept as {reason:<12}{count:>9,} traces {count / (spans // 4):>8.2%}" for reason, (count, _) in kept.items()
    ]
    lines += [
        f"kept in all      {traces:>11,} traces {traces / (spans // 4):>8.2%}",
        f"bytes a kept span {copied[0] / copied[1]:.1f}, a kept trace {copied[0] / traces:.0f}",
        f"all of them take {copied[0] / raw[0]:.1%} of what the raw day takes",
        f"a day's traces copied in {kept_in:.1f} s",
        f"{judged:,} labels looked at in {judged_in:.1f} s: {wrong:,} traces kept, {right:,} let go",
    ]
    return "\n".join(lines), figures


def _size(store: ChdbStore, *tables: str) -> tuple[int, int]:
    ((size, _),) = store.rows(_BYTES, {"tables": list(tables)})
    ((_, rows),) = store.rows(_BYTES, {"tables": [tables[0]]})
    return int(size), int(rows)


if __name__ == "__main__":
    main()
