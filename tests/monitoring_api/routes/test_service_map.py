"""The map of services, and finding a span's trace."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries import service_map
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
MAP = "/api/v1/services/map"
AT = T0 - timedelta(minutes=10)


def call(trace, caller, callee, *, seconds=0.1, status=200, at=AT):
    """A client span of one service and the server span of another that answers it."""
    client = client_span(trace, caller, at=at)
    server = span(
        at + timedelta(milliseconds=1),
        seconds=seconds,
        status=status,
        TraceId=trace,
        ParentSpanId=client["SpanId"],
        ServiceName=callee,
    )
    return [client, server]


def client_span(trace, service, *, at=AT, attributes=None, **more):
    """A client span and nothing that answers it."""
    made = span(at, TraceId=trace, ServiceName=service, SpanKind="Client", **more)
    return {**made, "SpanAttributes": attributes or {}}


async def asked(api, **parameters):
    """The calls of an answer: (caller, callee, kind, calls, error ratio)."""
    answer = await api.get(MAP, params=parameters)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    calls = [
        (one["caller"], one["callee"], one["kind"], one["calls"], round(one["error_ratio"], 6)) for one in body["calls"]
    ]
    return body, calls


async def test_calls_between_services_are_counted_once(api, store):
    """Delivered twice, they are the same calls; within a service they are none; rate and percentile are by hand."""
    traces = [f"{number:032x}" for number in range(1, 11)]
    rows = [row for trace in traces[:8] for row in call(trace, "shop", "ml-api", seconds=0.2)]
    rows += call(traces[8], "shop", "ml-api", seconds=0.2, status=500)
    rows += call(traces[9], "ml-api", "ml-api")
    store.insert("otel_traces", rows)
    store.insert("otel_traces", rows)
    body, calls = await asked(api)
    assert calls == [("shop", "ml-api", "service", 9, round(1 / 9, 6))]
    assert body["calls"][0]["calls_per_second"] == pytest.approx(9 / 3600)
    assert body["calls"][0]["p95_seconds"] == pytest.approx(0.2)
    assert [service["name"] for service in body["services"]] == ["ml-api", "shop"]
    assert body["sampled_one_in"] == 1


async def test_callers_and_callees_without_spans_are_on_the_map(api, store):
    """Who calls from outside has no name; databases, queues and others are named after what the client span says."""
    rows = [
        span(AT),
        client_span("a" * 32, "ml-api", attributes={"db.system.name": "postgresql", "server.address": "db.test"}),
        client_span("b" * 32, "ml-api", attributes={"db.system": "redis"}),
        client_span("c" * 32, "ml-api", attributes={"messaging.system": "kafka", "server.address": "k"}),
        client_span("d" * 32, "ml-api", attributes={"url.full": "https://weather.test/v1?x=1"}, StatusCode="Error"),
        client_span("e" * 32, "ml-api"),
    ]
    store.insert("otel_traces", rows)
    _, calls = await asked(api)
    assert sorted(calls) == [
        ("", "ml-api", "service", 1, 0.0),
        ("ml-api", "kafka k", "queue", 1, 0.0),
        ("ml-api", "postgresql db.test", "database", 1, 0.0),
        ("ml-api", "redis", "database", 1, 0.0),
        ("ml-api", "weather.test", "external", 1, 1.0),
    ]


async def test_many_spans_are_sampled_by_trace(api, store, monkeypatch):
    """A part of the traces is read and stands for the rest: about as many calls, and none of them torn apart."""
    monkeypatch.setattr(service_map, "MOST_SPANS", 100)
    store.insert("otel_traces", [row for n in range(400) for row in call(f"{n:032x}", "shop", "ml-api")])
    body, calls = await asked(api)
    assert body["sampled_one_in"] == 8
    assert [names[:3] for names in calls] == [("shop", "ml-api", "service")]
    assert 200 < calls[0][3] < 700


async def test_nothing_is_an_empty_map_and_a_range_too_long_is_refused(api):
    """An empty store is no error."""
    body, calls = await asked(api)
    assert (calls, body["services"], body["truncated"]) == ([], [], False)
    refused = await api.get(MAP, params={"from": "now-40d"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "from"


async def test_a_spans_id_leads_to_its_trace(api, store):
    """In any case of its letters; what is not there is a 404, what is no id a 422."""
    store.insert("otel_traces", [span(AT, TraceId="c" * 32, SpanId="ab" * 8)])
    found = await api.get(f"/api/v1/spans/{'AB' * 8}")
    assert found.json() == {"span_id": "ab" * 8, "trace_id": "c" * 32}
    assert (await api.get(f"/api/v1/spans/{'ac' * 8}")).status_code == 404
    assert (await api.get("/api/v1/spans/xyz")).status_code == 422
    assert (await api.get(f"/api/v1/spans/{'ab' * 8}", params={"from": "now-9d"})).status_code == 422
