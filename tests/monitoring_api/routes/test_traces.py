"""The routes that search traces and draw their heat map."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.store import T0, span, text

pytestmark = pytest.mark.anyio
TRACES = "/api/v1/traces"
HEATMAP = "/api/v1/traces/heatmap"
AT = T0 - timedelta(minutes=10)
ROOT, CHILD = "1" * 16, "2" * 16
TRACE = "a" * 32


def ids(answer):
    """The traces of an answer, in order."""
    assert answer.status_code == 200, answer.text
    return [row["trace_id"] for row in answer.json()["traces"]]


async def pages(api, parameters):
    """Every trace of all pages, by page."""
    found, cursor = [], {}
    while cursor is not None:
        answer = await api.get(TRACES, params={**parameters, **cursor})
        found.append(ids(answer))
        following = answer.json()["next_cursor"]
        cursor = None if following is None else {"cursor": following}
    return found


def one_trace():
    """A request that took a second, with a failed child in another service that took 300 ms."""
    root = span(AT, seconds=1.0, TraceId=TRACE, SpanId=ROOT)
    child = span(
        AT + timedelta(milliseconds=200),
        seconds=0.3,
        status=503,
        TraceId=TRACE,
        SpanId=CHILD,
        ParentSpanId=ROOT,
        SpanKind="Client",
        SpanName="GET weather",
        ServiceName="weather",
        attributes={"peer": "w1"},
    )
    return root, child


async def test_a_row_has_every_field(api, store):
    """The trace's own figures, and the span that matched."""
    root, child = one_trace()
    store.insert("otel_traces", [child])
    store.insert("otel_traces", [root, child])
    answer = await api.get(TRACES, params={"attr": "peer=w1"})
    assert answer.json() == {
        "from": "2026-03-02T09:00:00Z",
        "to": "2026-03-02T10:00:00Z",
        "traces": [
            {
                "trace_id": TRACE,
                "start": "2026-03-02T09:50:00Z",
                "duration_ms": 1000.0,
                "service": "ml-api",
                "name": "POST /v1/predict",
                "route": "/v1/predict",
                "status": "ok",
                "status_code": 200,
                "root_missing": False,
                "span_count": 2,
                "error_count": 1,
                "services": ["ml-api", "weather"],
                "matching_spans": 1,
                "matched": {
                    "span_id": CHILD,
                    "service": "weather",
                    "name": "GET weather",
                    "kind": "Client",
                    "route": "/v1/predict",
                    "status": "error",
                    "status_code": 503,
                    "start": "2026-03-02T09:50:00.200Z",
                    "duration_ms": 300.0,
                },
            }
        ],
        "next_cursor": None,
    }


async def test_a_trace_without_its_root_says_so(api, store):
    """The first span stands in for it."""
    store.insert("otel_traces", [one_trace()[1]])
    (row,) = (await api.get(TRACES)).json()["traces"]
    assert (row["root_missing"], row["name"], row["service"], row["start"]) == (
        True,
        "GET weather",
        "weather",
        "2026-03-02T09:50:00.200Z",
    )


