"""A service without a line of ours, started as the guide says: what shows, and that nothing shows twice."""

import json
import time

import httpx
import pytest

from tests.integration.guide import Follower, ask, blocks, moved_port, new_follower
from tests.integration.stack import ROOT, Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BLOCKS = blocks(ROOT / "docs" / "guides" / "instrument-your-service.md")
ORDER = {"price": 640, "quantity": 2, "country": "NL", "customer": "c-1"}
REQUESTS = 5
# By identity: whoever sends them may send them again.
SERVER_SPANS = """
SELECT SpanName, HttpRoute, HttpStatusCode, uniqExact(TraceId, SpanId)
FROM otel_traces
WHERE ServiceName = {service:String} AND SpanKind = 'Server' AND HttpRoute != '/openapi.json'
GROUP BY ALL
"""
# With the providers but without the FastAPI instrumentation, FastAPI's own telemetry traces.
NATIVE_ONLY = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi"}
WAYS = {
    "launcher": ("launcher", {}),
    "launcher, old conventions": ("launcher", {"OTEL_SEMCONV_STABILITY_OPT_IN": ""}),
    "launcher, FastAPI's own telemetry": ("launcher", NATIVE_ONLY),
    "launcher and FastAPI's exporters": ("launcher", {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}),
    "FastAPI's exporters": ("native", {}),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The pipeline as `sightglass up` starts it, without the demo's service and the dashboard."""
    with Stack(tmp_path_factory.mktemp("stack"), processes=("collector", "monitoring-api")) as stack:
        yield stack


@pytest.fixture(scope="module")
def follower(running, tmp_path_factory):
    """Somebody who has followed the guide until the launcher, FastAPI's exporters and the library are installed."""
    follower = new_follower(tmp_path_factory.mktemp("follower"), running, moved_port(8081))
    Follower(ROOT, follower.instead).run(BLOCKS["wheel"])
    for name in ("install", "install launcher", "install native"):
        follower.run(BLOCKS[name])
    (follower.folder / "plain_shop.py").write_text(BLOCKS["plain_shop.py"])
    # As the guide advises: named by OTEL_SERVICE_NAME alone.
    assert BLOCKS["shop.py"].count('service_name="shop", ') == 1
    (follower.folder / "shop.py").write_text(BLOCKS["shop.py"].replace('service_name="shop", ', ""))
    return follower


@pytest.fixture
def url(follower):
    """Where the follower's service listens."""
    return f"http://{follower.instead['127.0.0.1:8081']}"


def commands(way, service, app="plain_shop:app"):
    """The guide's commands for a service of another name, with more variables; the last word is theirs."""
    block, variables = WAYS[way]
    *before, server = BLOCKS[block].strip().splitlines()
    more = {**variables, "OTEL_SERVICE_NAME": service, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    exports = [f"export {name}={value}" for name, value in more.items()]
    return "\n".join([*before, *exports, server.replace("plain_shop:app", app)])


def ask_for_risk(url):
    """Make the requests of a test; the bodies of the answers."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        return [client.post("/orders/risk", json=ORDER).json() for _ in range(REQUESTS)]


def server_spans(running, service):
    """Name, route, status and number of the service's server spans, once there are enough of them."""
    deadline = time.monotonic() + 60
    while True:
        rows = [tuple(row) for row in running.clickhouse(SERVER_SPANS, parameters={"service": service})]
        if sum(row[3] for row in rows) >= REQUESTS or time.monotonic() > deadline:
            return rows
        time.sleep(0.2)


@pytest.mark.parametrize("way", WAYS)
def test_a_service_without_our_code_is_in_the_charts(follower, running, url, way):
    """Exactly one server span per request, in the metrics of requests, and no prediction."""
    service = f"zero-{list(WAYS).index(way)}"
    with follower.running(commands(way, service), url):
        assert ask_for_risk(url) == [{"probability": 0.74}] * REQUESTS
        of_route = f"filter=service={service}&filter=route=/orders/risk"
        ask(running, f"/metrics/current?metric=request_rate&{of_route}", {"count": REQUESTS})
        by_status = f"/metrics/current?metric=error_ratio&{of_route}&group_by=status_class"
        ask(running, by_status, {"value": 0.0, "series": [{"labels": {"status_class": "2xx"}, "count": REQUESTS}]})
        ask(running, f"/metrics/current?metric=latency_p95&{of_route}", {"value": "...", "count": REQUESTS})
        history = ask(running, f"/metrics/history?metric=request_rate&from=now-10m&step=10m&{of_route}")
        assert sum(value or 0 for _, value in history["series"][0]["points"]) > 0
    assert server_spans(running, service) == [("POST /orders/risk", "/orders/risk", 200, REQUESTS)]
    ask(running, f"/metrics/current?metric=prediction_rate&filter=service={service}", {"count": 0})
    ask(running, f"/metrics/current?metric=completeness&filter=service={service}", {"value": None})
    health = ask(running, "/pipeline/health")
    assert service not in json.dumps([health["processes"], health["completeness"], health["drops"]])


def test_a_trace_of_such_a_service_can_be_looked_up(follower, running, url):
    """Its spans, and no predictions."""
    trace_id = "5ca1ab1e" * 4
    with follower.running(commands("launcher", "zero-traced"), url):
        headers = {"traceparent": f"00-{trace_id}-{'cd' * 8}-01"}
        assert httpx.post(f"{url}/orders/risk", json=ORDER, headers=headers).status_code == 200
        wanted = {"services": ["zero-traced"], "spans": has_a_server_span, "predictions": [], "logs": []}
        found = ask(running, f"/traces/{trace_id}", wanted)
    assert [span["kind"] for span in found["spans"]].count("Server") == 1


def has_a_server_span(spans):
    """It ends last, and may arrive after those within it."""
    return any(span["kind"] == "Server" for span in spans)


@pytest.mark.parametrize("way", WAYS)
def test_the_library_within_such_a_process_adds_no_second_server_span(follower, running, url, way):
    """Requests once, under the launcher's name, and every prediction in its request's trace."""
    service = f"both-{list(WAYS).index(way)}"
    with follower.running(commands(way, service, "shop:app"), url):
        ids = [answer["prediction_id"] for answer in ask_for_risk(url)]
        for identifier in ids:
            wanted = {"service": service, "trace": {"services": [service], "predictions": [identifier]}}
            shown = ask(running, f"/predictions/{identifier}", wanted)
            servers = [span for span in shown["trace"]["spans"] if span["kind"] == "Server"]
            assert [span["attributes"]["ml.prediction.id"] for span in servers] == [identifier]
            assert servers[0]["span_id"] == shown["span_id"]
        ask(running, f"/metrics/current?metric=prediction_rate&filter=service={service}", {"count": REQUESTS})
    assert server_spans(running, service) == [("POST /orders/risk", "/orders/risk", 200, REQUESTS)]
