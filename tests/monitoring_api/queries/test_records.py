"""A prediction and a trace, whole."""

import json
from datetime import timedelta

import pytest

from services.monitoring_api.queries.linked import MOST_LINKED, find_linked
from services.monitoring_api.queries.prediction import (
    find_labels,
    find_predictions,
    prediction_document,
    prediction_query,
)
from services.monitoring_api.queries.selftime import Interval, self_times
from services.monitoring_api.queries.trace import find_trace, spans_query, trace_document
from tests.monitoring_api.store import T0, label, prediction, span

pytestmark = pytest.mark.anyio
TRACE = "a" * 32


def test_statements_bind_ids():
    """An id is a parameter, whatever it holds."""
    query = prediction_query("'; DROP")
    assert "DROP" not in query.sql
    assert query.parameters == {"prediction_id": "'; DROP"}
    assert spans_query(TRACE, 1, 2).parameters == {"trace_id": TRACE, "start_ns": 1, "end_ns": 2, "most": 10_000}


async def test_an_empty_store_has_no_records(store):
    """Nothing is found, and nothing fails."""
    assert await find_predictions(store, "p") == []
    assert await find_labels(store, "p") == []
    assert await find_trace(store, TRACE) is None


async def test_a_prediction_is_shown_whole(store):
    """Features keep their types, the last observed label counts, a shadow is a variant; duplicates are not shown."""
    features = {"distance": 1400, "code": "1", "on": True, "wind": None}
    champion = prediction(T0, prediction_id="p1", score=0.75, features=features, TraceId=TRACE, SpanId="1" * 16)
    champion["Body"] = json.dumps(
        {"features": features, "nonfinite": {"gust": "nan"}, "scores": {"late": 0.75, "on_time": 0.25}}
    )
    shadow = prediction(T0, prediction_id="p1", score=0.25, variant="shadow", version="v2", TraceId=TRACE)
    store.insert("otel_logs", [shadow, champion])
    store.insert("otel_logs", [champion])
    observed = T0 + timedelta(hours=2)
    store.insert("otel_logs", [label(observed, "p1", "late"), label(observed - timedelta(hours=1), "p1", "on_time")])
    rows = await find_predictions(store, "p1")
    document = prediction_document("p1", rows, await find_labels(store, "p1"), None)
    assert document["features"] == {**features, "gust": "nan"}
    assert document["scores"] == {"late": 0.75, "on_time": 0.25}
    assert (document["model"], document["variant"], document["label"], document["score"], document["positive"]) == (
        {"name": "flight-delay", "version": "v1"},
        "champion",
        "late",
        0.75,
        True,
    )
    assert (document["label_value"], document["label_observed_at"]) == ("late", "2026-03-02T12:00:00Z")
    assert [label["value"] for label in document["labels"]] == ["late", "on_time"]
    assert document["labels"][1] == {
        "value": "on_time",
        "observed_at": "2026-03-02T11:00:00Z",
        "arrived_at": "2026-03-02T11:00:01Z",
    }
    assert document["correct"] is True
    assert [(other["variant"], other["score"], other["correct"]) for other in document["variants"]] == [
        ("shadow", 0.25, False)
    ]
    assert (document["timestamp"], document["trace_id"], document["span_id"]) == (
        "2026-03-02T10:00:00Z",
        TRACE,
        "1" * 16,
    )


