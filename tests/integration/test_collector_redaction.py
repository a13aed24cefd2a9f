"""Secrets planted in every place of every signal do not reach ClickHouse; everything else does, unchanged."""

import json
import time

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.collector import otlp
from tests.collector.pipeline import Pipeline

pytestmark = pytest.mark.integration

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
# Each value holds exactly one secret, in capital letters or as a number, which must not be found anywhere afterwards.
PLANTED = {
    "password": "HUNTER01",
    "user.password": "HUNTER02",
    "clientSecret": "HUNTER03",
    "api_key": "HUNTER04",
    "access-token": "HUNTER05",
    "http.request.header.authorization": ["Bearer HUNTER06"],
    "http.request.header.cookie": ["session=HUNTER07; theme=dark"],
    "http.response.header.set-cookie": "id=HUNTER08; HttpOnly",
    "note.scheme": "sent with Bearer HUNTER09HUNTER09",
    "note.assignment": "login failed for password=HUNTER10 today",
    "note.json": '{"secret": "HUNTER11", "n": 1}',
    "note.query": "GET /callback?access_token=HUNTER12&state=1",
    "note.address": "please write to HUNTER13@example.com",
    "note.escaped": "/users?who=HUNTER14%40example.com",
    "note.url": "postgres://app:HUNTER15@db.internal:5432/x",
    "note.header": "Cookie: a=1; session=HUNTER16",
    "note.jwt": f"got {JWT}",
    "note.github": "ghp_HUNTER17HUNTER17HUNTER17HUNTER17HUNT",
    "note.cloud": "AKIAHUNTER18HUNTER18",
    "note.pem": "-----BEGIN RSA PRIVATE KEY-----\nHUNTER19\n-----END RSA PRIVATE KEY-----",
    "note.card": "paid with 4111 1111 1111 1111",
    "note.card.plain": "5555555555554444",
    "note.card.amex": "3782-822463-10005",
    "nested": {"inner": {"password": "HUNTER20", "kept": 7}, "people": ["HUNTER21@example.com"]},
    "listed": ["x", "HUNTER22@example.com"],
    "email": "HUNTER23 at example dot com",
}
# What looks like a secret and is none.
UNTOUCHED = {
    "plain": "hello world",
    "integer": 4111111111111111,
    "decimal": 0.4111111111111111,
    "decimal.text": "0.4111111111111111",
    "password.length": 12,
    "token": 5,
    "gen_ai.usage.input_tokens": 532,
    "gen_ai.token.type": "input",
    "ml.prediction.id": "4111111111111111",
    "trace_id": "5555555555554444",
    "span_id": "4111111111111111",
    "uuid": "41111111-1111-4111-8111-111111111111",
    "microseconds": "1732360000000000",
    "user_agent.original": "python-httpx/0.28.1",
    "flag": True,
    "tags": ["a", "b"],
}
PREDICTION_BODY = '{"features": {"mail": "KEPT01@example.com", "card": "4111 1111 1111 1111", "password": "KEPT02"}}'
_STORED = {True: "true", False: "false"}


def stored(value):
    """A value as the exporter writes it into a map of strings."""
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"))
    return _STORED[value] if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """One pipeline for all."""
    with Pipeline(tmp_path_factory.mktemp("redaction")) as pipeline:
        yield pipeline.start()


@pytest.fixture(scope="module")
def sent(pipeline):
    """Everything planted everywhere, sent once and arrived."""
    both = PLANTED | UNTOUCHED
    where = {"resource": {"service.instance.id": "5555555555554444"} | both, "scope": both}
    now = time.time_ns()
    event = Span.Event(time_unix_nano=now, name="mail to HUNTER24@example.com", attributes=otlp.key_values(both))
    link = Span.Link(trace_id=b"3" * 16, span_id=b"4" * 8, attributes=otlp.key_values(both))
    span = otlp.span(
        1,
        "GET /users/HUNTER25@example.com",
        attributes=both,
        events=[event],
        links=[link],
        status=Status(code=Status.STATUS_CODE_ERROR, message="refused: password=HUNTER26"),
    )
    otlp.send(pipeline.otlp, otlp.spans(span, **where))
    otlp.send(
        pipeline.otlp,
        otlp.logs(
            otlp.log("password: HUNTER27, mail HUNTER28@example.com", attributes=both),
            otlp.log(both),
            otlp.log(["HUNTER29@example.com", {"password": "HUNTER30"}]),
            otlp.log(4111111111111111),
            otlp.log({"amount": 4111111111111111, "tags": ["x"]}),
            otlp.prediction("4111111111111111", PREDICTION_BODY, note="HUNTER31@example.com"),
            **where,
        ),
    )
    exemplar = Exemplar(time_unix_nano=now, as_double=1.0, filtered_attributes=otlp.key_values(both))
    point = {"time_unix_nano": now, "attributes": otlp.key_values(both)}
    number = NumberDataPoint(as_double=4111111111111111.0, exemplars=[exemplar], **point)
    otlp.send(
        pipeline.otlp,
        otlp.metrics(
            Metric(name="gauge", gauge=Gauge(data_points=[number])),
            Metric(name="sum", sum=Sum(data_points=[number])),
            Metric(name="histogram", histogram=Histogram(data_points=[HistogramDataPoint(count=1, **point)])),
            Metric(
                name="exponential",
                exponential_histogram=ExponentialHistogram(
                    data_points=[ExponentialHistogramDataPoint(count=1, **point)]
                ),
            ),
            Metric(name="summary", summary=Summary(data_points=[SummaryDataPoint(count=1, **point)])),
            **where,
        ),
    )
    pipeline.wait_for("SELECT count() FROM otel_traces", "1")
    pipeline.wait_for("SELECT count() FROM otel_logs WHERE ServiceName = 'tests'", "6")
    for table in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
        pipeline.wait_for(f"SELECT count() FROM otel_metrics_{table} WHERE ServiceName = 'tests'", "1")
    return pipeline


