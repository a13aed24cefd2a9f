"""What stored spans say of a case: its request's attributes, and the operations of its trace."""

from typing import Final

from services.monitoring_api.queries.explain.cases import Kind, Reading
from services.monitoring_api.queries.promoted import RESOURCE
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# Of a trace more operations, or of a span more attributes, are not looked at; nor are values that are texts of their
# own.
_MOST_OPERATIONS: Final = 200
_MOST_ATTRIBUTES: Final = 200
_LONGEST: Final = 200
# What a prediction came to is no cause of that.
_OUTPUTS: Final = "ml.prediction."
# Nor is the number that a caller's connection happened to get.
_OF_CONNECTIONS: Final = "('client.port', 'network.peer.port', 'net.peer.port')"
# Spans of a trace begin so long before or after the case at most.
_AROUND_NS: Final = 3600 * NANOSECONDS

AROUND: Final = (
    "Timestamp >= fromUnixTimestamp64Nano({around_from_ns:Int64}, 'UTC')",
    "Timestamp < fromUnixTimestamp64Nano({around_to_ns:Int64}, 'UTC')",
    "Minute >= toStartOfMinute(fromUnixTimestamp64Nano({around_from_ns:Int64}, 'UTC'))",
    "Minute <= toStartOfMinute(fromUnixTimestamp64Nano({around_to_ns:Int64}, 'UTC'))",
)

# Attributes of a span and of its resource as items.
ATTRIBUTES: Final = f"""arrayFilter(
        item -> length(item.3) BETWEEN 1 AND {_LONGEST} AND NOT startsWith(item.2, '{_OUTPUTS}')
            AND item.2 NOT IN {_OF_CONNECTIONS},
        arrayConcat(
            arrayMap(
                (name, value) -> (toUInt8({Kind.ATTRIBUTE:d}), toString(name), value),
                arraySlice(mapKeys(SpanAttributes), 1, {_MOST_ATTRIBUTES}),
                arraySlice(mapValues(SpanAttributes), 1, {_MOST_ATTRIBUTES})
            ),
            arrayMap(
                (name, value) -> (toUInt8({Kind.ATTRIBUTE:d}), concat('{RESOURCE}', name), value),
                arraySlice(mapKeys(ResourceAttributes), 1, {_MOST_ATTRIBUTES}),
                arraySlice(mapValues(ResourceAttributes), 1, {_MOST_ATTRIBUTES})
            )
        )
    )"""


def around(span: TimeRange) -> dict[str, int]:
    """The values that `AROUND` needs."""
    return {"around_from_ns": max(0, span.start_ns - _AROUND_NS), "around_to_ns": span.end_ns + _AROUND_NS}


def request_operation(read: Reading) -> str:
    """SQL of what is to be known of the operation that a span is."""
    return read.of(f"[(toUInt8({Kind.CHILD_OPERATION:d}), toString(ServiceName), toString(SpanName))]")


def requests(traces: str, read: Reading) -> str:
    """SQL after FROM: of each trace and service the first request's span, with its attributes.

    Args:
        traces: SQL that lists trace ids.
        read: What is to be known of attributes and operations.
    """
    conditions = "\n        AND ".join([*AROUND, f"TraceId IN ({traces})"])
    return f"""(
    SELECT TraceId, ServiceName, 1 AS Stored, {request_operation(read)} AS Itself, {read.of(ATTRIBUTES)} AS Attributes
    FROM otel_traces
    WHERE SpanKind = 'Server'
        AND {conditions}
    ORDER BY TraceId, ServiceName, Timestamp, SpanId
    LIMIT 1 BY TraceId, ServiceName
)"""  # noqa: S608  (texts of ours; what people give is bound)


def operations(traces: str, read: Reading) -> str:
    """SQL after FROM: of each trace its operations, by service and name.

    Args:
        traces: SQL that lists trace ids.
        read: What is to be known of operations.
    """
    conditions = "\n        AND ".join([*AROUND, f"TraceId IN ({traces})"])
    return f"""(
    SELECT TraceId, groupUniqArrayArray({_MOST_OPERATIONS})({request_operation(read)}) AS Operations
    FROM otel_traces
    WHERE {conditions}
    GROUP BY TraceId
)"""  # noqa: S608  (texts of ours; what people give is bound)


CHILDREN: Final = "arrayFilter(item -> NOT has(Itself, item), Operations)"
