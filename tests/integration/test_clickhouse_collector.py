"""The unmodified Collector and its clickhouseexporter (clickhouse-go over HTTP) write into the embedded ClickHouse."""

import json
import subprocess
import time

import httpx
import pytest
import yaml

from services.cli.collector.resolve import CollectorBinaryError, binary_path
from tests.embedded_clickhouse.server import EmbeddedServer, free_port, wait_until

pytestmark = pytest.mark.integration

TRACE_ID = "5b8efff798038103d269b633813fc60c"
_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "test"}}]}


@pytest.fixture(scope="module")
def binary():
    """The Collector as `sightglass` finds or builds it."""
    try:
        return binary_path()
    except CollectorBinaryError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """An embedded ClickHouse of this module."""
    server = EmbeddedServer(tmp_path_factory.mktemp("clickhouse") / "data").start()
    yield server
    server.stop()


class Collector:
    """The real binary with nothing but a receiver and the exporter."""

    def __init__(self, binary, folder, database, *, user, create_schema) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        exporter = {
            "endpoint": database.url,
            "username": user,
            "password": database.password(user),
            "database": "otel",
            "compress": "none",
            "create_schema": create_schema,
            "retry_on_failure": {"enabled": False},
            "sending_queue": {"enabled": False},
        }
        config = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": self.url.removeprefix("http://")}}}},
            "exporters": {"clickhouse": exporter},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    signal: {"receivers": ["otlp"], "exporters": ["clickhouse"]}
                    for signal in ("traces", "metrics", "logs")
                },
            },
        }
        path = folder / f"collector-{user}.yaml"
        path.write_text(yaml.safe_dump(config))
        self.log = folder / f"collector-{user}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([binary, "--config", str(path)], stdout=log, stderr=log)

    def post(self, signal, payload) -> httpx.Response:
        """Send OTLP as JSON."""
        return httpx.post(f"{self.url}/v1/{signal}", json=payload, timeout=30)

    def wait(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                httpx.get(self.url, timeout=2)
            except httpx.TransportError:
                return False
            return True

        wait_until(answers, 60, "the Collector")

    def stop(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(20)


def _spans(count: int) -> dict:
    now = time.time_ns()
    spans = [
        {
            "traceId": TRACE_ID,
            "spanId": f"{number + 1:016x}",
            "name": "it's a 'span'",
            "kind": 2,
            "startTimeUnixNano": str(now + number),
            "endTimeUnixNano": str(now + number + 1_000_000),
            "attributes": [{"key": "http.route", "value": {"stringValue": "/v1/predict"}}],
        }
        for number in range(count)
    ]
    return {"resourceSpans": [{"resource": _RESOURCE, "scopeSpans": [{"spans": spans}]}]}


def _logs(count: int) -> dict:
    records = [
        {
            "timeUnixNano": str(time.time_ns()),
            "eventName": "ml.prediction",
            "body": {"stringValue": json.dumps({"features": {"n": number}})},
            "traceId": TRACE_ID,
            "spanId": f"{number + 1:016x}",
        }
        for number in range(count)
    ]
    return {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"logRecords": records}]}]}


def _metrics() -> dict:
    now = str(time.time_ns())
    points = [{"timeUnixNano": now, "startTimeUnixNano": now, "asInt": "7"}]
    histogram = [
        {
            "timeUnixNano": now,
            "startTimeUnixNano": now,
            "count": "3",
            "sum": 1.5,
            "bucketCounts": ["1", "2"],
            "explicitBounds": [0.5],
        }
    ]
    metrics = [
        {"name": "g", "gauge": {"dataPoints": points}},
        {"name": "s", "sum": {"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": True}},
        {"name": "h", "histogram": {"dataPoints": histogram, "aggregationTemporality": 2}},
    ]
    return {"resourceMetrics": [{"resource": _RESOURCE, "scopeMetrics": [{"metrics": metrics}]}]}


def test_the_exporter_makes_its_own_schema_and_fills_it(binary, database, tmp_path):
    """As migrator, with create_schema, the exporter makes every table of its own; as collector it then fills them."""
    maker = Collector(binary, tmp_path, database, user="migrator", create_schema=True)
    try:
        maker.wait()
    finally:
        maker.stop()
    tables = database.ask("reader", "SHOW TABLES FROM otel").split()
    metrics = {f"otel_metrics_{kind}" for kind in ("gauge", "sum", "histogram")}
    assert {"otel_traces", "otel_logs", *metrics} <= set(tables)

    collector = Collector(binary, tmp_path, database, user="collector", create_schema=False)
    try:
        collector.wait()
        for _ in range(3):
            for signal, payload in (("traces", _spans(500)), ("logs", _logs(500)), ("metrics", _metrics())):
                answer = collector.post(signal, payload)
                assert answer.status_code == 200, (signal, answer.text, collector.log.read_text()[-2000:])
    finally:
        collector.stop()
    counted = "SELECT count(), uniqExact(SpanId) FROM otel.{table:Identifier}"
    assert database.ask("reader", counted, param_table="otel_traces") == "1500\t500\n"
    assert database.ask("reader", counted, param_table="otel_logs") == "1500\t500\n"
    assert database.ask("reader", "SELECT DISTINCT EventName FROM otel.otel_logs") == "ml.prediction\n"
    assert database.ask("reader", "SELECT any(SpanName) FROM otel.otel_traces FORMAT TSVRaw") == "it's a 'span'\n"
    for table in ("gauge", "sum", "histogram"):
        assert database.ask("reader", f"SELECT count() FROM otel.otel_metrics_{table}") == "3\n"


def test_a_failed_insert_is_not_acknowledged(binary, database, tmp_path):
    """What ClickHouse refuses reaches the sender as an error, so that it sends again."""
    database.ask("migrator", "RENAME TABLE otel.otel_traces TO otel.otel_traces_away")
    collector = Collector(binary, tmp_path, database, user="collector", create_schema=False)
    try:
        collector.wait()
        assert collector.post("traces", _spans(5)).status_code >= 400
        database.ask("migrator", "RENAME TABLE otel.otel_traces_away TO otel.otel_traces")
        assert collector.post("traces", _spans(5)).status_code == 200
    finally:
        collector.stop()
