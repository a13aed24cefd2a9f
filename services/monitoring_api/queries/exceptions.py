"""Exceptions that spans and log records hold, by type and by where they were raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

LONGEST_STACK: Final = 16_384
LONGEST_MESSAGE: Final = 2_048
# A stack is told apart by this much of it.
_LONGEST_PLACE: Final = 65_536
MOST_EXAMPLES: Final = 5
_MOST_NAMES: Final = 20
# Of frames as Python writes them, and as Java, JavaScript and .NET do: where and in what, without line numbers, which
# move with every release, and without the message, which holds values. Of other stacks numbers are left out.
_PYTHON: Final = r"File \"[^\"]+\", line \\d+, in [^\\n]+"
_OTHERS: Final = r"\\n\\s+at [^\\n]+"
_NUMBERS: Final = r"0x[0-9a-fA-F]+|[0-9]+"
_PLACE: Final = f"""replaceRegexpAll(
        multiIf(
            match(Stack, '{_PYTHON}'), arrayStringConcat(extractAll(Stack, '{_PYTHON}'), '\\n'),
            match(Stack, '{_OTHERS}'), arrayStringConcat(extractAll(Stack, '{_OTHERS}'), ''),
            Stack
        ),
        '{_NUMBERS}',
        '#'
    )"""


@dataclass(frozen=True, slots=True)
class GroupedException:
    """Exceptions of one type that were raised in the same place.

    Args:
        type: Its class.
        message: The last one's.
        stack: The last one's, cut.
        stack_length: How long that is in all, in bytes.
        count: How often it was recorded.
        traces: In how many traces.
        first_ns: When first, in nanoseconds since 1970.
        last_ns: When last.
        services: Where it was recorded.
        operations: In which spans, by name.
        examples: Traces, the newest first.
    """

    type: str
    message: str
    stack: str
    stack_length: int
    count: int
    traces: int
    first_ns: int
    last_ns: int
    services: Sequence[str]
    operations: Sequence[str]
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The most frequent groups, how many groups there are, and how many exceptions."""

    groups: Sequence[GroupedException]
    group_count: int
    count: int


def exceptions_query(span: TimeRange, service: str | None, *, limit: int) -> Query:
    """The most frequent exceptions by type and place; with each row how many groups and exceptions there are in all.

    A span counts once, however often it was delivered, and so does a log record. A log record does not count when its
    span holds an exception of the same type: it is the same one, said twice.
    """
    conditions = "\n            AND ".join([*WITHIN, REAL, *(["ServiceName = {service:String}"] if service else [])])
    # Texts of ours; what people give is bound.
    sql = f"""WITH
Raised AS
(
    SELECT
        TraceId,
        SpanId,
        ServiceName,
        SpanName,
        toUnixTimestamp64Nano(tupleElement(Event, 1)) AS At,
        tupleElement(Event, 3)['exception.type'] AS Type,
        tupleElement(Event, 3)['exception.message'] AS Message,
        tupleElement(Event, 3)['exception.stacktrace'] AS Stack
    FROM
    (
        SELECT TraceId, SpanId, ServiceName, SpanName, `Events.Timestamp`, `Events.Name`, `Events.Attributes`
        FROM otel_traces
        WHERE {conditions}
            AND has(`Events.Name`, 'exception')
        ORDER BY TraceId, SpanId, Timestamp
        LIMIT 1 BY TraceId, SpanId
    )
    ARRAY JOIN arrayZip(`Events.Timestamp`, `Events.Name`, `Events.Attributes`) AS Event
    WHERE tupleElement(Event, 2) = 'exception'
),
Logged AS
(
    SELECT DISTINCT
        TraceId,
        SpanId,
        ServiceName,
        '' AS SpanName,
        toUnixTimestamp64Nano(Timestamp) AS At,
        LogAttributes['exception.type'] AS Type,
        LogAttributes['exception.message'] AS Message,
        LogAttributes['exception.stacktrace'] AS Stack
    FROM otel_logs
    WHERE {conditions}
        AND mapContains(LogAttributes, 'exception.type')
)
SELECT
    Type,
    substringUTF8(argMax(Message, At), 1, {{longest_message:UInt64}}),
    substringUTF8(argMax(Stack, At), 1, {{longest_stack:UInt64}}),
    length(argMax(Stack, At)),
    count() AS Count,
    uniqExactIf(TraceId, TraceId != ''),
    min(At),
    max(At) AS Last,
    arraySort(groupUniqArray({_MOST_NAMES})(ServiceName)),
    arraySort(groupUniqArrayIf({_MOST_NAMES})(SpanName, SpanName != '')),
    arraySlice(
        arrayDistinct(arrayMap(
            pair -> pair.2,
            groupArraySortedIf({MOST_EXAMPLES * 4})((-At, TraceId), TraceId != '')
        )),
        1,
        {{most_examples:UInt64}}
    ),
    count() OVER (),
    sum(Count) OVER ()
FROM
(
    SELECT * FROM Raised
    UNION ALL
    SELECT *
    FROM Logged
    WHERE SpanId = '' OR (TraceId, SpanId, Type) NOT IN (SELECT TraceId, SpanId, Type FROM Raised)
)
GROUP BY
    Type,
    cityHash64({_PLACE.replace("Stack", "substring(Stack, 1, {longest_place:UInt64})")})
ORDER BY Count DESC, Last DESC, Type
LIMIT {{limit:UInt64}}"""  # noqa: S608
    parameters: dict[str, Any] = {
        **within(span),
        "longest_message": LONGEST_MESSAGE,
        "longest_stack": LONGEST_STACK,
        "longest_place": _LONGEST_PLACE,
        "most_examples": MOST_EXAMPLES,
        "limit": limit,
    }
    return Query(sql, {**parameters, **({"service": service} if service else {})})


async def find_exceptions(database: Database, span: TimeRange, service: str | None, *, limit: int) -> Exceptions:
    """The most frequent exceptions of a range, by type and by where they were raised.

    Args:
        database: Where to ask.
        span: When the spans began and the log records were written.
        service: Only this service's; None: everybody's.
        limit: How many groups.
    """
    rows = await database.fetch(exceptions_query(span, service, limit=limit))
    groups = [_group(row) for row in rows]
    return Exceptions(groups, int(rows[0][11]) if rows else 0, int(rows[0][12]) if rows else 0)


def _group(row: Sequence[Any]) -> GroupedException:
    type_, message, stack, length, count, traces, first, last, services, operations, examples, *_ = row
    return GroupedException(
        str(type_),
        str(message),
        str(stack),
        int(length),
        int(count),
        int(traces),
        int(first),
        int(last),
        *(tuple(map(str, names)) for names in (services, operations, examples)),
    )