async def test_a_trace_is_shown_whole(store):
    """Spans once each with the time that is their own, logs and predictions beside them."""
    root = span(T0, seconds=1.0, TraceId=TRACE, SpanId="1" * 16)
    child = span(
        T0 + timedelta(milliseconds=200),
        seconds=0.3,
        TraceId=TRACE,
        SpanId="2" * 16,
        ParentSpanId="1" * 16,
        SpanKind="Internal",
        SpanName="weather",
        **{
            "Events.Timestamp": ["2026-03-02 10:00:00.250"],
            "Events.Name": ["exception"],
            "Events.Attributes": [{"exception.type": "KeyError"}],
            "Links.TraceId": ["b" * 32],
            "Links.SpanId": ["3" * 16],
            "Links.TraceState": [""],
            "Links.Attributes": [{}],
        },
    )
    store.insert("otel_traces", [child, root])
    store.insert("otel_traces", [root])
    event = prediction(T0 + timedelta(milliseconds=600), prediction_id="p1", TraceId=TRACE, SpanId="1" * 16)
    store.insert("otel_logs", [event])
    store.insert("otel_logs", [event])
    found = await find_trace(store, TRACE)
    assert found is not None
    document = trace_document(found)
    assert (document["start"], document["duration_ms"], document["services"]) == (
        "2026-03-02T10:00:00Z",
        1000.0,
        ["ml-api"],
    )
    assert [
        (each["name"], each["duration_ms"], each["self_time_ms"], each["parent_span_id"]) for each in document["spans"]
    ] == [
        ("POST /v1/predict", 1000.0, 700.0, None),
        ("weather", 300.0, 300.0, "1" * 16),
    ]
    assert document["spans"][1]["events"] == [
        {"at": "2026-03-02T10:00:00.250Z", "name": "exception", "attributes": {"exception.type": "KeyError"}}
    ]
    assert document["spans"][1]["links"] == [{"trace_id": "b" * 32, "span_id": "3" * 16, "attributes": {}}]
    assert document["predictions"] == ["p1"]
    assert [log["event"] for log in document["logs"]] == ["ml.prediction"]
    assert document["logs"][0]["body"]["features"]["distance"] == 1400


async def test_spans_that_link_to_a_trace_are_found_within_a_day(store):
    """Each once and by start, with the spans they mean; not those of the trace itself, nor those of another day."""

    def linking(after, number, to_trace=TRACE, **more):
        links = {"Links.TraceId": ["e" * 32, to_trace, to_trace], "Links.SpanId": ["9" * 16, "1" * 16, "1" * 16]}
        empty = {"Links.TraceState": ["", "", ""], "Links.Attributes": [{}, {}, {}]}
        known = {"TraceId": "c" * 32, "SpanId": f"{number:016x}", **links, **empty, **more}
        return span(T0 + after, seconds=0.1, **known)

    assert await find_linked(store, TRACE) is None
    store.insert("otel_traces", [span(T0, seconds=1.0, TraceId=TRACE, SpanId="1" * 16)])
    found = await find_linked(store, TRACE)
    assert found is not None
    assert (list(found.spans), found.truncated) == ([], False)
    late, early = linking(timedelta(hours=20), 21), linking(timedelta(hours=-20), 22)
    strange = [linking(timedelta(hours=30), 23), linking(timedelta(0), 24, to_trace="f" * 32)]
    own = linking(timedelta(0), 25, TraceId=TRACE)
    store.insert("otel_traces", [late, early, *strange, own])
    store.insert("otel_traces", [late])
    found = await find_linked(store, TRACE)
    assert found is not None
    assert [(one.span_id, one.trace_id, one.to_spans) for one in found.spans] == [
        (f"{22:016x}", "c" * 32, ["1" * 16]),
        (f"{21:016x}", "c" * 32, ["1" * 16]),
    ]
    store.insert("otel_traces", [linking(timedelta(hours=1), 1000 + number) for number in range(MOST_LINKED)])
    found = await find_linked(store, TRACE)
    assert found is not None
    assert (len(found.spans), found.truncated) == (MOST_LINKED, True)


def test_children_that_overlap_take_their_time_once():
    """Own time is what no child covers, as far as children lie within their parent."""
    spans = [
        Interval("root", "", 0, 100),
        Interval("a", "root", 10, 40),
        Interval("b", "root", 30, 50),
        Interval("within-a", "root", 12, 20),
        Interval("outlives", "root", 90, 500),
        Interval("orphan", "gone", 0, 5),
    ]
    assert self_times(spans) == {"root": 50, "a": 30, "b": 20, "within-a": 8, "outlives": 410, "orphan": 5}
