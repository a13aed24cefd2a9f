"""In which trace a span lies, when only its own id is known."""

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.stored_time import WITHIN, newest_first, within
from services.monitoring_api.queries.timerange import TimeRange


def span_place_query(span_id: str, span: TimeRange) -> Query:
    """The trace of the newest span of that id; ids are 64 random bits, so that there is hardly ever a second."""
    conditions = "\n    AND ".join([*WITHIN, "SpanId = {span_id:String}"])
    sql = f"SELECT TraceId\nFROM otel_traces\nWHERE {conditions}\nORDER BY Timestamp DESC\nLIMIT 1"
    return Query(sql, {**within(span), "span_id": span_id})


async def span_place(database: Database, span_id: str, span: TimeRange) -> str | None:
    """The span's trace; None when no span of the range has that id."""
    end_ns = span.end_ns
    for start_ns in newest_first(span, end_ns):
        rows = await database.fetch(span_place_query(span_id, TimeRange(start_ns, end_ns)))
        if rows:
            return str(rows[0][0])
        end_ns = start_ns
        if end_ns <= span.start_ns:
            break
    return None
