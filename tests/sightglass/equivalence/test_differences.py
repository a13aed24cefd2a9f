"""Each accepted difference is really there: an entry that is no longer true fails."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.common._internal.metrics_encoder import encode_metrics
from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.propagate import set_global_textmap

from sightglass.telemetry import current
from tests.sightglass.equivalence import observation
from tests.sightglass.equivalence.calls import CALLS, Call
from tests.sightglass.equivalence.comparison import both, differences
from tests.sightglass.equivalence.differences import DIFFERENCES
from tests.sightglass.equivalence.observation import Setup
from tests.sightglass.equivalence.setups import Everyone, sampled_by
from tests.sightglass.equivalence.test_encoders import test_integers_beyond_64_bits, test_lone_surrogates

PLAIN = CALLS["/plain"]
SIZES = "http.server.response.body.size"
SHOWN: dict[str, Any] = {
    "lone surrogates": test_lone_surrogates,
    "integers beyond 64 bits": test_integers_beyond_64_bits,
}


def shows(name):
    """Note which difference a test shows."""

    def note(test):
        SHOWN[name] = test
        return test

    return note


def test_each_difference_is_shown_by_a_test():
    """There is no entry without a test, and no test without an entry."""
    assert SHOWN.keys() == DIFFERENCES.keys()


def test_the_document_has_the_same_differences():
    """docs/instrumentation-differences.md is this table."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "instrumentation-differences.md").read_text()
    rows = [f"| {name} | {each.stock} | {each.ours} | {each.reason} |" for name, each in DIFFERENCES.items()]
    assert re.findall(r"^\| (?!what \||---).*$", text, re.MULTILINE) == rows


def sizes_of(seen, route):
    """How often a size was measured for a route."""
    points = seen.metrics.get(SIZES, {"points": {}})["points"].values()
    return sum(point["count"] for point in points if f"'{route}'" in str(point["attributes"].get("http.route")))


@shows("size of an answer without length")
def test_stock_repeats_the_size_of_another_answer():
    """A stream after an answer with a length has its size; ours has none."""
    stock, ours = both(Setup(forgets=False), {"a": PLAIN, "b": CALLS["/streams"]})
    assert (sizes_of(stock, "/plain"), sizes_of(ours, "/plain")) == (1, 1)
    assert (sizes_of(stock, "/streams"), sizes_of(ours, "/streams")) == (1, 0)


@shows("size beyond 64 bits")
def test_stock_cannot_export_a_size_beyond_64_bits(monkeypatch):
    """The stock metrics are refused by the encoder; ours are not."""
    exported = []
    monkeypatch.setattr(observation.described, "metrics", lambda latest: exported.append(latest) or {})
    both(calls={"a": Call("/plain", headers=((b"content-length", b"9" * 40),))})
    stock, ours = exported
    with pytest.raises(Exception, match="out of range"):
        encode_metrics(stock)
    assert encode_metrics(ours).SerializeToString()


@shows("exemplars of active requests")
def test_stock_has_an_exemplar_of_active_requests():
    """Of a request within a span: one exemplar, and none."""
    calls = {"a": CALLS["a span around and a parent"]}
    stock, ours = (seen.metrics["http.server.active_requests"]["points"] for seen in both(calls=calls))
    assert [len(point["exemplars"]) for each in (stock, ours) for point in each.values()] == [1, 0]


@shows("frames of the middleware")
def test_stack_traces_name_the_middleware_that_ran(monkeypatch):
    """The whole stack traces differ, and in nothing but those frames."""
    calls = {"a": CALLS["a stream that fails"]}
    assert differences(*(seen.spans for seen in both(calls=calls))) == {}
    monkeypatch.setattr(observation.described, "stack", lambda text: text)
    stock, ours = (seen.spans["a"][0]["events"][-1][2]["exception.stacktrace"] for seen in both(calls=calls))
    assert "opentelemetry/instrumentation/asgi" in stock
    assert "opentelemetry/instrumentation/asgi" not in ours
    assert "sightglass/requests/server_spans.py" in ours


@shows("another response propagator")
def test_stock_gives_headers_to_bodies():
    """Both messages of an answer have the header, or the first one."""
    setup = Setup(propagator=TraceResponsePropagator())
    stock, ours = (
        [bool(each["headers"]) for each in seen.answers["a"]] for seen in both(setup, {"a": CALLS["/moved"]})
    )
    assert (stock, ours) == ([True, True], [True, False])


@shows("headers of other messages")
def test_stock_captures_headers_of_a_push():
    """A header of a pushed request is an attribute of the answer, or none."""

    async def pushing(scope, receive, send):
        await send({"type": "http.response.push", "path": "/x", "headers": [(b"x-pushed", b"1")]})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    def build(instrument):
        app = FastAPI()
        app.mount("/raw", pushing)
        instrument(app)
        return app

    setup = Setup({"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": "x-pushed"}, build=build)
    stock, ours = (seen.spans["a"][0]["attributes"] for seen in both(setup, {"a": Call("/raw/x")}))
    assert stock.keys() - ours.keys() == {"http.response.header.x_pushed"}


