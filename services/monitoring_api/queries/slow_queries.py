"""Which statements were slow, out of the log that the monitoring API keeps of them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import TimeRange

_SECONDS: Final = "toFloat64OrZero(LogAttributes['duration_seconds'])"
_WAITED: Final = "toFloat64OrZero(LogAttributes['waited_seconds'])"


class SlowQuery(NamedTuple):
    """All slow runs of statements of one form.

    Args:
        fingerprint: Of the form: the text without its values.
        query: The text, without anybody's values, cut to a length.
        runs: Slow runs.
        failed: How many of them gave no answer.
        total_seconds: Of all of them.
        max_seconds: The slowest.
        waited_seconds: The part of the total that was waiting for a connection.
        read_rows: Most rows that a run read; 0 where nobody counted.
        read_bytes: Likewise bytes.
        last_ns: When the last one ended, in nanoseconds since the epoch.
        services: Who asked.
        routes: For which routes.
        trace_id: The trace of the slowest run that has one; empty where none has.
    """

    fingerprint: str
    query: str
    runs: int
    failed: int
    total_seconds: float
    max_seconds: float
    waited_seconds: float
    read_rows: int
    read_bytes: int
    last_ns: int
    services: Sequence[str]
    routes: Sequence[str]
    trace_id: str


def slow_queries_query(span: TimeRange, *, limit: int) -> Query:
    """A row for each form of a statement, those first that took most time in all."""
    conditions = "\n    AND ".join(WITHIN)
    sql = f"""SELECT
    LogAttributes['fingerprint'] AS Fingerprint,
    any(LogAttributes['query']),
    count(),
    countIf(LogAttributes['outcome'] != 'ok'),
    sum({_SECONDS}) AS Total,
    max({_SECONDS}),
    sum({_WAITED}),
    max(toUInt64OrZero(LogAttributes['read_rows'])),
    max(toUInt64OrZero(LogAttributes['read_bytes'])),
    toUnixTimestamp64Nano(max(Timestamp)),
    arraySort(groupUniqArray(8)(ServiceName)),
    arrayFilter(route -> route != '', arraySort(groupUniqArray(8)(LogAttributes['route']))),
    argMaxIf(TraceId, {_SECONDS}, TraceId != '')
FROM otel_logs FINAL
WHERE {conditions}
    AND EventName = ''
    AND hasToken(lower(Body), 'statement')
    AND startsWith(Body, 'A statement took ')
    AND LogAttributes['fingerprint'] != ''
GROUP BY Fingerprint
ORDER BY Total DESC, Fingerprint
LIMIT {{limit:UInt64}}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, {**within(span), "limit": limit})


async def slow_queries(database: Database, span: TimeRange, *, limit: int) -> list[SlowQuery]:
    """The statements that took most time among the slow ones of a range."""
    return [SlowQuery(*row) for row in await database.fetch(slow_queries_query(span, limit=limit))]
