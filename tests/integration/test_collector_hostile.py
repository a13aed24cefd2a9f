"""Nothing that anyone sends blocks the queue: what follows a hostile batch still arrives."""

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
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector import otlp
from tests.collector.pipeline import Pipeline

pytestmark = pytest.mark.integration

NOW = time.time_ns()
DAY = 86_400 * 10**9
NOT_A_TIME = (
    0,
    1,
    2**64 - 1,
    2**63,
    2**63 - 1,
    7_258_118_400_000_000_001,
    4_102_444_800_000_000_001,
    4_294_967_296 * 10**9,
)
VALUES = (
    "high",
    "",
    "nan",
    "inf",
    "1e999",
    "0x10",
    " 0.5",
    True,
    5,
    float("nan"),
    float("inf"),
    [1],
    {"a": 1},
    None,
    b"x",
)
BODIES = (
    '{"features":',
    "null",
    "[]",
    "",
    '{"features":[1]}',
    '{"features":"x","scores":[],"nonfinite":5}',
    '{"features":{"a":1},"scores":{"late":"x","b":0.5,"c":null,"d":{}},"nonfinite":{"g":"nan","h":5}}',
    '{"features":{"n":NaN}}',
    '{"features":{"a":1},"features":{"b":2}}',
    "[" * 5000,
    "\x00\x01",
    {"features": {"n": float("nan")}},
    {"features": {"deep": {"d": [1, {"e": None}]}}},
    5,
    2.5,
    True,
    b"\xff\x00",
    None,
    ["a"],
)
IDS = (
    None,
    "",
    5,
    2.5,
    True,
    [1],
    {"a": 1},
    b"xx",
    "x" * 100_000,
    "\x00",
    "not-a-uuid",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """One pipeline for all."""
    with Pipeline(tmp_path_factory.mktemp("hostile")) as pipeline:
        yield pipeline.start()


def hostile_predictions():
    """Predictions with every part malformed in turn."""
    yield from (otlp.prediction(f"body{number}", body) for number, body in enumerate(BODIES))
    for number, value in enumerate(VALUES):
        names = ("score", "value", "duration", "positive", "label")
        yield otlp.prediction(f"value{number}", **{f"ml__prediction__{name}": value for name in names})
        yield otlp.prediction(f"name{number}", ml__model__name=value, ml__model__version=value, ml__variant=value)
    yield from (otlp.prediction(each) for each in IDS)
    yield from (otlp.prediction(f"time{number}", at=at) for number, at in enumerate(NOT_A_TIME))
    yield from (otlp.prediction(f"day{number}", at=NOW - number * DAY) for number in range(300))


def hostile_labels():
    """Labels with times and values that are none."""
    times = (
        *NOT_A_TIME[:-4],
        -5,
        "",
        "nonsense",
        "9" * 400,
        "3000-01-01T00:00:00Z",
        "0001-01-01",
        1.5e300,
        None,
        True,
        [1],
    )
    for number, at in enumerate(times):
        yield otlp.label(
            f"label{number}", "yes", at if not isinstance(at, int) else str(at), ml__label__arrived_at=str(at)
        )
    yield from (otlp.label(f"of{number}", value, "2026-11-01T00:00:00Z") for number, value in enumerate(VALUES))
    yield otlp.log(event="ml.label", attributes={"ml.prediction.id": "without a value"})
    yield otlp.log(event="ml.label")


def hostile_spans():
    """Spans at impossible times, of very many days, without ids, with attributes of the wrong type."""
    yield from (otlp.span(number, start=at, end=at) for number, at in enumerate(NOT_A_TIME))
    yield from (otlp.span(100 + number, start=NOW, end=at) for number, at in enumerate(NOT_A_TIME))
    yield from (otlp.span(200 + number, start=NOW - number * DAY) for number in range(300))
    yield Span(name="without ids")
    yield otlp.span(600, events=[Span.Event(time_unix_nano=at, name="x") for at in NOT_A_TIME])
    for number, value in enumerate(VALUES):
        names = ("http.response.status_code", "http.route", "ml.replayed", "service.name")
        yield otlp.span(700 + number, attributes=dict.fromkeys(names, value))


def hostile_metrics():
    """Metrics of no kind, without values, at impossible times."""
    yield Metric(name="of no kind")
    for at in NOT_A_TIME:
        exemplar = Exemplar(time_unix_nano=at, as_double=1)
        point = {"time_unix_nano": at, "start_time_unix_nano": at}
        number = NumberDataPoint(as_double=float("nan"), exemplars=[exemplar], **point)
        yield Metric(name="g", gauge=Gauge(data_points=[number, NumberDataPoint(**point)]))
        yield Metric(name="s", sum=Sum(data_points=[number]))
        histogram = HistogramDataPoint(
            count=3, bucket_counts=[1], explicit_bounds=[1.0, 2.0], exemplars=[exemplar], **point
        )
        yield Metric(name="h", histogram=Histogram(data_points=[histogram, HistogramDataPoint()]))
        exponential = ExponentialHistogramDataPoint(count=3, exemplars=[exemplar], **point)
        yield Metric(name="e", exponential_histogram=ExponentialHistogram(data_points=[exponential]))
        yield Metric(name="q", summary=Summary(data_points=[SummaryDataPoint(count=3, **point)]))


def test_what_follows_hostile_telemetry_arrives(pipeline):
    """After hostile spans, events and metrics the next ones are stored, and no batch is stuck in a queue."""
    otlp.send(pipeline.otlp, otlp.logs(*hostile_predictions()))
    otlp.send(pipeline.otlp, otlp.logs(*hostile_labels()))
    otlp.send(pipeline.otlp, otlp.spans(*hostile_spans()))
    for metric in hostile_metrics():
        otlp.send(pipeline.otlp, otlp.metrics(metric))
    after = [Metric(name="after", gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=NOW, as_double=1.0)]))]
    otlp.send(pipeline.otlp, otlp.logs(otlp.prediction("after")))
    otlp.send(pipeline.otlp, otlp.spans(otlp.span(9_999, "after")))
    otlp.send(pipeline.otlp, otlp.metrics(*after))
    pipeline.wait_for("SELECT count() FROM predictions WHERE PredictionId = 'after'", "1")
    pipeline.wait_for("SELECT count() FROM otel_traces WHERE SpanName = 'after'", "1")
    pipeline.wait_for("SELECT count() FROM otel_metrics_gauge WHERE MetricName = 'after'", "1")
    # Retries are logged; a batch that fails again and again would show here.
    assert "Will retry" not in pipeline.log("collector")
    assert "Dropping data" not in pipeline.log("collector")