@shows("requests that telemetry cannot read")
def test_stock_fails_what_it_cannot_read():
    """A header that cannot be decoded, and a sampler that raises: stock raises, ours answers, the first with a span."""

    class Raising(Everyone):
        def extract(self, *_, **__):
            raise RuntimeError("no")

    odd = Call(headers=((b"user-agent", b"\xff\\"),))
    for setup, call in ((Setup(), odd), (Setup(textmap=Raising()), PLAIN), (Setup(prepare=sampled_by(None)), PLAIN)):
        stock, ours = both(setup, {"a": call})
        assert "Error" in stock.answers["a"][-1]
        assert stock.answers["a"][0]["status"] == 500
        assert [message.get("status", "body") for message in ours.answers["a"]] == [200, "body"]
        assert len(ours.spans["a"]) == (call is odd)


@shows("header names in capitals")
def test_stock_finds_names_in_capitals():
    """The user agent is an attribute, or not."""
    stock, ours = both(calls={"a": Call(headers=((b"User-Agent", b"x"),))})
    assert [path.split("/")[-1] for path in differences(stock.spans, ours.spans)] == ["user_agent.original"]


@shows("propagator set late")
def test_stock_asks_a_propagator_that_was_set_late():
    """The second request has the new propagator's parent, or none."""

    def build(instrument):
        app = FastAPI()
        app.add_api_route("/plain", lambda: set_global_textmap(Everyone()))
        instrument(app)
        return app

    stock, ours = (
        [bool(span[0]["parent"]) for span in seen.spans.values()]
        for seen in both(Setup(build=build), {"a": PLAIN, "b": PLAIN})
    )
    assert (stock, ours) == ([False, True], [False, False])


@shows("routes replaced under way")
def test_stock_names_a_span_by_a_route_that_came_late():
    """A path that matches another route from now on, of as many: its span's route is that, or the old one."""

    def build(instrument):
        app = FastAPI(openapi_url=None)

        app.add_api_route("/plain", lambda: 1)
        app.add_api_route("/turns/routes", app.router.routes.reverse)
        app.add_api_route("/{anything}", lambda: 1)
        instrument(app)
        return app

    calls = {"a": PLAIN, "b": PLAIN, "turn": Call("/turns/routes"), "c": PLAIN}
    stock, ours = ([seen.spans[name][0]["name"] for name in "abc"] for seen in both(Setup(build=build), calls))
    assert stock == ["str 'GET /plain'", "str 'GET /plain'", "str 'GET /{anything}'"]
    assert ours == ["str 'GET /plain'"] * 3


@shows("attribute sets under delta temporality")
def test_stock_counts_attribute_sets_anew_for_each_export(monkeypatch):
    """After two exports of as many sets as there may be, stock has no overflow, and ours has."""
    monkeypatch.setattr("sightglass.instruments._MOST_POINTS", 1)
    monkeypatch.setattr("opentelemetry.sdk.metrics._internal._view_instrument_match._DEFAULT_CARDINALITY_LIMIT", 1)

    def build(instrument):
        app = FastAPI()
        app.add_api_route("/flushes", lambda: current().flush())
        app.add_api_route("/plain", lambda: 1)
        instrument(app)
        return app

    setup = Setup({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}, build=build)
    calls = {"a": Call("/nowhere"), "b": Call("/flushes"), "c": Call("/flushes")}
    seen = both(setup, calls)
    assert ["overflow" in str(each.metrics["http.server.request.duration"]["points"]) for each in seen] == [False, True]


@shows("the SDK's metrics of itself")
def test_stock_has_the_sdks_metrics(monkeypatch):
    """Names under `otel.sdk.`."""
    found = []

    def names(latest):
        scopes = [scope for resource in latest.resource_metrics for scope in resource.scope_metrics]
        found.append(
            {metric.name for scope in scopes for metric in scope.metrics if metric.name.startswith("otel.sdk.")}
        )
        return {}

    monkeypatch.setattr(observation.described, "metrics", names)
    both(calls={"a": PLAIN})
    stock, ours = found
    assert "otel.sdk.span.started" in stock - ours
    assert ours
    assert all(name.startswith("otel.sdk.processor.") for name in ours)


@shows("class of a span")
def test_a_quick_span_is_a_subclass():
    """Of the SDK's own class, by another name."""
    names = []

    def build(instrument):
        from opentelemetry.sdk.trace import Span
        from opentelemetry.trace import get_current_span

        def look():
            assert isinstance(get_current_span(), Span)
            names.append(type(get_current_span()).__name__)

        app = FastAPI()
        app.add_api_route("/plain", look)
        instrument(app)
        return app

    both(Setup(build=build), {"a": PLAIN})
    assert names == ["_Span", "QuickSpan"]
