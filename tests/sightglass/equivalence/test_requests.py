"""The same requests, put to the stock parts and to ours."""

import pytest

from tests.sightglass.equivalence.calls import CALLS, CALLS_TWICE, SOME_CALLS
from tests.sightglass.equivalence.comparison import both
from tests.sightglass.equivalence.differences import unexplained
from tests.sightglass.equivalence.setups import SETUPS

_WITH_ALL_CALLS = {
    *("nothing special", "captured headers", "excluded URLs", "a sampler that reads attributes", "a processor"),
    *("another propagator", "delta temporality", "every method", "always_off"),
}
# Here requests need not have spans or metrics.
_SILENT = {"always_off", "a sampler that only records", "all exemplars of nothing sampled", "the SDK off"}


@pytest.mark.parametrize("name", SETUPS)
def test_ours_gives_what_stock_gives(name):
    """Every field of every span, every point of every request metric, and every message of every answer are equal."""
    calls = CALLS if name in _WITH_ALL_CALLS else SOME_CALLS
    stock, ours = both(SETUPS[name], calls)
    assert unexplained(stock, ours) == {}
    # The test itself is honest: all were called, and something was there to compare.
    assert set(stock.answers) == set(calls)
    assert any(stock.spans.values()) == (name not in _SILENT)
    assert bool(stock.metrics) == (name != "the SDK off")


def test_what_is_remembered_of_a_request_changes_nothing_in_the_next():
    """Routes, attributes and points are found once and kept; a second round of the same requests is equal too."""
    stock, ours = both(calls=CALLS_TWICE)
    assert unexplained(stock, ours) == {}


def test_the_comparison_is_of_two_different_things():
    """Stock requests go through OpenTelemetry's middleware and processors, and ours through our own."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    from sightglass.requests.server_spans import ServerSpans
    from tests.sightglass.equivalence.observation import Setup, observe

    seen = {}

    def remember(layer, which):
        original = layer.__call__

        async def call(self, scope, receive, send):
            seen.setdefault(which, set()).add((layer, scope["type"]))
            await original(self, scope, receive, send)

        return original, call

    for layer in (OpenTelemetryMiddleware, ServerSpans):
        for stock in (True, False):
            original, call = remember(layer, stock)
            layer.__call__ = call
            try:
                observe(Setup(), {name: CALLS[name] for name in ("/plain", "a socket")}, stock=stock)
            finally:
                layer.__call__ = original
    assert seen == {
        True: {(OpenTelemetryMiddleware, "http"), (OpenTelemetryMiddleware, "websocket")},
        False: {(ServerSpans, "http"), (ServerSpans, "websocket"), (OpenTelemetryMiddleware, "websocket")},
    }


def test_the_requests_show_what_they_are_meant_to_show():
    """Parents, links, events, errors and metrics are really there: equality of nothing would prove nothing."""
    _, ours = both()
    spans = [span for each in ours.spans.values() for span in each]
    assert {span["kind"] for span in spans} == {"SERVER", "INTERNAL"}
    assert {(span["parent"] or {}).get("remote") for span in spans} == {None, True, False}
    assert {span["status"][0] for span in spans} == {"UNSET", "OK", "ERROR"}
    assert {span["context"]["flags"] for span in spans} == {1, 3}
    assert any(span["links"] for span in spans)
    assert all(any(span["dropped"][number] for span in spans) for number in range(3))
    assert any(span["context"]["state"] for span in spans)
    assert {type(answers[-1]) for answers in ours.answers.values()} == {dict, str}
    statuses = {answers[0].get("status") for answers in ours.answers.values() if isinstance(answers[0], dict)}
    assert {200, 204, 304, 307, 400, 404, 405, 418, 422, 500, 503} <= statuses
    assert sorted(ours.metrics) == [
        "http.server.active_requests",
        "http.server.request.body.size",
        "http.server.request.duration",
        "http.server.response.body.size",
    ]
    for metric in ours.metrics.values():
        assert metric["points"]
        assert metric["number"] == len(metric["points"])
