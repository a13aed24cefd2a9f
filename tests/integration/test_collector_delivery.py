"""What the Collector has accepted is in ClickHouse, exactly once by identity, whatever is killed in between."""

import threading
import time
import urllib.error
from itertools import count
from pathlib import Path

import pytest

from tests.collector import otlp
from tests.collector.pipeline import Pipeline

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

BATCH = 100


@pytest.fixture
def pipeline(tmp_path):
    """Processes that the test starts itself."""
    with Pipeline(tmp_path) as pipeline:
        yield pipeline


class Sender(threading.Thread):
    """Sends numbered spans and predictions without pause; what was not acknowledged is sent again, as SDKs do."""

    def __init__(self, pipeline):
        super().__init__(daemon=True)
        self.pipeline = pipeline
        self.enough = threading.Event()
        self.acknowledged = 0

    def run(self):
        """Send until it is enough."""
        for number in count(0, BATCH):
            if self.enough.is_set():
                return
            numbers = range(number, number + BATCH)
            self._deliver(otlp.spans(*(otlp.span(each, start=1_000 + time.time_ns()) for each in numbers)))
            self._deliver(otlp.logs(*(otlp.prediction(f"p{each}", ml__prediction__score=0.5) for each in numbers)))
            self.acknowledged = number + BATCH

    def _deliver(self, message):
        while True:
            try:
                otlp.send(self.pipeline.otlp, message)
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
            else:
                return

    def wait_for(self, acknowledged):
        """Wait until this many of each are acknowledged."""
        deadline = time.monotonic() + 60
        while self.acknowledged < acknowledged:
            assert time.monotonic() < deadline, f"{self.acknowledged} of {acknowledged}"
            time.sleep(0.01)


def assert_all_stored(pipeline, number):
    """Distinct spans and predictions are exactly those acknowledged."""
    distinct = "SELECT count() FROM (SELECT DISTINCT TraceId, SpanId FROM otel_traces)"
    pipeline.wait_for(distinct, str(number), seconds=60)
    pipeline.wait_for("SELECT count() FROM otel_traces FINAL", str(number))
    pipeline.wait_for("SELECT count() FROM predictions", str(number), seconds=60)
    assert pipeline.query("SELECT count() FROM otel_logs WHERE EventName = '' AND ServiceName = 'tests'") == "0"


def test_a_collector_started_before_clickhouse_delivers_with_event_names(pipeline):
    """The Collector accepts while there is no ClickHouse; later every prediction is there, by its event name.

    The schema comes slowly, so that the Collector meets tables whose views are not there yet.
    """
    pipeline.start_collector()
    otlp.send(pipeline.otlp, otlp.logs(*(otlp.prediction(f"p{number}") for number in range(500))))
    otlp.send(pipeline.otlp, otlp.logs(otlp.label("p1", "yes", "2026-11-01T00:00:00Z")))
    otlp.send(pipeline.otlp, otlp.spans(*(otlp.span(number) for number in range(500))))
    pipeline.start_clickhouse()
    pipeline.migrate(pause=0.1)
    assert "column ScopeName is not present" in pipeline.log("collector")
    assert_all_stored(pipeline, 500)
    pipeline.wait_for("SELECT count() FROM labels", "1")
    # And what comes later, through the exporter that saw no table when it started.
    otlp.send(pipeline.otlp, otlp.logs(*(otlp.prediction(f"p{number}") for number in range(500, 600))))
    pipeline.wait_for("SELECT count() FROM predictions", "600")
    assert pipeline.query("SELECT uniqExact(EventName) FROM otel_logs WHERE ServiceName = 'tests'") == "2"


@pytest.mark.parametrize("victims", [["collector"], ["clickhouse"], ["clickhouse", "collector"]], ids="+".join)
def test_a_kill_in_mid_stream_loses_nothing_and_counts_nothing_twice(pipeline, victims):
    """After kill -9 of the Collector, of ClickHouse and of both while data flows, the counts are exact again."""
    pipeline.start()
    sender = Sender(pipeline)
    sender.start()
    sender.wait_for(2_000)
    for victim in victims:
        pipeline.kill(victim)
    time.sleep(0.5)  # the sender meets what is missing
    if "clickhouse" in victims:
        pipeline.start_clickhouse()
    if "collector" in victims:
        pipeline.start_collector()
    sender.wait_for(sender.acknowledged + 3_000)
    sender.enough.set()
    sender.join(timeout=30)
    assert_all_stored(pipeline, sender.acknowledged)


def test_an_event_named_only_by_its_attribute_is_an_event(pipeline):
    """Older SDKs name events by the attribute `event.name`; their predictions count as well."""
    pipeline.start()
    attributes = {"event.name": "ml.prediction", "ml.prediction.id": "old", "ml.model.name": "m"}
    otlp.send(pipeline.otlp, otlp.logs(otlp.log('{"features": {"a": 1}}', attributes=attributes)))
    pipeline.wait_for("SELECT PredictionId, Features FROM predictions", 'old\t{"a": 1}')


def test_the_collector_tells_about_itself_in_the_same_tables(pipeline):
    """Its queue and what it accepted are metrics in ClickHouse; its password is on no command line and in no log."""
    pipeline.start()
    metrics = "SELECT count() > 0 FROM otel_metrics_{} WHERE ServiceName = 'otelcol' AND MetricName = '{}'"
    pipeline.wait_for(metrics.format("gauge", "otelcol_exporter_queue_size"), "1")
    pipeline.wait_for(metrics.format("sum", "otelcol_receiver_accepted_metric_points"), "1")
    password = (pipeline.data_dir / "secrets" / "clickhouse-collector.password").read_text()
    process = f"/proc/{pipeline.processes['collector'].pid}"
    for name in ("cmdline", "environ"):
        assert password.encode() not in Path(process, name).read_bytes()
    assert password not in pipeline.log("collector")
