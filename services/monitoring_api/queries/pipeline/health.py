"""The pipeline's health: every figure, and the verdict they add up to."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.completeness import SETTLE_SECONDS
from services.monitoring_api.queries.maintained import maintained
from services.monitoring_api.queries.pipeline.coverage import (
    CoverageRow,
    coverage_document,
    coverage_query,
    coverage_rows,
)
from services.monitoring_api.queries.pipeline.disk import (
    DiskRows,
    disk_document,
    disk_failures,
    disk_warnings,
    drops_query,
    floors_query,
    space_query,
    tables_query,
)
from services.monitoring_api.queries.pipeline.drops import DropRow, drop_reasons, drop_rows, drops_document
from services.monitoring_api.queries.pipeline.growth import growth_rows
from services.monitoring_api.queries.pipeline.lag import lag_document, lag_query
from services.monitoring_api.queries.pipeline.losses import losses_query
from services.monitoring_api.queries.pipeline.processes import (
    ProcessRow,
    process_rows,
    processes_document,
    processes_query,
)
from services.monitoring_api.queries.pipeline.queue import queue_document, queue_query
from services.monitoring_api.queries.pipeline.raw_days import raw_days, raw_days_query
from services.monitoring_api.queries.pipeline.remembered import Remembered
from services.monitoring_api.queries.pipeline.retries import failed_metric_exports_document, retries_document
from services.monitoring_api.queries.pipeline.usage import usage
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns, rfc3339

# A count and the rows it stands for are taken some milliseconds apart: a row at the window's edge may be missed.
_COMPLETE_ENOUGH: Final = 0.999
_SLOW_LAG_SECONDS: Final = 30.0
_FULL_QUEUE: Final = 0.8
# What comes in, and how many values attributes have, is looked at this often, whoever asks.
USAGE_SECONDS: Final = 60.0


async def pipeline_health(
    database: Database, *, window: timedelta, now: datetime, used: Remembered[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The pipeline's health over a window, as an answer.

    Args:
        database: Where to ask.
        window: How far back completeness, lag and drops are judged.
        now: When it ends.
        used: Ingest and cardinality as they were looked at last; by default they are looked at now.
    """
    now_ns = epoch_ns(now)
    now_seconds = now_ns // NANOSECONDS
    window_ns = window // timedelta(microseconds=1) * 1000
    span = TimeRange(max(0, now_ns - window_ns), now_ns)
    settle_ns = SETTLE_SECONDS * NANOSECONDS
    settled = TimeRange(max(0, now_ns - settle_ns - window_ns), now_ns - settle_ns)
    remembered = Remembered[dict[str, Any]](USAGE_SECONDS) if used is None else used
    (lag, covered, counted, queued, heard), (disk, amounts) = await asyncio.gather(
        asyncio.gather(
            database.fetch(lag_query(span)),
            database.fetch(coverage_query(settled)),
            database.fetch(losses_query(span)),
            database.fetch(queue_query(span)),
            database.fetch(processes_query(now_seconds)),
        ),
        asyncio.gather(_disk(database, now), remembered.get(lambda: usage(database, now_seconds))),
    )
    coverage = coverage_rows(covered)
    losses = growth_rows(counted)
    drops = drop_rows(losses)
    processes = process_rows(heard, now_seconds)
    document: dict[str, Any] = {
        "checked_at": rfc3339(now_ns),
        "window_seconds": window.total_seconds(),
        "ingest_lag_seconds": lag_document(lag),
        "completeness": coverage_document(coverage),
        "drops": drops_document(drops),
        "retries": retries_document(losses),
        "failed_metric_exports": failed_metric_exports_document(losses),
        "queue": queue_document(queued),
        "disk": disk,
        **amounts,
        "processes": processes_document(processes, now_seconds),
    }
    status, reasons = verdict(document, coverage, drops, processes, now_seconds)
    return {"status": status, "reasons": reasons, **document}


def verdict(
    document: Mapping[str, Any],
    coverage: Sequence[CoverageRow],
    drops: Sequence[DropRow],
    processes: Sequence[ProcessRow],
    now_seconds: int,
) -> tuple[str, list[str]]:
    """``ok``, ``degraded`` or ``down``, and why.

    ``down`` means that nothing comes through, or soon will not: no process is heard, or there is no room for what
    comes. What was tried again degrades nothing.
    """
    failures = disk_failures(document["disk"])
    if not any(process.is_up(now_seconds) for process in processes):
        failures.append("no process's telemetry arrives")
        return "down", failures
    reasons = [f"{process.name} is silent" for process in processes if not process.is_up(now_seconds)]
    reasons += [
        f"{row.counted - row.stored} of {row.counted} {row.signal} of {row.service} are not stored"
        for row in coverage
        if row.ratio is not None and row.ratio < _COMPLETE_ENOUGH
    ]
    reasons += drop_reasons(drops)
    lag = document["ingest_lag_seconds"]["p95"]
    if lag is not None and lag > _SLOW_LAG_SECONDS:
        reasons.append(f"spans take {lag:.0f} s to arrive")
    queue = document["queue"]
    if queue is not None and queue["size"] > _FULL_QUEUE * queue["capacity"] > 0:
        reasons.append(f"the Collector's queue is {queue['size'] / queue['capacity']:.0%} full")
    reasons += disk_warnings(document["disk"])
    if failures:
        return "down", [*failures, *reasons]
    return ("degraded" if reasons else "ok"), reasons


async def _disk(database: Database, now: datetime) -> dict[str, Any]:
    space, tables, floors, drops, days, state = await asyncio.gather(
        database.fetch(space_query()),
        database.fetch(tables_query()),
        database.fetch(floors_query()),
        database.fetch(drops_query(now)),
        database.fetch(raw_days_query()),
        maintained(database),
    )
    return disk_document(DiskRows(space, tables, floors, drops), raw_days(days), state, now)
