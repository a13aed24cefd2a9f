"""What a receiver was sent, and how it is told to answer."""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATHS = {"spans": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}
_REJECTED: dict[str, tuple[Any, str]] = {
    "/v1/traces": (ExportTraceServiceResponse, "rejected_spans"),
    "/v1/logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "/v1/metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Only a 200 or OK keeps what the request brought.

    Args:
        status: HTTP status, or the name of a gRPC one.
        retry_after: Seconds after which to try again, if the answer says so.
        rejected: Items that a partial success does not take: the last ones.
        instead: What is done in an answer's place: `hang` until the receiver is let go, or `close` the connection.
    """

    status: int | str = 200
    retry_after: int | None = None
    rejected: int = 0
    instead: Literal["hang", "close"] | None = None


class Kept:
    """Spans, log records and the latest point of each metric, by service instance.

    Attributes:
        standing: How each path is answered, if not with 200.
        script: What comes before: the next answers of each path.
        requests: Requests by path.
        authorizations: The header of that name of each request, with its path; None where there was none.
        replies: Answers by path and status, or what was done instead.
        let_go: Set it to end what hangs.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.standing: dict[str, Reply] = {}
        self.script: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self.let_go = threading.Event()
        self.requests: Counter[str] = Counter()
        self.authorizations: list[tuple[str, str | None]] = []
        self.replies: Counter[tuple[str, int | str]] = Counter()
        self.spans: list[tuple[dict[str, Any], Any]] = []
        self.records: list[tuple[dict[str, Any], Any]] = []
        self.points: dict[tuple[str, str, tuple[tuple[str, Any], ...]], Any] = {}

    def reply(self, path: str) -> Reply:
        """How the next request is answered."""
        with self.changed:
            script = self.script[path]
            reply = script.popleft() if script else self.standing.get(path, Reply())
            self.replies[path, reply.instead or reply.status] += 1
            self.changed.notify_all()
            return reply

    def take(self, path: str, body: bytes, *, keep: bool = True, rejected: int = 0) -> bytes:
        """Count one request, keep what it brought, and say what was not taken of it.

        Returns:
            The response's message.
        """
        with self.changed:
            self.requests[path] += 1
            if keep:
                self._keep(path, body, rejected)
            self.changed.notify_all()
        if not rejected:
            return b""
        response, field = _REJECTED[path]
        return bytes(response(partial_success={field: rejected, "error_message": "not these"}).SerializeToString())

    def _keep(self, path: str, body: bytes, rejected: int) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                owner = plain(resource.resource.attributes)
                spans = [(owner, span) for scope in resource.scope_spans for span in scope.spans]
                self.spans += _but(spans, rejected)
        elif path == "/v1/logs":
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                owner = plain(resource.resource.attributes)
                records = [(owner, record) for scope in resource.scope_logs for record in scope.log_records]
                self.records += _but(records, rejected)
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

    def counts(self, metric: str) -> dict[tuple[tuple[str, Any], ...], int]:
        """A counter's latest points, by attributes."""
        return {attributes: point.as_int for (_, name, attributes), point in self.points.items() if name == metric}

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait until a request made `condition` true."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)


def _but(items: Sequence[Any], rejected: int) -> Sequence[Any]:
    return items[: len(items) - rejected]


def plain(attributes: Any) -> dict[str, Any]:
    """OTLP attributes as Python values."""
    return {item.key: value(item.value) for item in attributes}


def value(any_value: Any) -> Any:
    """One OTLP value as a Python value."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None
