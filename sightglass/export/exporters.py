"""Where telemetry goes: OTLP over HTTP or gRPC, as the OTEL_* variables say, with a token out of a file if need be."""

import os
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

from opentelemetry.exporter.otlp.proto.http import _common as http_common
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics.export import MetricExporter

from sightglass.export.attempts import Attempts, WatchedStub, WatchedTransport
from sightglass.export.bearer_token import BearerToken
from sightglass.export.losses import Signal
from sightglass.export.sinks import EncodedSink, ExporterSink, Sink
from sightglass.otlp.logs import encode_log
from sightglass.otlp.spans import encode_span

_HTTP_ENDPOINT: Final = "http://127.0.0.1:4318"
_GRPC_ENDPOINT: Final = "http://127.0.0.1:4317"
_NAMES: Final[dict[Signal, Literal["traces", "metrics", "logs"]]] = {
    "spans": "traces",
    "metrics": "metrics",
    "logs": "logs",
}


class Exporters(Protocol):
    """Makes what sends each signal; None sends nothing of that signal."""

    def metrics(self, attempts: Attempts) -> MetricExporter | None:
        """The exporter for metrics; it notes its requests in `attempts`."""

    def spans(self) -> Sink | None:
        """Where spans go."""

    def logs(self) -> Sink | None:
        """Where log records and events go."""


class NoExporters:
    """Nothing is sent: what is left when telemetry can't be set up."""

    def metrics(self, attempts: Attempts) -> None:
        """No metrics."""

    def spans(self) -> None:
        """No spans."""

    def logs(self) -> None:
        """No log records and no events."""


class OtlpExporters:
    """OTLP over HTTP or gRPC, as the OTEL_* variables say.

    Args:
        stock: Let the stock exporters encode.
    """

    def __init__(self, *, stock: bool = False) -> None:
        self._stock = stock
        self._token = BearerToken.from_environment()

    def metrics(self, attempts: Attempts) -> MetricExporter | None:
        """The exporter for metrics, or None with OTEL_METRICS_EXPORTER=none."""
        if not _wanted("metrics"):
            return None
        if _is_grpc("metrics"):
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPMetricExporter as GrpcMetricExporter,
            )

            exporter = GrpcMetricExporter(**_grpc_options("metrics"))
            _watch_grpc(exporter, attempts, self._token)
            return exporter
        return OTLPMetricExporter(
            endpoint=_endpoint("metrics", grpc=False), _transport=_transport(attempts, self._token)
        )

    def spans(self) -> Sink | None:
        """Where spans go, or None with OTEL_TRACES_EXPORTER=none."""
        if not _wanted("spans"):
            return None
        attempts = Attempts("spans")
        if _is_grpc("spans"):
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPSpanExporter as GrpcSpanExporter,
            )

            grpc_exporter = GrpcSpanExporter(**_grpc_options("spans"))
            return self._grpc_sink(grpc_exporter, encode_span, ExportTraceServiceRequest, attempts)
        exporter = OTLPSpanExporter(
            endpoint=_endpoint("spans", grpc=False), _transport=_transport(attempts, self._token)
        )
        return self._http_sink(exporter, encode_span, attempts)

    def logs(self) -> Sink | None:
        """Where log records and events go, or None with OTEL_LOGS_EXPORTER=none."""
        if not _wanted("logs"):
            return None
        attempts = Attempts("logs")
        if _is_grpc("logs"):
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPLogExporter as GrpcLogExporter,
            )

            grpc_exporter = GrpcLogExporter(**_grpc_options("logs"))
            return self._grpc_sink(grpc_exporter, encode_log, ExportLogsServiceRequest, attempts)
        exporter = OTLPLogExporter(endpoint=_endpoint("logs", grpc=False), _transport=_transport(attempts, self._token))
        return self._http_sink(exporter, encode_log, attempts)

    def _http_sink(self, exporter: Any, encode: Callable[[Any], bytes], attempts: Attempts) -> Sink:
        if self._stock:
            return ExporterSink(exporter, attempts)
        client = exporter._client  # noqa: SLF001  # the exporter's retries and compression, without its encoder
        return EncodedSink(exporter, lambda body: client.export(body).success, encode, attempts)

    def _grpc_sink(self, exporter: Any, encode: Callable[[Any], bytes], request_type: Any, attempts: Attempts) -> Sink:
        _watch_grpc(exporter, attempts, self._token)
        if self._stock:
            return ExporterSink(exporter, attempts)
        # gRPC serialises a message object: parsing ours into one costs a tenth of building it.
        exporter._translate_data = request_type.FromString  # noqa: SLF001  # in the encoder's place
        return EncodedSink(exporter, lambda body: exporter.export(body).name == "SUCCESS", encode, attempts)


