"""Log records by text, severity, service and trace, newest first: first where a page ends, then its records."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.cursor import Cursor, not_of_this_question
from services.monitoring_api.queries.severity import SEVERITY
from services.monitoring_api.queries.stored_time import WITHIN, newest_first, within
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

LONGEST_BODY: Final = 16_384
LONGEST_VALUE: Final = 4_096
# Every token costs a look into the filter, and a few of them tell most texts apart.
_MOST_TOKENS: Final = 8
# A word as ClickHouse's `tokenbf_v1` sees it, if it is ASCII throughout: the index knows the lower case of ASCII only.
_GAP: Final = "[\\x00-/:-@\\[-`{-\\x7f]"
_WHOLE: Final = re.compile(rf"(?:\A|(?<={_GAP}))[0-9A-Za-z]+(?={_GAP}|\Z)")
_ENCLOSED: Final = re.compile(rf"(?<={_GAP})[0-9A-Za-z]+(?={_GAP})")
_TIE: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_TIES: Final = 2**64

# A record's identity is all of the sorting key; records of one nanosecond are told apart by a hash of the rest of it.
_ID: Final = "cityHash64(ServiceName, EventName, TraceId, SpanId, RecordHash)"
_AT: Final = "toUnixTimestamp64Nano(Timestamp)"


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which records; None asks for nothing.

    Args:
        service: The service's name.
        severity: The least severity, as OpenTelemetry's number.
        text: What the body holds, in any case; every character stands for itself.
        whole_words: Whether each word of the text must be a whole word of the body.
        trace_id: The trace that it was written in.
        span_id: The span that it was written in.
        event: The event's name; empty for records that are no events.
    """

    service: str | None = None
    severity: int | None = None
    text: str | None = None
    whole_words: bool = False
    trace_id: str | None = None
    span_id: str | None = None
    event: str | None = None

    def conditions(self) -> list[str]:
        """SQL conditions over otel_logs; the doctor's records meet none of them."""
        columns = {
            "ServiceName = {service:String}": self.service,
            "EventName = {event:String}": self.event,
            "TraceId = {trace_id:String}": self.trace_id,
            "SpanId = {span_id:String}": self.span_id,
            f"{SEVERITY} >= {{severity:UInt8}}": self.severity,
        }
        found = [REAL, *(sql for sql, value in columns.items() if value is not None)]
        if self.text:
            # The first ones are for the index; the last decides.
            found += [f"hasToken(lower(Body), {{token_{n}:String}})" for n, _ in enumerate(self.tokens())]
            found.append("positionCaseInsensitiveUTF8(Body, {text:String}) > 0")
        return found

    def parameters(self) -> dict[str, Any]:
        """The values that `conditions` needs."""
        values: dict[str, Any] = {
            "service": self.service,
            "event": self.event,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "severity": self.severity,
            "text": self.text or None,
        }
        values |= {f"token_{n}": token for n, token in enumerate(self.tokens())}
        return {name: value for name, value in values.items() if value is not None}

    def tokens(self) -> list[str]:
        """Words, in lower case, that a body with the text has as whole words, the longest first.

        A word at either end of the text may be a part of a longer one in the body, unless whole words are asked for.
        """
        pattern = _WHOLE if self.whole_words else _ENCLOSED
        words = {word.lower() for word in pattern.findall(self.text or "")}
        # All of them where they are what was asked for; else a few, for they only save reading.
        return sorted(words, key=lambda word: (-len(word), word))[: None if self.whole_words else _MOST_TOKENS]


class LogRecord(NamedTuple):
    """A record as it is shown: long texts cut; `truncated` names what is."""

    at_ns: int
    tie: int
    service: str
    severity_number: int
    severity: str
    event: str
    body: str
    body_bytes: int
    trace_id: str
    span_id: str
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    truncated: Sequence[str]


@dataclass(frozen=True, slots=True)
class LogPage:
    """Records, newest first, and where the next page begins; None after the last."""

    records: Sequence[LogRecord]
    following: Cursor | None