def test_what_could_be_read_of_hostile_predictions_is_there(pipeline):
    """A malformed part costs a prediction that part only; without an id it is a log record only."""
    for name, number in (("body", len(BODIES)), ("value", len(VALUES)), ("day", 300)):
        pipeline.wait_for(f"SELECT count() FROM predictions WHERE PredictionId LIKE '{name}%'", str(number))
    assert pipeline.query("SELECT count() FROM predictions WHERE PredictionId = ''") == "0"
    scores = "SELECT DISTINCT Score, Value FROM predictions WHERE PredictionId LIKE 'value%' AND Score IS NOT NULL"
    assert pipeline.query(scores) == "5\t5"
    parts = "SELECT Features, Scores, FeaturesNonfinite FROM predictions WHERE PredictionId = 'body6'"
    assert pipeline.query(parts) == "{\"a\":1}\t{'b':0.5}\t{'g':'nan','h':'5'}"


def test_no_span_lasts_for_centuries(pipeline):
    """A span whose end cannot be, or lies before its start, lasts zero."""
    number = len(VALUES) + 2
    last = "SpanName IN ('after', 'without ids') OR mapContains(SpanAttributes, 'http.route')"
    pipeline.wait_for(f"SELECT count() FROM otel_traces WHERE {last}", str(number))
    assert pipeline.query(f"SELECT max(Duration) < {100 * 366 * DAY} FROM otel_traces") == "1"