@pytest.mark.parametrize("sort", ["time", "duration"])
@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_pages_hold_every_trace_once(api, store, sort, limit):
    """Also where many traces share a moment and a duration, whatever the length of a page."""
    rows = [span(AT + timedelta(minutes=number // 10), seconds=0.1 * (number // 5)) for number in range(23)]
    store.insert("otel_traces", rows)
    store.insert("otel_traces", rows[::2])
    found = await pages(api, {"sort": sort, "limit": limit})
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    flat = [trace_id for page in found for trace_id in page]
    key = "Timestamp" if sort == "time" else "Duration"
    expected = sorted(rows, key=lambda row: (row[key], row["TraceId"]), reverse=True)
    assert flat == [row["TraceId"] for row in expected]


@pytest.mark.parametrize("sort", ["time", "duration"])
async def test_what_arrives_between_pages_moves_nothing(api, store, sort):
    """New traces come in front of the first page; late spans leave traces where they were, shown ones and others."""
    rows = [span(AT + timedelta(minutes=n), seconds=1.0 + n) for n in range(6)]
    for row in rows:
        del row["ArrivedAt"]
    store.insert("otel_traces", rows)
    newest_first = [row["TraceId"] for row in reversed(rows)]
    first = await api.get(TRACES, params={"sort": sort, "limit": 2})
    assert ids(first) == newest_first[:2]
    # ClickHouse keeps the time of arrival to the millisecond.
    await asyncio.sleep(0.005)
    late = []
    for row in rows:
        late.append(span(AT - timedelta(minutes=1), seconds=0.01, TraceId=row["TraceId"]))
        late.append(span(AT + timedelta(minutes=9), seconds=99.0, TraceId=row["TraceId"]))
    late.append(span(AT + timedelta(minutes=9, seconds=30), seconds=100.0))
    for row in late:
        del row["ArrivedAt"]
    store.insert("otel_traces", late)
    store.insert("otel_traces", rows)
    rest = []
    answer = first
    while (cursor := answer.json()["next_cursor"]) is not None:
        answer = await api.get(TRACES, params={"sort": sort, "limit": 2, "cursor": cursor})
        rest += ids(answer)
    assert rest == newest_first[2:]


async def test_a_cursor_keeps_the_range_of_its_first_page(store, tmp_path):
    """`now` is the moment of the first page on all of them."""
    times = iter([T0, T0 + timedelta(hours=2)])
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path)
    app = create_app(settings, database=store, clock=lambda: next(times))
    store.insert("otel_traces", [span(AT), span(AT)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        first = await client.get(TRACES, params={"limit": 1})
        second = await client.get(TRACES, params={"limit": 1, "cursor": first.json()["next_cursor"]})
    assert len(ids(second)) == 1
    assert (second.json()["from"], second.json()["to"]) == (first.json()["from"], first.json()["to"])


async def test_cursors_of_other_questions_and_changed_ones_are_refused(api, store):
    """The problem names the cursor."""
    store.insert("otel_traces", [span(AT), span(AT)])
    cursor = (await api.get(TRACES, params={"limit": 1})).json()["next_cursor"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert (await api.get(TRACES, params={"limit": 2, "cursor": cursor})).status_code == 200
    last = "A" if cursor[-1] != "A" else "B"
    tries = [
        {"cursor": cursor[:-1] + last},
        {"cursor": last + cursor[1:]},
        {"cursor": cursor + "A"},
        {"cursor": cursor + "="},
        {"cursor": cursor[: len(cursor) // 2]},
        {"cursor": ""},
        {"cursor": "null"},
        {"cursor": cursor, "service": "ml-api"},
        {"cursor": cursor, "sort": "duration"},
        {"cursor": cursor, "from": "now-2h"},
        {"cursor": cursor, "attr": "a=b"},
    ]
    for parameters in tries:
        answer = await api.get(TRACES, params=parameters)
        assert answer.status_code == 422, parameters
        assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]
    assert (await api.get("/api/v1/logs", params={"cursor": cursor})).status_code == 422


async def test_a_heat_map_has_every_field(api, store):
    """Columns of the range, buckets from the shortest to the longest in use, and the cells that hold spans."""
    at = T0 - timedelta(minutes=2)
    store.insert("otel_traces", [span(at, seconds=0.1), span(at, seconds=0.15, status=500), span(T0, seconds=0.1)])
    store.insert("otel_traces", [span(at + timedelta(minutes=1), seconds=0.3)])
    answer = await api.get(HEATMAP, params={"from": "now-3m", "step": "1m"})
    start = int(T0.timestamp())
    assert answer.json() == {
        "from": "2026-03-02T09:57:00Z",
        "to": "2026-03-02T10:00:00Z",
        "step_seconds": 60,
        "times": [start - 180, start - 120, start - 60],
        "buckets": [
            {"from_ms": 100.0, "to_ms": 158.489319},
            {"from_ms": 158.489319, "to_ms": 251.188643},
            {"from_ms": 251.188643, "to_ms": 398.107171},
        ],
        "count": 3,
        "errors": 1,
        "cells": [
            {"time": start - 120, "bucket": 0, "count": 2, "errors": 1},
            {"time": start - 60, "bucket": 2, "count": 1, "errors": 0},
        ],
    }


async def test_a_heat_map_of_nothing_is_empty(api):
    """No bucket and no cell, but the columns."""
    answer = (await api.get(HEATMAP)).json()
    assert (answer["buckets"], answer["cells"], answer["count"], len(answer["times"])) == ([], [], 0, 60)


async def test_exceptions_are_answered_by_type_and_place(api, store):
    """Every field, as the description names it; a group without a stack too."""
    event = {
        "Events.Timestamp": [text(AT + timedelta(milliseconds=3))],
        "Events.Name": ["exception"],
        "Events.Attributes": [{"exception.type": "ConnectionError", "exception.message": "refused"}],
    }
    store.insert("otel_traces", [span(AT, TraceId=TRACE, **event)])
    answer = (await api.get(f"{TRACES}/exceptions")).json()
    at = f"{AT + timedelta(milliseconds=3):%Y-%m-%dT%H:%M:%S}.003Z"
    assert (answer["count"], answer["groups"]) == (1, 1)
    assert answer["exceptions"] == [
        {
            "type": "ConnectionError",
            "message": "refused",
            "stack": "",
            "stack_truncated": False,
            "count": 1,
            "traces": 1,
            "first_seen": at,
            "last_seen": at,
            "services": ["ml-api"],
            "operations": ["POST /v1/predict"],
            "examples": [TRACE],
        }
    ]


async def test_the_heat_map_is_no_trace(api):
    """`heatmap` is not read as a trace's id, and a trace is still found by its own."""
    assert (await api.get(HEATMAP)).status_code == 200
    assert (await api.get("/api/v1/traces/heatmaps")).status_code == 422
    assert (await api.get(f"{TRACES}/{TRACE}")).status_code == 404


BAD = [
    (f"{TRACES}/exceptions", {"limit": "0"}, "limit"),
    (f"{TRACES}/exceptions", {"from": "soon"}, "from"),
    (f"{TRACES}/exceptions", {"route": "/x"}, "route"),
    (TRACES, {"from": "now", "to": "now-1h"}, "from"),
    (TRACES, {"from": "soon"}, "from"),
    (TRACES, {"to": "NaN"}, "to"),
    (TRACES, {"limit": "0"}, "limit"),
    (TRACES, {"limit": "201"}, "limit"),
    (TRACES, {"limit": "NaN"}, "limit"),
    (TRACES, {"sort": "size"}, "sort"),
    (TRACES, {"step": "1m"}, "step"),
    (TRACES, {"min_duration_ms": "-1"}, "min_duration_ms"),
    (TRACES, {"min_duration_ms": "NaN"}, "min_duration_ms"),
    (TRACES, {"max_duration_ms": "inf"}, "max_duration_ms"),
    (TRACES, {"max_duration_ms": "1e300"}, "max_duration_ms"),
    (TRACES, {"min_duration_ms": "2", "max_duration_ms": "1"}, "min_duration_ms"),
    (TRACES, {"status": "bad"}, "status"),
    (TRACES, {"status": "6xx"}, "status"),
    (TRACES, {"status": "99"}, "status"),
    (TRACES, {"status": ""}, "status"),
    (TRACES, {"kind": "Any"}, "kind"),
    (TRACES, {"has_prediction": "perhaps"}, "has_prediction"),
    (TRACES, {"attr": "nothing"}, "attr"),
    (TRACES, {"attr": "=x"}, "attr"),
    (TRACES, {"attr": "a=\0"}, "attr"),
    (TRACES, {"attr": "a=" + "x" * 5000}, "attr"),
    (TRACES, {"attr": [f"a{n}=1" for n in range(21)]}, "attr"),
    (TRACES, {"service": "a\0b"}, "service"),
    (TRACES, {"nonsense": "1"}, "nonsense"),
    (HEATMAP, {"step": "0s"}, "step"),
    (HEATMAP, {"step": "1s", "from": "now-1h"}, "step"),
    (HEATMAP, {"step": "4000d", "from": "0"}, "step"),
    (HEATMAP, {"limit": "10"}, "limit"),
    (HEATMAP, {"max_duration_ms": "-0.1"}, "max_duration_ms"),
    (HEATMAP, {"from": "2026-03-02T10:00:00Z", "to": "2026-03-02T10:00:00Z"}, "from"),
]


@pytest.mark.parametrize(("path", "parameters", "field"), BAD)
async def test_bad_input_is_a_problem_that_names_the_field(api, store, path, parameters, field):
    """Whatever is wrong with a parameter is a 4xx that names it, and reaches no statement."""
    store.asked.clear()
    answer = await api.get(path, params=parameters)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert store.asked == []


async def test_too_many_columns_are_a_problem_that_says_what_would_do(api):
    """The step it names is taken."""
    parameters = {"from": "now-30d", "step": "1m"}
    answer = await api.get(HEATMAP, params=parameters)
    assert answer.status_code == 422
    step = answer.json()["errors"][0]["message"].split("step=")[1].split(" ")[0]
    better = await api.get(HEATMAP, params={**parameters, "step": step})
    assert better.status_code == 200
    assert len(better.json()["times"]) <= 400


async def test_the_description_tells_what_is_there(api):
    """Every parameter is described, and the answer is named by what it holds."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    for path in (TRACES, HEATMAP, "/api/v1/logs"):
        operation = paths[path]["get"]
        assert operation["description"]
        assert all(parameter.get("description") for parameter in operation["parameters"]), path
        assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"]


async def test_who_links_to_a_trace(api, store):
    """In any case of the id's letters; a trace that is not there is a 404, what is no id a 422."""
    links = {"Links.TraceId": [TRACE], "Links.SpanId": [CHILD], "Links.TraceState": [""], "Links.Attributes": [{}]}
    other = span(AT + timedelta(seconds=30), TraceId="b" * 32, SpanId="3" * 16, **links)
    store.insert("otel_traces", [span(AT, TraceId=TRACE, SpanId=ROOT), other])
    found = (await api.get(f"{TRACES}/{TRACE.upper()}/linked")).json()
    assert (found["trace_id"], found["truncated"]) == (TRACE, False)
    assert [(one["trace_id"], one["span_id"], one["to_spans"]) for one in found["spans"]] == [
        ("b" * 32, "3" * 16, [CHILD])
    ]
    assert (await api.get(f"{TRACES}/{'d' * 32}/linked")).status_code == 404
    assert (await api.get(f"{TRACES}/xyz/linked")).status_code == 422
