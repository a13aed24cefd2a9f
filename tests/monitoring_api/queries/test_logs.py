"""Searching log records: the statements and what they read; what they find is tested over HTTP."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.cursor import Cursor
from services.monitoring_api.queries.logs import LogSelection, places_query, records_query, search_logs
from services.monitoring_api.queries.severity import parse_severity, severity_name
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.web.problems import BadInput
from tests.monitoring_api.queries.plans import index_uses
from tests.monitoring_api.store import T0, text

pytestmark = pytest.mark.anyio
HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(hours=1)))


def record(number, **more):
    """A record a millisecond after the one before."""
    return {
        "Timestamp": text(T0 + timedelta(milliseconds=number)),
        "TraceId": f"{number:032x}",
        "SeverityText": "INFO",
        "SeverityNumber": 9,
        "ServiceName": "ml-api",
        "Body": f"request {number} done",
        **more,
    }


def test_the_statement_is_written_in_full():
    """Its text, and every value a parameter."""
    selection = LogSelection(service="s", severity=13, text="a Request_7 b")
    query = places_query(selection, HOUR, limit=3, after=Cursor(7, "8", HOUR, 0))
    assert query.sql == (
        "SELECT DISTINCT toUnixTimestamp64Nano(Timestamp) AS At, "
        "cityHash64(ServiceName, EventName, TraceId, SpanId, RecordHash) AS Id\n"
        "FROM otel_logs\n"
        "WHERE Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')\n"
        "    AND Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')\n"
        "    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC'))\n"
        "    AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))\n"
        "    AND ServiceName != 'sightglass-doctor'\n"
        "    AND ServiceName = {service:String}\n"
        "    AND multiIf(\n"
        "        SeverityNumber > 0, SeverityNumber,\n"
        "        lower(SeverityText) IN ('fatal', 'critical', 'alert', 'emergency', 'panic'), 21,\n"
        "        lower(SeverityText) IN ('error', 'err'), 17,\n"
        "        lower(SeverityText) IN ('warn', 'warning'), 13,\n"
        "        lower(SeverityText) IN ('info', 'information', 'notice'), 9,\n"
        "        lower(SeverityText) = 'debug', 5,\n"
        "        lower(SeverityText) = 'trace', 1,\n"
        "        0\n"
        "    ) >= {severity:UInt8}\n"
        "    AND hasToken(lower(Body), {token_0:String})\n"
        "    AND hasToken(lower(Body), {token_1:String})\n"
        "    AND positionCaseInsensitiveUTF8(Body, {text:String}) > 0\n"
        "    AND (toUnixTimestamp64Nano(Timestamp) < {after:UInt64} "
        "OR (toUnixTimestamp64Nano(Timestamp) = {after:UInt64} "
        "AND cityHash64(ServiceName, EventName, TraceId, SpanId, RecordHash) < {after_id:UInt64}))\n"
        "ORDER BY At DESC, Id DESC\n"
        "LIMIT {limit:UInt64}"
    )
    assert query.parameters == {
        "from_ns": HOUR.start_ns,
        "to_ns": HOUR.end_ns,
        "service": "s",
        "severity": 13,
        "token_0": "request",
        "token_1": "7",
        "text": "a Request_7 b",
        "after": 7,
        "after_id": 8,
        "limit": 3,
    }


def test_every_placeholder_has_its_value():
    """No statement asks for a parameter that it is not given."""
    selection = LogSelection("a", 1, "b c d", True, "e", "f", "g")
    query = records_query(selection, HOUR, limit=1, after=Cursor(1, "1", HOUR, 0), last=(1, 2))
    assert {part.split(":")[0] for part in query.sql.split("{")[1:]} == set(query.parameters)


@pytest.mark.parametrize(
    ("words", "enclosed", "whole"),
    [
        ("timeout", [], ["timeout"]),
        ("a timeout b", ["timeout"], ["timeout", "a", "b"]),
        ("x_y-Z", ["y"], ["x", "y", "z"]),
        ("größe über alles", [], ["alles"]),
        ("ä b ö", ["b"], ["b"]),
        ("ab\nc\n", ["c"], ["ab", "c"]),
        ("[error]", ["error"], ["error"]),
        ("%_\\'", [], []),
        ("", [], []),
    ],
)
def test_only_words_that_the_body_has_whole_go_to_the_index(words, enclosed, whole):
    """A word at an end may be a part of another, and beside a letter beyond ASCII a word goes on."""
    assert LogSelection(text=words).tokens() == enclosed
    assert LogSelection(text=words, whole_words=True).tokens() == whole


async def test_an_empty_store_has_no_records(store):
    """Nothing is found, and nothing fails."""
    page = await search_logs(store, LogSelection(), HOUR, limit=1)
    assert (page.records, page.following) == ([], None)


async def test_the_indexes_leave_out_most_of_what_is_stored(store):
    """Service and minute by the primary key, words by the filter on the body, by the engine's own plan."""
    rows = [record(n, ServiceName=f"s{n // 100_000}") for n in range(200_000)]
    rows[150_000]["Body"] = "the NEEDLE is here"
    store.insert("otel_logs", rows)
    store.rows("OPTIMIZE TABLE otel.otel_logs FINAL")
    minute = TimeRange(HOUR.start_ns, HOUR.start_ns + 60 * NANOSECONDS)
    uses = index_uses(store, places_query(LogSelection(service="s0"), minute, limit=1, after=None))
    chosen, stored, columns = uses["PrimaryKey"]
    assert {"ServiceName", "Minute", "Timestamp"} <= set(columns)
    assert chosen < stored / 2
    for selection in (LogSelection(text="needle", whole_words=True), LogSelection(text="the needle i")):
        chosen, stored, _ = index_uses(store, places_query(selection, HOUR, limit=1, after=None))["idx_body"]
        assert 0 < chosen < stored
        page = await search_logs(store, selection, HOUR, limit=10)
        assert [each.body for each in page.records] == ["the NEEDLE is here"]
    # At its ends a text may be a part of a word, which the index does not know.
    query = places_query(LogSelection(text="eedl"), HOUR, limit=1, after=None)
    assert "idx_body" not in index_uses(store, query)
    assert len(store.rows(query.sql, query.parameters)) == 1


