"""Latency over time as a heat map: spans by when they started and how long they took."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from services.monitoring_api.database import Database, Query
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.buckets import Buckets, Step, nice_step
from services.monitoring_api.queries.sources import ERRORS
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import TimeRange, parse_seconds

_UTC: Final = ZoneInfo("UTC")
_AUTO_COLUMNS: Final = 100
MOST_COLUMNS: Final = 400
_LONGEST_STEP_DAYS: Final = 366
# Five to a decade, from a microsecond to a thousand seconds; below and above there is one bucket each. With the columns
# of `auto` that makes at most 4,700 cells, which charts still draw.
_EDGES_NS: Final = (0, *(round(10 ** (3 + number / 5)) for number in range(46)))


@dataclass(frozen=True, slots=True)
class Cell:
    """Spans of one time and one duration.

    Args:
        start: When the time bucket begins, in epoch seconds (may lie before the range).
        bucket: Which of the map's duration buckets.
        count: How many spans.
        errors: How many of them failed.
    """

    start: int
    bucket: int
    count: int
    errors: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The cells that hold spans, by time and duration.

    Args:
        buckets: The time buckets.
        durations_ns: The duration buckets, ``[from, to)`` in nanoseconds, from the shortest to the longest one that
            holds spans; the last possible one has no end.
        cells: The cells.
    """

    buckets: Buckets
    durations_ns: Sequence[tuple[int, int | None]]
    cells: Sequence[Cell]


def heatmap_step(text: str, span: TimeRange) -> Buckets:
    """Cut a range by the step that was asked for; ``auto`` gives at most 100 columns.

    Raises:
        BadInput: When it is no step, or makes more than 400 columns; it says which step would do.
    """
    if text.strip() == "auto":
        return Buckets(span, nice_step(span.seconds / (_AUTO_COLUMNS - 2)), _UTC)
    step = Step(parse_seconds(text, field="step"))
    if step.seconds > _LONGEST_STEP_DAYS * 86_400:
        raise bad_field("step", f"longer than {_LONGEST_STEP_DAYS} days")
    buckets = Buckets(span, step, _UTC)
    if buckets.count() > MOST_COLUMNS:
        would_do = nice_step(span.seconds / (MOST_COLUMNS - 2))
        raise bad_field(
            "step", f"{buckets.count():,} columns are too many ({MOST_COLUMNS} are the most); step={would_do} would do"
        )
    return buckets


def heatmap_query(selection: SpanSelection, buckets: Buckets) -> Query:
    """Time bucket, least duration, spans and failed spans of every cell that holds some."""
    conditions = "\n    AND ".join([*WITHIN, *selection.conditions()])
    # Texts of ours; what people give is bound.
    sql = f"""SELECT
    {buckets.expression("Timestamp")} AS Bucket,
    roundDown(Duration, {{edges:Array(UInt64)}}) AS Edge,
    count(),
    countIf({ERRORS})
FROM otel_traces FINAL
WHERE {conditions}
GROUP BY Bucket, Edge
ORDER BY Bucket, Edge"""  # noqa: S608
    parameters = {**selection.parameters(), **within(buckets.span), **buckets.parameters(), "edges": list(_EDGES_NS)}
    return Query(sql, parameters)


async def heatmap(database: Database, selection: SpanSelection, buckets: Buckets) -> HeatMap:
    """Count the spans of every cell, each span once."""
    rows = await database.fetch(heatmap_query(selection, buckets))
    starts = {bucket.key: bucket.start for bucket in buckets.all()}
    found = [
        (starts[int(key)], bisect_right(_EDGES_NS, int(edge)) - 1, int(count), int(errors))
        for key, edge, count, errors in rows
    ]
    used = [bucket for _, bucket, _, _ in found]
    lowest, highest = (min(used), max(used)) if used else (0, -1)
    return HeatMap(
        buckets,
        [_durations(bucket) for bucket in range(lowest, highest + 1)],
        [Cell(start, bucket - lowest, count, errors) for start, bucket, count, errors in found],
    )


def _durations(bucket: int) -> tuple[int, int | None]:
    return _EDGES_NS[bucket], _EDGES_NS[bucket + 1] if bucket + 1 < len(_EDGES_NS) else None