def places_query(selection: LogSelection, span: TimeRange, *, limit: int, after: Cursor | None) -> Query:
    """Time and hash of the newest records, each once, however often it was delivered."""
    conditions, parameters = _conditions(selection, span, after)
    # Texts of ours; what people give is bound.
    sql = f"""SELECT DISTINCT {_AT} AS At, {_ID} AS Id
FROM otel_logs
WHERE {conditions}
ORDER BY At DESC, Id DESC
LIMIT {{limit:UInt64}}"""  # noqa: S608
    return Query(sql, {**parameters, "limit": limit})


def records_query(
    selection: LogSelection, span: TimeRange, *, limit: int, after: Cursor | None, last: tuple[int, int]
) -> Query:
    """The same records whole, none after ``last``."""
    conditions, parameters = _conditions(selection, span, after)
    sql = f"""SELECT
    {_AT} AS At,
    {_ID} AS Id,
    ServiceName,
    {SEVERITY},
    SeverityText,
    EventName,
    substringUTF8(Body, 1, {{longest_body:UInt64}}),
    length(Body),
    TraceId,
    SpanId,
    mapApply((name, value) -> (name, substringUTF8(value, 1, {{longest_value:UInt64}})), LogAttributes),
    mapApply((name, value) -> (name, substringUTF8(value, 1, {{longest_value:UInt64}})), ResourceAttributes),
    arrayConcat(
        if(lengthUTF8(Body) > {{longest_body:UInt64}}, ['body'], []),
        arrayMap(name -> concat('attributes.', name), {_long("LogAttributes")}),
        arrayMap(name -> concat('resource.', name), {_long("ResourceAttributes")})
    )
FROM otel_logs
WHERE {conditions}
    AND (At > {{last_at:Int64}} OR (At = {{last_at:Int64}} AND Id >= {{last_id:UInt64}}))
ORDER BY At DESC, Id DESC
LIMIT 1 BY At, Id
LIMIT {{limit:UInt64}}"""  # noqa: S608
    parameters |= {"longest_body": LONGEST_BODY, "longest_value": LONGEST_VALUE, "limit": limit}
    return Query(sql, {**parameters, "last_at": last[0], "last_id": last[1]})


async def search_logs(
    database: Database, selection: LogSelection, span: TimeRange, *, limit: int, after: Cursor | None = None
) -> LogPage:
    """A page of records, each once.

    Args:
        database: Where to ask.
        selection: Which records.
        span: When they were written; on a later page the range of the first.
        limit: How many records a page holds at most.
        after: Where the page before ended.

    Raises:
        BadInput: When the cursor holds no place of a record.
    """
    if after is not None and not (_TIE.fullmatch(after.tie) and int(after.tie) < _TIES):
        raise not_of_this_question()
    end_ns = span.end_ns if after is None else min(span.end_ns, after.value + 1)
    places: list[tuple[int, int]] = []
    for start_ns in newest_first(span, end_ns):
        part = TimeRange(start_ns, end_ns)
        rows = await database.fetch(places_query(selection, part, limit=limit + 1, after=after))
        places = [(int(at), int(tie)) for at, tie in rows]
        if len(places) > limit:
            break
    if not places:
        return LogPage([], None)
    page = places[:limit]
    # No more than what the page spans is read whole: bodies are long.
    part = TimeRange(page[-1][0], page[0][0] + 1)
    rows = await database.fetch(records_query(selection, part, limit=limit, after=after, last=page[-1]))
    records = [LogRecord(int(row[0]), int(row[1]), *row[2:]) for row in rows]
    following = None
    if len(places) > limit and records:
        following = Cursor(records[-1].at_ns, str(records[-1].tie), span, 0)
    return LogPage(records, following)


def _conditions(selection: LogSelection, span: TimeRange, after: Cursor | None) -> tuple[str, dict[str, Any]]:
    conditions = [*WITHIN, *selection.conditions()]
    parameters = {**selection.parameters(), **within(span)}
    if after is not None:
        conditions.append(f"({_AT} < {{after:UInt64}} OR ({_AT} = {{after:UInt64}} AND {_ID} < {{after_id:UInt64}}))")
        parameters |= {"after": after.value, "after_id": int(after.tie)}
    return "\n    AND ".join(conditions), parameters


def _long(column: str) -> str:
    """SQL for the names of attributes that are cut."""
    is_long = "(name, value) -> lengthUTF8(value) > {longest_value:UInt64}"
    return f"arrayFilter({is_long}, mapKeys({column}), mapValues({column}))"
