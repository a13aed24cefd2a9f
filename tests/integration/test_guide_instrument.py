"""docs/guides/instrument-your-service.md, followed to the letter in an empty environment."""

import asyncio
import csv
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest

from tests.integration.guide import Follower, ask, blocks, matches, moved_port, new_follower
from tests.integration.relay import running_relay
from tests.integration.stack import ROOT, Stack, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BLOCKS = blocks(ROOT / "docs" / "guides" / "instrument-your-service.md")
SALT = b"a-secret-that-all-your-services-share"
OURS = {
    "pandas",
    "numpy",
    "chdb",
    "clickhouse-connect",
    "pydantic-settings",
    "httpx",
    "streamlit",
    "sqlalchemy",
    "rich",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The pipeline as `sightglass up` starts it, without the demo's service and the dashboard."""
    with Stack(tmp_path_factory.mktemp("stack"), processes=("collector", "monitoring-api")) as stack:
        yield stack


@pytest.fixture(scope="module")
def follower(running, tmp_path_factory):
    """Somebody who has followed the guide until the library is installed."""
    follower = new_follower(tmp_path_factory.mktemp("follower"), running, moved_port(8080))
    Follower(ROOT, follower.instead).run(BLOCKS["wheel"])
    follower.run(BLOCKS["install"])
    for name, code in BLOCKS.items():
        if name.endswith(".py"):
            (follower.folder / name).write_text(code)
    (follower.folder / "shapes.py").write_text((ROOT / "tests" / "guide_app" / "shapes.py").read_text())
    return follower


@pytest.fixture(scope="module")
def url(follower):
    """Where the follower's service listens."""
    return f"http://{follower.instead['127.0.0.1:8080']}"


def serving(app):
    """The guide's command for the shop, with another application."""
    return BLOCKS["run"].replace("shop:app", app)


def completeness(running, service):
    """The ratios of a service's signals, once nothing of it is judged incomplete."""
    deadline = time.monotonic() + 90
    while True:
        health = ask(running, "/pipeline/health", {})
        ratios = {row["signal"]: row["ratio"] for row in health["completeness"] if row["service"] == service}
        if {"spans", "predictions"} <= set(ratios) and set(ratios.values()) <= {1.0, None}:
            return ratios
        assert time.monotonic() < deadline, health
        time.sleep(0.5)


def test_the_environment_is_light(follower):
    """The wheel brings OpenTelemetry and nothing of what the pipeline itself needs."""
    listing = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    listed = follower.run(f".venv/bin/python -c '{listing}'")
    names = {name.lower() for name in json.loads(listed)}
    assert "sightglass-ml" in names
    assert names & OURS == set()
    follower.run(
        ".venv/bin/python -c \"import sightglass, sys; assert not {'fastapi', 'grpc', 'numpy'} & set(sys.modules)\""
    )


def test_from_nothing_to_charts(follower, running, url):
    """Every command and answer from the first order to its label, and then nothing of it is missing."""
    with follower.running(BLOCKS["run"], url):
        order = json.loads(follower.run(BLOCKS["order"]))
        assert matches(json.loads(BLOCKS["order answer"]), order)
        known = {"ID": order["prediction_id"]}
        shown = follower.until(BLOCKS["prediction"], BLOCKS["prediction answer"], **known)
        assert shown["entity_id"] == hmac.new(SALT, b"c-1017", hashlib.sha256).hexdigest()[:32]
        assert "c-1017" not in json.dumps(shown)
        assert set(shown["features"]) == {"price", "quantity", "country"}
        assert shown["trace"]["trace_id"] == shown["trace_id"]
        assert shown["trace"]["predictions"] == [order["prediction_id"]]
        follower.until(BLOCKS["metric"], BLOCKS["metric answer"])

        assert follower.run(BLOCKS["label"], **known).strip() in {"", "null"}
        follower.until(BLOCKS["prediction"], BLOCKS["label answer"], **known)
        coverage = "/metrics/current?metric=label_coverage&filter=service=shop"
        ask(running, coverage, {"value": 1.0, "count": 1})
        requests = "/metrics/current?metric=request_rate&filter=service=shop&filter=route=/orders/risk"
        ask(running, requests, {"count": 1})
        assert completeness(running, "shop")["predictions"] == 1.0


def test_an_answer_quotes_its_trace(follower, running, url):
    """The id in its header finds the trace, in the monitoring API."""
    with follower.running(BLOCKS["run"], url):
        name, _, trace_id = follower.run(BLOCKS["trace header"]).strip().partition(": ")
        assert name.lower() == "x-trace-id"
        shown = json.dumps({"trace_id": trace_id, "spans": [{"name": "POST /orders/risk"}], "predictions": ["..."]})
        follower.until(BLOCKS["trace"], shown, TRACE=trace_id)


def test_only_allowed_features_leave_the_process(follower, running, url):
    """With a list of allowed names, the others are marks without values."""
    with follower.running(BLOCKS["run"], url, SIGHTGLASS_ALLOWED_FEATURES="price, country"):
        order = json.loads(follower.run(BLOCKS["order"]))
        shown = ask(running, f"/predictions/{order['prediction_id']}", {"score": 0.74})
    assert shown["features"] == {"price": 640.0, "country": "NL"}


def test_a_collector_that_is_away_costs_no_answer_and_what_is_lost_is_counted(follower, running, url):
    """Requests are answered meanwhile; once it is back, the losses and the gap show, and new predictions arrive."""
    (follower.folder / "away.py").write_text(BLOCKS["shop.py"].replace('service_name="shop"', 'service_name="away"'))
    port = free_ports(["relay"])["relay"]
    commands = serving("away:app").replace("127.0.0.1:4318", f"127.0.0.1:{port}")
    impatient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    with follower.running(commands, url, **impatient):
        lost = [json.loads(follower.run(BLOCKS["order"]))["prediction_id"] for _ in range(5)]
        time.sleep(3)  # longer than any export is tried
        with running_relay(port, running.ports["collector"]):
            arrived = json.loads(follower.run(BLOCKS["order"]))["prediction_id"]
            ask(running, f"/predictions/{arrived}", {"service": "away"})
            drops = eventually(lambda: drops_of(running, "away"))
            assert drops["spans"] >= len(lost)
            assert drops["logs"] >= len(lost)
            # The first exports that are judged are those of before.
            assert eventually(lambda: gap_of(running, "away")) > 0


def eventually(look):
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + 60
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return seen


def drops_of(running, service):
    """How much the service says that it lost, by signal, whatever the cause."""
    lost = Counter()
    for row in ask(running, "/pipeline/health")["drops"]:
        if row["service"] == service:
            lost[row["signal"]] += row["count"]
    return lost


def gap_of(running, service):
    """The share of the service's predictions that is not stored; nothing while that is not known."""
    rows = ask(running, "/pipeline/health")["completeness"]
    return next((1 - row["ratio"] for row in rows if (row["service"], row["signal"]) == (service, "predictions")), None)


def test_labels_come_from_a_file(follower, running, url):
    """The wheel's own command sends them, and predictions show them."""
    with follower.running(BLOCKS["run"], url):
        ids = [json.loads(follower.run(BLOCKS["order"]))["prediction_id"] for _ in range(3)]
    with (follower.folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["prediction_id", "label", "observed_at"])
        rows.writerows([identifier, "kept", datetime.now(UTC).isoformat()] for identifier in ids)
    collector = running.url("collector")
    follower.run(BLOCKS["labels file"], OTEL_EXPORTER_OTLP_ENDPOINT=collector)
    for identifier in ids:
        ask(running, f"/predictions/{identifier}", {"label": "returned", "label_value": "kept"})


def test_every_shape_shows_its_predictions(follower, running, url):
    """Several models, a batch, the decorator, a background task, a stream, a websocket, a shadow: ids and traces."""
    order = {"price": 640, "country": "NL", "customer": "c-1"}
    parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    follower.run(BLOCKS["install websockets"])
    with follower.running(serving("shapes:app"), url), httpx.Client(base_url=url, trust_env=False) as client:
        returns, delivery = client.post("/quote", json=order).json()
        batch = client.post("/batch", json=[order] * 10).json()
        decorated = client.post("/risk", json=order).json()
        assert client.post("/later", json=order, headers={"traceparent": parent}).status_code == 200
        streamed = client.get("/stream?parts=3").text.split()
        socketed = asyncio.run(talk(f"{url.replace('http', 'ws')}/orders", [{"price": 1}, {"price": 2}]))
        shadowed = client.post("/shadowed", json=order).json()
        outgoing = client.get("/headers", headers={"traceparent": parent}).json()
        for _ in range(3):
            client.get("/healthz")

        ask(running, f"/predictions/{returns}", {"model": {"name": "returns"}, "score": 0.25, "value": None})
        ask(
            running,
            f"/predictions/{delivery}",
            {"model": {"name": "delivery-days"}, "task": "regression", "value": 2.5},
        )
        span = {"attributes": {"ml.prediction.batch_size": "10"}}
        ask(running, f"/predictions/{batch[0]}", {"trace": {"predictions": batch, "spans": [span]}})
        ask(
            running,
            f"/predictions/{decorated['prediction_id']}",
            {
                "score": 0.64,
                "label": "true",
                "positive": True,
                "features": {"price": 640.0, "country": "NL"},
                "entity_id": "...",
                "duration_seconds": "...",
                "trace": {"spans": [{"name": "POST /risk"}]},
            },
        )
        trace_id = parent.split("-")[1]
        # The request, its background task, and the request that asked for headers.
        spans = [{"name": name} for name in ("POST /later", "BackgroundTask record_prediction", "GET /headers")]
        found = ask(running, f"/traces/{trace_id}", {"predictions": ["..."], "spans": spans})
        assert outgoing["traceparent"].split("-")[2] == found["spans"][-1]["span_id"]
        ask(running, f"/predictions/{streamed[0]}", {"trace": {"predictions": streamed}})
        ask(running, f"/predictions/{socketed[0]}", {"trace": {"predictions": socketed, "spans": [{"kind": "Server"}]}})
        ask(
            running,
            f"/predictions/{shadowed}",
            {"variant": "champion", "label": "kept", "variants": [{"variant": "shadow", "label": "returned"}]},
        )
        routes = ask(running, "/metrics/current?metric=request_rate&filter=service=shapes&group_by=route", {})
        assert "/healthz" not in {series["labels"]["route"] for series in routes["series"]}
        assert "/batch" in {series["labels"]["route"] for series in routes["series"]}
        assert completeness(running, "shapes")["predictions"] == 1.0


async def talk(url, orders):
    """Send orders over a websocket and return the answers."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        answers = []
        for order in orders:
            await socket.send_json(order)
            answers.append(await socket.receive_str())
        return answers


def test_several_workers_lose_nothing(follower, running, url):
    """Predictions of both workers arrive, those just before SIGTERM too."""
    variables = "".join(BLOCKS["run"].splitlines(keepends=True)[:-1])
    with follower.running(variables + BLOCKS["workers"], url) as process:
        ids = [json.loads(follower.run(BLOCKS["order"]))["prediction_id"] for _ in range(20)]
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
    for identifier in ids:
        ask(running, f"/predictions/{identifier}", {"service": "shop", "score": 0.74})


def test_a_batch_job_delivers_everything_and_may_run_twice(follower, running):
    """Exit code 0, one span, and each line once, however often it ran."""
    rows = [{"prediction_id": f"order-{os.urandom(8).hex()}", "price": n, "country": "NL"} for n in range(500)]
    with (follower.folder / "orders.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for _ in range(2):
        follower.run(BLOCKS["score"], OTEL_EXPORTER_OTLP_ENDPOINT=running.url("collector"))
    rate = "/metrics/current?metric=prediction_rate&filter=service=nightly-scores"
    ask(running, rate, {"count": 500})
    wanted = {"score": 0.499, "features": {"price": 499.0}, "trace": {"spans": [{"name": "score file"}]}}
    ask(running, f"/predictions/{rows[-1]['prediction_id']}", wanted)


def test_a_consumer_goes_on_with_the_sender_s_trace_and_ends_at_sigterm(follower, running):
    """Each message's prediction is in its sender's trace, also of the message just before the end."""
    consumer = subprocess.Popen(
        [".venv/bin/python", "consumer.py"],
        cwd=follower.folder,
        env={**follower.environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": running.url("collector")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    made = {}
    try:
        for number in range(5):
            trace_id = os.urandom(16).hex()
            headers = {"traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01"}
            consumer.stdin.write(json.dumps({"headers": headers, "value": {"price": number}}) + "\n")
            consumer.stdin.flush()
            made[consumer.stdout.readline().strip()] = trace_id
        consumer.terminate()
        assert consumer.wait(30) == 0
    finally:
        consumer.kill()
        consumer.wait(10)
        consumer.stdin.close()
        consumer.stdout.close()
    for identifier, trace_id in made.items():
        wanted = {"service": "order-consumer", "trace_id": trace_id, "trace": {"spans": [{"kind": "Consumer"}]}}
        ask(running, f"/predictions/{identifier}", wanted)
