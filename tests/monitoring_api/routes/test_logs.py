"""The route that searches log records."""

from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, prediction, span, text

pytestmark = pytest.mark.anyio
LOGS = "/api/v1/logs"
AT = T0 - timedelta(minutes=10)
TRACE = "a" * 32


def record(at=AT, body="something happened", **more):
    """A log record as the Collector writes it."""
    return {
        "Timestamp": text(at),
        "TraceId": TRACE,
        "SpanId": "1" * 16,
        "SeverityText": "INFO",
        "SeverityNumber": 9,
        "ServiceName": "ml-api",
        "Body": body,
        "ResourceAttributes": {"service.name": "ml-api"},
        "LogAttributes": {"code.function": "f"},
        "EventName": "",
        **more,
    }


async def bodies(api, **parameters):
    """The bodies of an answer, in order."""
    answer = await api.get(LOGS, params=parameters)
    assert answer.status_code == 200, answer.text
    return [row["body"] for row in answer.json()["logs"]]


async def test_a_record_has_every_field_and_comes_once(api, store):
    """Delivered three times in two batches, it is one row."""
    store.insert("otel_logs", [record(), record()])
    store.insert("otel_logs", [record(body="later", at=AT + timedelta(seconds=1), TraceId="", SpanId=""), record()])
    answer = await api.get(LOGS)
    rows = answer.json()["logs"]
    assert [row["body"] for row in rows] == ["later", "something happened"]
    assert rows[0]["trace_id"] is None
    assert rows[1].pop("id") != rows[0]["id"]
    assert rows[1] == {
        "timestamp": "2026-03-02T09:50:00Z",
        "service": "ml-api",
        "severity": "INFO",
        "severity_number": 9,
        "event": None,
        "body": "something happened",
        "body_bytes": 18,
        "trace_id": TRACE,
        "span_id": "1" * 16,
        "attributes": {"code.function": "f"},
        "resource": {"service.name": "ml-api"},
        "truncated": [],
    }
    assert (answer.json()["from"], answer.json()["to"], answer.json()["next_cursor"]) == (
        "2026-03-02T09:00:00Z",
        "2026-03-02T10:00:00Z",
        None,
    )


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_pages_hold_every_record_once(api, store, limit):
    """Also where many records share a moment, while duplicates and newer ones arrive between the pages."""
    rows = [record(AT + timedelta(minutes=number // 9), body=f"{number:02}") for number in range(25)]
    store.insert("otel_logs", rows)
    found, parameters = [], {"limit": limit}
    while True:
        answer = (await api.get(LOGS, params=parameters)).json()
        assert len(answer["logs"]) <= limit
        found += [(row["timestamp"], row["body"]) for row in answer["logs"]]
        store.insert("otel_logs", [*rows[::3], record(AT + timedelta(minutes=5), body="newer")])
        if answer["next_cursor"] is None:
            break
        parameters["cursor"] = answer["next_cursor"]
    assert [at for at, _ in found] == sorted((at for at, _ in found), reverse=True)
    assert sorted(body for _, body in found) == [f"{number:02}" for number in range(25)]


async def test_filters_narrow_the_answer(api, store):
    """Service, severity (by text where no number is), trace, span, event."""
    store.insert(
        "otel_logs",
        [
            record(body="plain"),
            record(body="warned", SeverityText="WARN", SeverityNumber=13),
            record(body="by text", SeverityText="Error", SeverityNumber=0),
            record(body="unknown", SeverityText="", SeverityNumber=0),
            record(body="elsewhere", ServiceName="weather", TraceId="b" * 32, SpanId="2" * 16),
            record(body="doctor", ServiceName="sightglass-doctor"),
            prediction(AT, TraceId="c" * 32),
        ],
    )
    assert set(await bodies(api, event="")) == {"plain", "warned", "by text", "unknown", "elsewhere"}
    assert set(await bodies(api, severity="warn")) == {"warned", "by text"}
    assert await bodies(api, severity="ERROR") == ["by text"]
    assert await bodies(api, severity="14") == ["by text"]
    assert await bodies(api, service="weather") == ["elsewhere"]
    assert await bodies(api, trace_id="B" * 32) == ["elsewhere"]
    assert await bodies(api, span_id="2" * 16) == ["elsewhere"]
    assert len(await bodies(api, event="ml.prediction")) == 1
    assert await bodies(api, service="sightglass-doctor") == []


HOST, AGAIN, GERMAN, BACKSLASH, LINES = TEXTS = (
    "100% Connection refused_by 'host-1'",
    "reconnection refused",
    "Die GRÖSSE? nein: Größe 4",
    "a\\nb",
    "a\nb",
)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("CONNECTION refused", {HOST, AGAIN}),
        ("100%", {HOST}),
        ("%", {HOST}),
        ("0_0", set()),
        ("refused_by", {HOST}),
        ("'host-1'", {HOST}),
        (" host ", set()),
        ("größe ", {GERMAN}),
        ("GRÖßE 4", {GERMAN}),
        ("a\\nb", {BACKSLASH}),
        ("A\nB", {LINES}),
        ("", set(TEXTS)),
    ],
)
async def test_text_is_found_in_any_case_and_every_character_is_ordinary(api, store, q, found):
    """Nothing is a wildcard, and a word at the end of the text may be a part of a longer one."""
    store.insert("otel_logs", [record(body=body) for body in TEXTS])
    assert set(await bodies(api, q=q)) == found


async def test_whole_words_are_not_parts_of_others(api, store):
    """`connection` is then no part of `reconnection`."""
    store.insert("otel_logs", [record(body=body) for body in ("Connection refused", "reconnection refused")])
    assert await bodies(api, q="connection", whole_words="true") == ["Connection refused"]
    assert len(await bodies(api, q="connection")) == 2


async def test_long_texts_are_cut_and_say_so(api, store):
    """A body of a megabyte, whole characters only, and a long attribute."""
    store.insert("otel_logs", [record(body="ö" * 500_000, LogAttributes={"a": "b", "long": "x" * 9000})])
    (row,) = (await api.get(LOGS)).json()["logs"]
    assert row["body"] == "ö" * 16_384
    assert row["body_bytes"] == 1_000_000
    assert row["attributes"] == {"a": "b", "long": "x" * 4096}
    assert row["truncated"] == ["body", "attributes.long"]


async def test_a_trace_brings_its_own_range(api, store):
    """Logs of a trace of last week are found by its id alone; a range that is given is kept."""
    at = T0 - timedelta(days=7)
    store.insert("otel_traces", [span(at, TraceId=TRACE)])
    store.insert("otel_logs", [record(at + timedelta(minutes=5), body="old")])
    assert await bodies(api, trace_id=TRACE) == ["old"]
    assert await bodies(api, trace_id=TRACE, **{"from": "now-1h"}) == []
    assert await bodies(api, trace_id="b" * 32) == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"from": "now", "to": "now-1h"}, "from"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "NaN"}, "limit"),
        ({"severity": "loud"}, "severity"),
        ({"severity": "0"}, "severity"),
        ({"severity": "25"}, "severity"),
        ({"severity": ""}, "severity"),
        ({"q": "a\0b"}, "q"),
        ({"q": "x" * 5000}, "q"),
        ({"trace_id": "xyz"}, "trace_id"),
        ({"trace_id": "a" * 32 + "\n"}, "trace_id"),
        ({"span_id": "a" * 32}, "span_id"),
        ({"whole_words": "perhaps"}, "whole_words"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": "A" * 4000}, "cursor"),
        ({"attr": "a=b"}, "attr"),
    ],
)
async def test_bad_input_is_a_problem_that_names_the_field(api, store, parameters, field):
    """Whatever is wrong with a parameter is a 4xx that names it, and reaches no statement."""
    store.asked.clear()
    answer = await api.get(LOGS, params=parameters)
    assert 400 <= answer.status_code < 500, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert store.asked == []


