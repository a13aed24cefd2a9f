"""In which operations slow requests spend the time that others do not: extra self time, by operation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain.cases import Cases
from services.monitoring_api.queries.explain.contingency import Z95, upper_tail
from services.monitoring_api.queries.explain.false_discovery import Q, q_values
from services.monitoring_api.queries.explain.overlap import EXAMPLES
from services.monitoring_api.queries.explain.slow import SlowRequests, slow_cases
from services.monitoring_api.queries.explain.spans import AROUND

# Of each group so many requests are looked at.
MOST_TRACES: Final = 5_000
_MOST_OPERATIONS: Final = 1_000
_MOST_SELF_TIMES: Final = 10
_LEAST: Final = 20

# As `selftime.self_times`: children in the order of their start, each as far as it lies within its parent and beyond
# what the ones before have covered.
_COVERED: Final = """tupleElement(arrayFold(
            (covered, child) -> if(
                least(child.2, Ended) > greatest(child.1, covered.2),
                (covered.1 + least(child.2, Ended) - greatest(child.1, covered.2), least(child.2, Ended)),
                covered
            ),
            Children,
            (toInt64(0), Began)
        ), 1)"""


@dataclass(frozen=True, slots=True)
class SelfTime:
    """An operation in which the selected requests spend more time of its own than the rest.

    Args:
        service: The service.
        operation: The span's name.
        share_selected: Of the selected requests, how many have it in their trace.
        share_rest: Of the others.
        extra_ms: The mean of its self time in a selected request, minus that in another one; 0 where it is not there.
        low: Of the difference's 95 % interval.
        high: Of the same.
        q: The false discovery rate at which it would be believed, among all operations.
        examples: Traces of selected requests that spend most in it.
    """

    service: str
    operation: str
    share_selected: float
    share_rest: float
    extra_ms: float
    low: float
    high: float
    q: float
    examples: Sequence[str]


def self_spans(traces: str) -> str:
    """SQL after FROM: of each span of these traces, once, its self time in nanoseconds as Own.

    Args:
        traces: SQL that lists trace ids.
    """
    conditions = "\n            AND ".join([*AROUND, f"TraceId IN ({traces})"])
    spans = f"""
        SELECT
            TraceId,
            SpanId,
            ParentSpanId,
            toString(ServiceName) AS ServiceName,
            toString(SpanName) AS SpanName,
            toUnixTimestamp64Nano(Timestamp) AS Began,
            toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS Ended
        FROM otel_traces
        WHERE {conditions}
        LIMIT 1 BY TraceId, SpanId
    """  # noqa: S608  (texts of ours; what people give is bound)
    return f"""(
    SELECT spans.TraceId AS TraceId, SpanId, ServiceName, SpanName, Ended - Began - {_COVERED} AS Own
    FROM ({spans}) AS spans
    LEFT ANY JOIN
    (
        SELECT TraceId, ParentSpanId AS Parent, arraySort(groupArray(tuple(Began, Ended))) AS Children
        FROM ({spans})
        WHERE ParentSpanId != ''
        GROUP BY TraceId, ParentSpanId
    ) AS below
    ON spans.TraceId = below.TraceId AND spans.SpanId = below.Parent
)"""  # noqa: S608  (texts of ours; what people give is bound)


def self_times_query(requests: SlowRequests, cases: Cases) -> Query:
    """Of each operation: requests that have it, sums and sums of squares of its self time (ms), by group, and examples.

    The first row, of no operation, counts all requests that were looked at.
    """
    sql = f"""SELECT
    operation.4 AS OfAll,
    operation.1 AS Service,
    operation.2 AS Name,
    countIf(Selected),
    countIf(NOT Selected),
    sumIf(operation.3, Selected),
    sumIf(operation.3, NOT Selected),
    sumIf(operation.3 * operation.3, Selected),
    sumIf(operation.3 * operation.3, NOT Selected),
    groupArraySortedIf({EXAMPLES})(tuple(-operation.3, cases.TraceId), Selected)
FROM (SELECT Selected, TraceId FROM {requests.looked_at_once("TraceId")}) AS cases
LEFT ANY JOIN
(
    SELECT TraceId, groupArray(tuple(ServiceName, SpanName, Spent, 0)) AS Operations
    FROM
    (
        SELECT TraceId, ServiceName, SpanName, sum(Own) / 1e6 AS Spent
        FROM {self_spans(requests.traces())}
        GROUP BY TraceId, ServiceName, SpanName
    )
    GROUP BY TraceId
) AS trace
ON cases.TraceId = trace.TraceId
ARRAY JOIN arrayConcat(trace.Operations, [('', '', toFloat64(0), 1)]) AS operation
GROUP BY OfAll, Service, Name
ORDER BY OfAll DESC, count() DESC, Service, Name
LIMIT {_MOST_OPERATIONS}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, cases.parameters)


async def self_times(database: Database, requests: SlowRequests, selected: int, rest: int) -> list[SelfTime]:
    """Where the selected requests spend more time than the rest, most first.

    Differences of means with Welch's error (1947). Which of them to believe is decided among the operations alone: of
    slow requests some operation always takes longer, and that must not make causes easier to believe.
    """
    if min(selected, rest) < _LEAST:
        return []
    cases = slow_cases(requests, selected, rest, most=MOST_TRACES)
    rows = await database.fetch(self_times_query(requests, cases))
    if not rows or min(int(rows[0][3]), int(rows[0][4])) < _LEAST:
        return []
    total, *operations = rows
    n, m = int(total[3]), int(total[4])
    tested = [_tested(row, n, m) for row in operations if int(row[3]) + int(row[4]) >= _LEAST]
    q = q_values([p for _, p in tested], [1.0] * len(tested), len(tested))
    found = [replace(each, q=q) for (each, _), q in zip(tested, q, strict=True) if q <= Q]
    return sorted(found, key=lambda each: -each.low)[:_MOST_SELF_TIMES]


def _tested(row: Sequence[Any], n: int, m: int) -> tuple[SelfTime, float]:
    _, service, name, having, rest_having, spent, rest_spent, squares, rest_squares, examples = row
    mean, rest_mean = float(spent) / n, float(rest_spent) / m
    variance = (float(squares) / n - mean * mean) / n + (float(rest_squares) / m - rest_mean * rest_mean) / m
    error = math.sqrt(max(variance, 0.0))
    extra = mean - rest_mean
    found = SelfTime(
        str(service),
        str(name),
        int(having) / n,
        int(rest_having) / m,
        extra,
        extra - Z95 * error,
        extra + Z95 * error,
        1.0,
        [str(trace) for _, trace in examples],
    )
    # Without any spread each difference is certain.
    return found, upper_tail(extra / error) if error > 0 else float(extra <= 0)
