"""Which traces outlive their raw spans, and the statements that copy them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.sources import ERRORS
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS

# The 99th percentile of fewer requests is one of the slowest itself.
_FEWEST_REQUESTS: Final = 100
# Spans of a trace further than this from the span that chose it are not copied.
_LONGEST_SECONDS: Final = 86_400


def labels_of(condition: str) -> str:
    """SQL for the labels that hold now of the predictions that meet a condition."""
    return f"""(
        SELECT PredictionId, Value, 1 AS Known
        FROM labels_latest
        WHERE PredictionId IN
        (
            SELECT PredictionId
            FROM predictions
            WHERE {condition}
        )
    )"""  # noqa: S608  (conditions of ours)


# Compared as text. A regression's label is a number to hold the value against, so it is never simply wrong.
WRONG: Final = "(labels.Known = 1 AND Task != 'regression' AND Label != '' AND Label != labels.Value)"
# A shadow decides nothing, and has the champion's id.
DECIDED: Final = f"TraceId != '' AND Variant != 'shadow' AND {REAL}"

# What is a request's own: what a service answered or consumed, or what began by itself.
_REQUEST: Final = f"(SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '') AND {REAL}"

_WITHIN: Final = """Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"""

_LIMITS: Final = f"""
        SELECT
            ServiceName AS Service, HttpRoute AS Route,
            {sketch.merged_quantile(0.99, "DurationSketch")} * 1e9 AS Limit
        FROM rollup_requests_15m FINAL
        WHERE Minute >= toDateTime({{day:UInt32}}, 'UTC')
            AND Minute < toDateTime({{day:UInt32}} + 86400, 'UTC')
        GROUP BY Service, Route
        HAVING sum(Requests) >= {_FEWEST_REQUESTS}"""  # noqa: S608  (constants of ours)

_LABELS_OF_WINDOW: Final = labels_of(_WITHIN)

# A trace that is chosen for several reasons is kept for the first of them.
_CHOOSE: Final = f"""SELECT TraceId, min(Reason)
FROM
(
    SELECT TraceId, if({ERRORS}, 2, 3) AS Reason
    FROM otel_traces AS spans
    LEFT ANY JOIN
    ({_LIMITS}
    ) AS limits
    ON spans.ServiceName = limits.Service
        AND spans.HttpRoute = limits.Route
    WHERE {_WITHIN}
        AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
        AND Minute < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
        AND TraceId > {{after:String}}
        AND {_REQUEST}
        AND (
            {ERRORS}
            OR ({{slow_ns:UInt64}} > 0 AND Duration >= {{slow_ns:UInt64}})
            OR (SpanKind = 'Server' AND Limit > 0 AND Duration > Limit * {1 + sketch.ERROR})
        )
    UNION ALL
    SELECT TraceId, if({WRONG}, 1, 4) AS Reason
    FROM predictions
    LEFT ANY JOIN {_LABELS_OF_WINDOW} AS labels
    ON predictions.PredictionId = labels.PredictionId
    WHERE {_WITHIN}
        AND TraceId > {{after:String}}
        AND {DECIDED}
        AND ({WRONG} OR (labels.Known = 0 AND {{with_unlabelled:Bool}}))
)
GROUP BY TraceId
ORDER BY TraceId
LIMIT {{most:UInt64}}"""  # noqa: S608  (constants of ours)

# What is copied of a span.
COLUMNS: Final = """Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage,
    `Events.Timestamp`, `Events.Name`, `Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`,
    `Links.Attributes`"""

_BOUNDS: Final = """SELECT toUnixTimestamp(min(Start)), toUnixTimestamp(max(End))
FROM otel_traces_trace_id_ts
WHERE TraceId IN {trace_ids:Array(String)}
HAVING count() > 0"""

_COPY: Final = f"""INSERT INTO kept_traces ({COLUMNS}, KeptFor, KeepUntil)
SELECT {COLUMNS}, {{kept_for:String}}, toDateTime({{until:UInt32}}, 'UTC')
FROM otel_traces
WHERE TraceId IN {{trace_ids:Array(String)}}
    AND Timestamp >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
    AND Minute < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')"""  # noqa: S608  (constants of ours)


class Reason(StrEnum):
    """Why a trace is kept; the first that holds is told."""

    WRONG = "wrong"
    FAILED = "failed"
    SLOW = "slow"
    UNLABELLED = "unlabelled"


_REASONS: Final = dict(enumerate(Reason, start=1))


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """Which traces are kept, and for how long.

    Args:
        raw_kept: How long raw spans live.
        kept: How long failed, slow and wrong ones are kept, from their own time.
        label_horizon: How long those of predictions without a label are.
        slow: How long a request takes that is slow on any route; None for no such limit.
    """

    raw_kept: timedelta
    kept: timedelta
    label_horizon: timedelta
    slow: timedelta | None = None

    def until(self, reason: Reason, at: datetime) -> datetime:
        """Until when a trace of some time is kept."""
        return at + (self.label_horizon if reason is Reason.UNLABELLED else self.kept)


class Chosen(NamedTuple):
    """A trace that is to be kept."""

    trace_id: str
    reason: Reason


def choose_query(
    rules: KeepingRules, start: datetime, end: datetime, *, with_unlabelled: bool, after: str, most: int
) -> Query:
    """The traces of a window of one day that are to be kept, in the order of their ids.

    Args:
        rules: Which traces are kept.
        start: Where the window begins.
        end: The first moment after it.
        with_unlabelled: Whether those of predictions without a label are.
        after: Only ids after this one.
        most: How many at most.
    """
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return Query(
        _CHOOSE,
        {
            "start_ns": _seconds(start) * NANOSECONDS,
            "end_ns": _seconds(end) * NANOSECONDS,
            "day": _seconds(midnight),
            "slow_ns": 0 if rules.slow is None else round(rules.slow.total_seconds() * NANOSECONDS),
            "with_unlabelled": with_unlabelled,
            "after": after,
            "most": most,
        },
    )


def chosen(rows: Sequence[Sequence[Any]]) -> list[Chosen]:
    """Read the answer to `choose_query`."""
    return [Chosen(str(trace_id), _REASONS[int(number)]) for trace_id, number in rows]


async def copy_traces(
    database: Database, trace_ids: Sequence[str], reason: Reason, *, at: datetime, until: datetime
) -> None:
    """Copy whole traces, as far as their raw spans are there; what was copied before is replaced.

    Args:
        database: Where, as a user who may write.
        trace_ids: Which traces.
        reason: Why they are kept.
        at: About when they were: spans more than a day from it are left out.
        until: Until when they are kept.
    """
    rows = await database.fetch(Query(_BOUNDS, {"trace_ids": list(trace_ids)}))
    if not rows:
        return
    first, last = (int(second) for second in rows[0])
    start, end = max(first, _seconds(at) - _LONGEST_SECONDS), min(last + 1, _seconds(at) + _LONGEST_SECONDS)
    bounds = {"start_ns": start * NANOSECONDS, "end_ns": end * NANOSECONDS}
    parameters = {"trace_ids": list(trace_ids), "kept_for": reason.value, "until": _seconds(until), **bounds}
    await database.execute(Query(_COPY, parameters))


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