async def test_bodies_are_read_for_the_page_alone(store):
    """The statement that reads bodies is given the time between the page's first and last record."""
    store.insert("otel_logs", [record(n) for n in range(1000)])
    page = await search_logs(store, LogSelection(), HOUR, limit=10)
    assert [each.body for each in page.records] == [f"request {n} done" for n in range(999, 989, -1)]
    last = store.asked[-1]
    assert "substringUTF8(Body" in last.sql
    assert last.parameters["to_ns"] - last.parameters["from_ns"] == 9_000_001
    assert not any("substringUTF8(Body" in query.sql for query in store.asked[:-1])


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("trace", 1),
        ("Debug", 5),
        ("INFO", 9),
        ("warn", 13),
        ("warning", 13),
        ("error", 17),
        ("critical", 21),
        ("24", 24),
    ],
)
def test_severities_have_names_and_numbers(name, number):
    """By OpenTelemetry's table."""
    assert parse_severity(name) == number


def test_numbers_have_names():
    """Four to a name; unknown ones have none."""
    assert [severity_name(n) for n in (0, 1, 4, 5, 12, 24, 255)] == [
        "",
        "TRACE",
        "TRACE",
        "DEBUG",
        "INFO",
        "FATAL",
        "FATAL",
    ]


@pytest.mark.parametrize("tie", ["x", "-1", "01", str(2**64), "٣"])
async def test_a_place_that_is_none_of_a_record_is_refused(store, tie):
    """The problem names the cursor."""
    with pytest.raises(BadInput, match="cursor"):
        await search_logs(store, LogSelection(), HOUR, limit=1, after=Cursor(1, tie, HOUR, 0))
