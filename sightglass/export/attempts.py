"""What an exporter does not tell: how often it tried, and what the receiver took only in part."""

from typing import Any, Final

from opentelemetry.exporter.http.transport._base import BaseHTTPResult, BaseHTTPTransport
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from sightglass.export.bearer_token import BearerToken
from sightglass.export.losses import Outcome, Signal

_SUCCESS: Final = range(200, 400)
_PARTIAL: Final = "partial_success"
_RESPONSES: Final[dict[Signal, tuple[Any, str]]] = {
    "spans": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


class Attempts:
    """The requests of one exporter, which sends one at a time.

    Args:
        signal: What is sent.
    """

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self._count = 0
        self._rejected = 0
        self._error = ""

    def begin(self) -> None:
        """An export begins."""
        self._count, self._rejected, self._error = 0, 0, ""

    def tried(self) -> None:
        """A request is sent."""
        self._count += 1
        self._rejected = 0

    def failed(self, error: str) -> None:
        """It failed: an HTTP or gRPC status, or the name of an error."""
        self._error = error

    def answered(self, response: Any) -> None:
        """It succeeded, with this answer, perhaps a partial success. What was rejected must not be sent again."""
        self._rejected = max(0, int(getattr(response.partial_success, _RESPONSES[self.signal][1])))

    def outcome(self, items: int, *, delivered: bool) -> Outcome:
        """What became of an export of `items`."""
        retries = max(0, self._count - 1)
        if not delivered:
            return Outcome(delivered=False, lost=items, reason=self._error or "unknown", retries=retries)
        rejected = min(self._rejected, items)
        return Outcome(delivered=True, lost=rejected, reason=_PARTIAL if rejected else "", retries=retries)


class WatchedTransport(BaseHTTPTransport):
    """Passes HTTP requests on, and notes what becomes of them.

    Args:
        transport: The exporter's own.
        attempts: Where it is noted.
        token: What each request carries besides.
    """

    def __init__(self, transport: BaseHTTPTransport, attempts: Attempts, token: BearerToken | None = None) -> None:
        self._transport = transport
        self._attempts = attempts
        self._token = token

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
        data: bytes | None = None,
    ) -> BaseHTTPResult:
        """One attempt."""
        self._attempts.tried()
        if self._token is not None:
            headers = self._token.in_headers(headers)
        result = self._transport.request(method, url, headers=headers, timeout=timeout, data=data)
        if result.status_code is None or result.status_code not in _SUCCESS:
            self._attempts.failed(str(result.status_code or type(result.error).__name__))
            return result
        try:
            if content := result.content():
                self._attempts.answered(_RESPONSES[self._attempts.signal][0].FromString(content))
        except Exception:  # noqa: S110  # an answer that is no protobuf says nothing
            pass
        return result

    def is_connection_error(self, exception: Exception | None) -> bool:
        """As the exporter's own transport says."""
        return self._transport.is_connection_error(exception)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


class WatchedStub:
    """Passes gRPC calls on, and notes what becomes of them.

    Args:
        stub: The service's own.
        attempts: Where it is noted.
        token: What each call carries besides.
    """

    def __init__(self, stub: Any, attempts: Attempts, token: BearerToken | None = None) -> None:
        self._stub = stub
        self._attempts = attempts
        self._token = token

    def Export(self, **arguments: Any) -> Any:  # noqa: N802  # the service's name for it
        """One attempt."""
        self._attempts.tried()
        if self._token is not None:
            arguments["metadata"] = self._token.in_metadata(arguments.get("metadata"))
        try:
            response = self._stub.Export(**arguments)
        except Exception as error:
            code = getattr(error, "code", None)
            self._attempts.failed(code().name if callable(code) else type(error).__name__)
            raise
        self._attempts.answered(response)
        return response
