"""How long spans take from their end to their storage."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.sources import SECONDS_TO_ARRIVE
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

_LAG: Final = f"""SELECT
    quantileExact(0.5)({SECONDS_TO_ARRIVE}), quantileExact(0.95)({SECONDS_TO_ARRIVE}), max({SECONDS_TO_ARRIVE})
FROM otel_traces FINAL
WHERE Timestamp >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
    AND NOT Replayed
    AND {REAL}
HAVING count() > 0"""  # noqa: S608  (a constant of ours)


class LagRow(NamedTuple):
    """Seconds from a span's end to its storage."""

    p50: float
    p95: float
    longest: float


def lag_query(span: TimeRange) -> Query:
    """The lag of the spans of a range; no row when there are none."""
    return Query(_LAG, {"start_ns": span.start_ns, "end_ns": span.end_ns})


def lag_document(rows: Sequence[Sequence[Any]]) -> dict[str, float | None]:
    """The lag as a part of the answer; a clock that is ahead shows as none."""
    if not rows:
        return {"p50": None, "p95": None, "max": None}
    row = LagRow(*(max(0.0, float(figure)) for figure in rows[0]))
    return {"p50": row.p50, "p95": row.p95, "max": row.longest}