def _wanted(signal: Signal) -> bool:
    return os.environ.get(f"OTEL_{_NAMES[signal].upper()}_EXPORTER", "otlp").strip().lower() != "none"


def _is_grpc(signal: Signal) -> bool:
    protocol = (
        os.environ.get(f"OTEL_EXPORTER_OTLP_{_NAMES[signal].upper()}_PROTOCOL")
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    return protocol.strip().lower() == "grpc"


def _grpc_options(signal: Signal) -> dict[str, Any]:
    """What the variables say; of compressions the exporter itself refuses `none` and `deflate`, which are as good."""
    from grpc import Compression  # type: ignore[import-untyped]  # noqa: PLC0415  # grpc is heavy to import

    names = (f"OTEL_EXPORTER_OTLP_{_NAMES[signal].upper()}_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
    chosen = next((text for name in names if (text := os.environ.get(name, "").strip().lower())), "none")
    compressions = {"gzip": Compression.Gzip, "deflate": Compression.Deflate}
    return {
        "endpoint": _endpoint(signal, grpc=True),
        "compression": compressions.get(chosen, Compression.NoCompression),
    }


def _endpoint(signal: Signal, *, grpc: bool) -> str | None:
    """The default endpoint, or None where a variable names one, which the exporter reads itself.

    The SDK's own default, `localhost`, tries IPv6 first on many machines, where a Collector bound to 127.0.0.1 is not.
    """
    name = _NAMES[signal]
    if os.environ.get(f"OTEL_EXPORTER_OTLP_{name.upper()}_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    return _GRPC_ENDPOINT if grpc else f"{_HTTP_ENDPOINT}/v1/{name}"


def _transport(attempts: Attempts, token: BearerToken | None) -> WatchedTransport:
    """The stock exporters' own connection, with the certificates that the environment names, watched."""
    prefix = f"OTEL_EXPORTER_OTLP_{_NAMES[attempts.signal].upper()}"
    from sightglass.export.http_session import ExportSession  # noqa: PLC0415  # requests is heavy to import

    session = http_common._load_session_from_envvar(  # noqa: SLF001  # what the exporter itself calls
        f"OTEL_PYTHON_EXPORTER_OTLP_HTTP_{_NAMES[attempts.signal].upper()}_CREDENTIAL_PROVIDER"  # type: ignore[arg-type]
    )
    own = http_common._build_transport(  # noqa: SLF001  # what the exporter itself calls
        None,
        None,
        None,
        f"{prefix}_CERTIFICATE",
        f"{prefix}_CLIENT_KEY",
        f"{prefix}_CLIENT_CERTIFICATE",
        session=session or ExportSession(),
    )
    return WatchedTransport(own, attempts, token)


def _watch_grpc(exporter: Any, attempts: Attempts, token: BearerToken | None) -> None:
    """Let every stub that the exporter makes, now and when it connects again, note its calls."""
    make = exporter._stub  # noqa: SLF001  # there is no public place for it
    exporter._stub = lambda channel: WatchedStub(make(channel), attempts, token)  # noqa: SLF001  # as above
    exporter._client = exporter._stub(exporter._channel)  # noqa: SLF001  # as above