async def test_records_are_counted_by_time_and_severity(api, store):
    """Each once, under the same conditions as the search; a minute without any is 0, a severity without is absent."""
    severities = [("INFO", 9), ("INFO", 9), ("", 18), ("warning", 0), ("odd", 0)]
    rows = [
        record(AT + timedelta(seconds=number), f"call {number}", SeverityText=text_, SeverityNumber=value)
        for number, (text_, value) in enumerate(severities)
    ]
    store.insert("otel_logs", [*rows, record(AT + timedelta(minutes=2), "other")])
    store.insert("otel_logs", rows)
    parameters = {"from": "now-11m", "to": "now-7m", "step": "1m"}
    answer = (await api.get(f"{LOGS}/volume", params=parameters)).json()
    assert answer["step_seconds"] == 60
    assert [at - answer["times"][0] for at in answer["times"]] == [0, 60, 120, 180]
    assert answer["counts"] == {
        "ERROR": [0, 1, 0, 0],
        "WARN": [0, 1, 0, 0],
        "INFO": [0, 2, 0, 1],
        "UNKNOWN": [0, 1, 0, 0],
    }
    assert list(answer["counts"]) == ["ERROR", "WARN", "INFO", "UNKNOWN"]
    some = (await api.get(f"{LOGS}/volume", params={**parameters, "q": "CALL", "severity": "warn"})).json()
    assert some["counts"] == {"ERROR": [0, 1, 0, 0], "WARN": [0, 1, 0, 0]}
    whole = (await api.get(f"{LOGS}/volume", params={"trace_id": TRACE})).json()
    assert sum(map(sum, whole["counts"].values())) == 6


async def test_a_step_that_makes_too_many_bars_is_refused(api):
    """It says which one would do."""
    answer = await api.get(f"{LOGS}/volume", params={"from": "now-1d", "step": "1s"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "step"
