"""A real OTLP/HTTP receiver that decodes and keeps what it is sent."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver(ThreadingHTTPServer):
    """Counts spans, log records and the latest point of each metric, by service instance.

    Attributes:
        status: HTTP status of every answer; anything but 200 keeps nothing.
        pause_seconds: How long each answer takes.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = 200
        self.pause_seconds = 0.0
        self.changed = threading.Condition()
        self.requests: Counter[str] = Counter()
        self.spans: list[tuple[dict[str, Any], Any]] = []
        self.records: list[tuple[dict[str, Any], Any]] = []
        self.points: dict[tuple[str, str, tuple[tuple[str, Any], ...]], Any] = {}

    @property
    def url(self) -> str:
        """Value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        """Count one request and keep what it brought."""
        with self.changed:
            self.requests[path] += 1
            if self.status == 200:
                self._keep(path, body)
            self.changed.notify_all()

    def _keep(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                owner = plain(resource.resource.attributes)
                self.spans += [(owner, span) for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/logs":
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                owner = plain(resource.resource.attributes)
                self.records += [(owner, record) for scope in resource.scope_logs for record in scope.log_records]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                instance = plain(resource.resource.attributes).get("service.instance.id", "")
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        for point in getattr(metric, metric.WhichOneof("data")).data_points:
                            key = (instance, metric.name, tuple(sorted(plain(point.attributes).items())))
                            self.points[key] = point

    def events(self, name: str) -> list[Any]:
        """The events of this name."""
        return [record for _, record in self.records if record.event_name == name]

    def total(self, metric: str, **wanted: Any) -> float:
        """The sum of a counter's latest points over instances and attributes."""
        return sum(
            point.as_int or point.as_double
            for (_, name, attributes), point in self.points.items()
            if name == metric
            and all(dict(attributes).get(key.replace("__", ".")) == value for key, value in wanted.items())
        )

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait until a request made `condition` true."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.server.pause_seconds:
            time.sleep(self.server.pause_seconds)
        self.server.take(self.path, body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def plain(attributes: Any) -> dict[str, Any]:
    """OTLP attributes as Python values."""
    return {item.key: value(item.value) for item in attributes}


def value(any_value: Any) -> Any:
    """One OTLP value as a Python value."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


@contextmanager
def running_receiver(port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(port)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join(5)
