"""The reader's queries as spans.

What the Collector writes is never traced: its spans would be written by the Collector again.
"""

from collections.abc import Mapping

from opentelemetry.propagate import extract
from opentelemetry.semconv.attributes.db_attributes import (
    DB_OPERATION_NAME,
    DB_QUERY_SUMMARY,
    DB_QUERY_TEXT,
    DB_RESPONSE_STATUS_CODE,
    DB_SYSTEM_NAME,
)
from opentelemetry.trace import Status, StatusCode, Tracer

from services.embedded_clickhouse.query_log import QueryRecord

_TRACED_USER = "reader"
_NANOSECONDS = 1_000_000_000


class QueryTracer:
    """Makes a span of each statement of the reader.

    Args:
        tracer: where the spans go.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def record(self, record: QueryRecord, headers: Mapping[str, str]) -> None:
        """Trace a statement that ended, under the caller's span where the request names one (`traceparent`)."""
        if record.user != _TRACED_USER:
            return
        operation = record.kind.removesuffix("Query") or "Unparsed"
        begin = int(record.started_at * _NANOSECONDS)
        span = self._tracer.start_span(
            operation,
            context=extract(headers),
            start_time=begin,
            attributes={
                DB_SYSTEM_NAME: "clickhouse",
                DB_OPERATION_NAME: operation,
                DB_QUERY_SUMMARY: record.fingerprint,
                DB_QUERY_TEXT: record.query,
                "db.response.returned_rows": record.rows,
            },
        )
        if record.exception_code:
            span.set_attribute(DB_RESPONSE_STATUS_CODE, str(record.exception_code))
            span.set_status(Status(StatusCode.ERROR))
        span.end(begin + int(record.duration_seconds * _NANOSECONDS))