TABLES = (
    "otel_traces",
    "otel_logs",
    "otel_metrics_gauge",
    "otel_metrics_sum",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
)


@pytest.mark.parametrize("table", TABLES)
def test_no_planted_secret_is_stored(sent, table):
    """Whole rows, as text: no planted secret in any column, whatever its place."""
    own = "" if table != "otel_logs" else " AND EventName != 'ml.prediction'"
    rows = sent.query(f"SELECT * FROM {table} WHERE ServiceName = 'tests'{own} FORMAT JSONEachRow")
    found = [line for line in ("HUNTER", "4111 1111", "3782-8224", JWT[:30]) if line in rows]
    assert not found, rows


def test_a_prediction_event_keeps_its_body_but_not_secrets_in_its_attributes(sent):
    """The body of `ml.prediction` is stored as it was sent; its attributes are judged like all others."""
    row = json.loads(
        sent.query(
            "SELECT Body, LogAttributes['note'] AS note, LogAttributes['ml.prediction.id'] AS id "
            "FROM otel_logs WHERE EventName = 'ml.prediction' FORMAT JSONEachRow"
        )
    )
    assert row == {"Body": PREDICTION_BODY, "note": "****", "id": "4111111111111111"}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("otel_traces", "SpanAttributes"),
        ("otel_traces", "ResourceAttributes"),
        ("otel_traces", "Events.Attributes[1]"),
        ("otel_logs", "LogAttributes"),
        ("otel_logs", "ScopeAttributes"),
        ("otel_metrics_gauge", "Attributes"),
        ("otel_metrics_gauge", "Exemplars.FilteredAttributes[1]"),
        ("otel_metrics_histogram", "Attributes"),
        ("otel_metrics_summary", "ScopeAttributes"),
    ],
)
def test_numbers_ids_and_harmless_text_stay_as_they_were(sent, table, column):
    """Numbers that look like cards, ids, and words that look like names of secrets are stored unchanged."""
    answer = sent.query(
        f"SELECT {column} AS it FROM {table} WHERE ServiceName = 'tests' AND mapContains({column}, 'plain') "
        "LIMIT 1 FORMAT JSONEachRow"
    )
    attributes = json.loads(answer)["it"]
    # Something in the same map had to go from inside a list, so lists stand flat.
    expected = {key: stored(value) for key, value in UNTOUCHED.items() if key != "tags"}
    assert {key: attributes[key] for key in expected} == expected
    assert (attributes["tags.0"], attributes["tags.1"]) == ("a", "b")
    assert attributes["nested.inner.kept"] == "7"


def test_numbers_in_bodies_stay_numbers(sent):
    """A body that is a number, or a map with a number in it, is not judged as text."""
    bodies = sent.query("SELECT Body FROM otel_logs WHERE length(Body) < 50 AND TraceId = '' ORDER BY Body").split("\n")
    assert "4111111111111111" in bodies
    assert '{"amount":4111111111111111,"tags":["x"]}' in bodies


def test_links_keep_their_ids(sent):
    """Link attributes are masked on the way into ClickHouse; the link still points where it did."""
    answer = sent.query("SELECT Links.TraceId AS t, Links.Attributes[1] AS a FROM otel_traces FORMAT JSONEachRow")
    row = json.loads(answer)
    assert row["t"] == [(b"3" * 16).hex()]
    assert row["a"]["password"] == "****"
    assert row["a"]["plain"] == "hello world"
    assert row["a"]["trace_id"] == "5555555555554444"
    assert row["a"]["decimal"] == "0.4111111111111111"


def test_a_value_that_json_cannot_say_hides_no_secret(sent):
    """NaN beside a secret does not switch redaction off."""
    otlp.send(
        sent.otlp,
        otlp.logs(
            otlp.log("nan", attributes={"x": float("nan"), "deep": {"y": float("inf"), "password": "HUNTER40"}}),
            otlp.log({"x": float("nan"), "mail": "HUNTER41@example.com"}, attributes={"password": "HUNTER42"}),
            resource={"service.name": "not-a-number"},
        ),
    )
    sent.wait_for("SELECT count() FROM otel_logs WHERE ServiceName = 'not-a-number'", "2")
    assert "HUNTER" not in sent.query("SELECT * FROM otel_logs WHERE ServiceName = 'not-a-number'")
