"""Where telemetry goes: OTLP over HTTP or gRPC, as the OTEL_* variables say."""

import os
from typing import Final, Literal, Protocol

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

Signal = Literal["traces", "metrics", "logs"]

_HTTP_ENDPOINT: Final = "http://127.0.0.1:4318"
_GRPC_ENDPOINT: Final = "http://127.0.0.1:4317"


class Exporters(Protocol):
    """Makes one exporter per signal; None sends nothing of that signal."""

    def metrics(self) -> MetricExporter | None:
        """The exporter for metrics, made first: the others report about themselves through it."""

    def spans(self, meter_provider: MeterProvider) -> SpanExporter | None:
        """The exporter for spans."""

    def logs(self, meter_provider: MeterProvider) -> LogRecordExporter | None:
        """The exporter for log records and events."""


def _wanted(signal: Signal) -> bool:
    return os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower() != "none"


def _is_grpc(signal: Signal) -> bool:
    protocol = (
        os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    return protocol.strip().lower() == "grpc"


def _endpoint(signal: Signal, *, grpc: bool) -> str | None:
    """The default endpoint, or None where a variable names one, which the exporter reads itself.

    The SDK's own default, `localhost`, tries IPv6 first on many machines, where a Collector bound to 127.0.0.1 is not.
    """
    if os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    return _GRPC_ENDPOINT if grpc else f"{_HTTP_ENDPOINT}/v1/{signal}"


class NoExporters:
    """Nothing is sent: what is left when telemetry can't be set up."""

    def metrics(self) -> None:
        """No metrics."""

    def spans(self, meter_provider: MeterProvider) -> None:
        """No spans."""

    def logs(self, meter_provider: MeterProvider) -> None:
        """No log records and no events."""


class OtlpExporters:
    """OTLP over HTTP or gRPC, as the OTEL_* variables say."""

    def metrics(self) -> MetricExporter | None:
        """The exporter for metrics, or None with OTEL_METRICS_EXPORTER=none."""
        if not _wanted("metrics"):
            return None
        if _is_grpc("metrics"):
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPMetricExporter as GrpcMetricExporter,
            )

            return GrpcMetricExporter(endpoint=_endpoint("metrics", grpc=True))
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415  # as above

        return OTLPMetricExporter(endpoint=_endpoint("metrics", grpc=False))

    def spans(self, meter_provider: MeterProvider) -> SpanExporter | None:
        """The exporter for spans, or None with OTEL_TRACES_EXPORTER=none."""
        if not _wanted("traces"):
            return None
        if _is_grpc("traces"):
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPSpanExporter as GrpcSpanExporter,
            )

            return GrpcSpanExporter(endpoint=_endpoint("traces", grpc=True), meter_provider=meter_provider)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # as above

        return OTLPSpanExporter(endpoint=_endpoint("traces", grpc=False), meter_provider=meter_provider)

    def logs(self, meter_provider: MeterProvider) -> LogRecordExporter | None:
        """The exporter for logs and events, or None with OTEL_LOGS_EXPORTER=none."""
        if not _wanted("logs"):
            return None
        if _is_grpc("logs"):
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (  # noqa: PLC0415  # grpc is heavy to import
                OTLPLogExporter as GrpcLogExporter,
            )

            return GrpcLogExporter(endpoint=_endpoint("logs", grpc=True), meter_provider=meter_provider)
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415  # as above

        return OTLPLogExporter(endpoint=_endpoint("logs", grpc=False), meter_provider=meter_provider)
