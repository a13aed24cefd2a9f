"""Sending, counted: what was given up or tried again is on record."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import DefaultAggregation, ExplicitBucketHistogramAggregation
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sightglass import attributes
from sightglass.export.attempts import Attempts
from sightglass.export.losses import LossRecord, Outcome, Signal
from sightglass.export.sinks import Sink
from sightglass.instruments import Instruments

_QUEUE_DROPS: Final = frozenset({attributes.SDK_SPANS_PROCESSED_METRIC, attributes.SDK_LOGS_PROCESSED_METRIC})
_SDK_SCOPE: Final = "opentelemetry-sdk"

Inner = TypeVar("Inner")


class Connection(Generic[Inner]):
    """One exporter, made anew in a forked child, where parent and child would talk over the same socket.

    Args:
        exporter: The exporter of this process.
        make: Makes another one like it.
    """

    def __init__(self, exporter: Inner, make: Callable[[], Inner | None]) -> None:
        self._make = make
        self.exporter = exporter
        self._left_to_parent: list[Inner] = []

    def renew(self) -> None:
        """Replace the exporter; the old one is kept, for closing it could close the parent's connection."""
        self._left_to_parent.append(self.exporter)
        self.exporter = self._make() or self.exporter


class Delivery:
    """Sends batches of one signal.

    Args:
        connection: Holds the sink that does the work.
        signal: What is sent.
        losses: Where it is counted.
        again: Whether the caller will try again what failed so, which then is no loss.
    """

    def __init__(
        self, connection: Connection[Sink], signal: Signal, losses: LossRecord, *, again: Callable[[Outcome], bool]
    ) -> None:
        self._connection = connection
        self._signal: Signal = signal
        self._losses = losses
        self._again = again

    def prepare(self, item: Any) -> Any:
        """What is queued of one span or log record."""
        return self._connection.exporter.prepare(item)

    def send(self, batch: list[Any], *, own_queue: bool = True) -> bool:
        """As `attempt`; whether it was delivered."""
        return self.attempt(batch, own_queue=own_queue).delivered

    def attempt(self, batch: list[Any], *, own_queue: bool = True) -> Outcome:
        """Send, and count what was given up; what came through a queue of ours also as processed.

        Returns:
            What became of it: neither delivered nor lost is what the caller will try again.
        """
        outcome = Outcome(delivered=False, lost=len(batch), reason="error")
        try:
            outcome = self._connection.exporter.send(batch)
        except Exception as error:
            outcome = outcome._replace(reason=type(error).__name__)
        if not outcome.delivered and self._again(outcome):
            outcome = outcome._replace(lost=0, retries=outcome.retries + 1)
        elif own_queue:
            self._losses.processed(self._signal, len(batch))
        self._losses.exported(self._signal, outcome)
        return outcome

    def close(self) -> None:
        """Stop; a retry in progress ends."""
        self._connection.exporter.close()


class StockSpanExporter(SpanExporter):
    """A delivery for the SDK's own batch processor."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def export(self, spans: Any) -> SpanExportResult:
        """Send one batch."""
        delivered = self._delivery.send(list(spans), own_queue=False)
        return SpanExportResult.SUCCESS if delivered else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Stop."""
        self._delivery.close()


class StockLogExporter(LogRecordExporter):
    """A delivery for the SDK's own batch processor."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def export(self, batch: Any) -> LogRecordExportResult:
        """Send one batch."""
        delivered = self._delivery.send(list(batch), own_queue=False)
        return LogRecordExportResult.SUCCESS if delivered else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        """Stop."""
        self._delivery.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  # interface
        """Nothing is held back."""
        return True


class WatchedMetricExporter(MetricExporter):
    """A metric exporter whose failures are counted, and which sends our own instruments' points with the SDK's.

    Args:
        connection: Holds the exporter that does the work.
        attempts: What became of its requests.
        losses: Where it is counted.
        instruments: Our own instruments.
    """

    def __init__(
        self,
        connection: Connection[MetricExporter],
        attempts: Attempts,
        losses: LossRecord,
        instruments: Instruments,
    ) -> None:
        exporter = connection.exporter
        # Where the SDK itself looks for what an exporter prefers.
        super().__init__(
            preferred_temporality=getattr(exporter, "_preferred_temporality", None),
            preferred_aggregation=getattr(exporter, "_preferred_aggregation", None),
        )
        self.connection = connection
        self._attempts = attempts
        self._losses = losses
        self._instruments = instruments

    @property
    def fixed_buckets(self) -> bool:
        """Whether histograms have the buckets that their instruments ask for: the exporter may prefer others."""
        wanted = (self._preferred_aggregation or {}).get(Histogram)
        return wanted is None or type(wanted) in (DefaultAggregation, ExplicitBucketHistogramAggregation)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export, and note whether it arrived."""
        self._losses.sdk_drops_so_far(_drops(metrics_data))
        self._attempts.begin()
        result = MetricExportResult.FAILURE
        try:
            result = self.connection.exporter.export(self._with_ours(metrics_data), timeout_millis, **kwargs)
        finally:
            self._losses.collected(self._attempts.outcome(1, delivered=result is MetricExportResult.SUCCESS))
        return result

    def _with_ours(self, data: MetricsData) -> MetricsData:
        ours = self._instruments.collect(self._preferred_temporality or {})
        first, *others = data.resource_metrics
        merged = ResourceMetrics(first.resource, _merged([*first.scope_metrics, *ours]), first.schema_url)
        return MetricsData([merged, *others])

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the connection; a retry in progress ends."""
        self.connection.exporter.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Exporters hold nothing back."""
        return self.connection.exporter.force_flush(timeout_millis)


def _merged(scopes: Iterable[ScopeMetrics]) -> list[ScopeMetrics]:
    """Each scope once: of two that are equal, the SDK's encoder would send only one."""
    by_scope: dict[InstrumentationScope, ScopeMetrics] = {}
    for each in scopes:
        before = by_scope.get(each.scope)
        metrics = [*before.metrics, *each.metrics] if before else list(each.metrics)
        by_scope[each.scope] = ScopeMetrics(each.scope, metrics, each.schema_url)
    return list(by_scope.values())


def _drops(metrics_data: MetricsData) -> int:
    """What the SDK's own batch processors dropped, where they are used: our queues tell it themselves."""
    return sum(
        int(getattr(point, "value", 0))
        for resource in metrics_data.resource_metrics
        for scope in resource.scope_metrics
        if scope.scope.name.startswith(_SDK_SCOPE)
        for metric in scope.metrics
        if metric.name in _QUEUE_DROPS
        for point in metric.data.data_points
        if "error.type" in (point.attributes or {})
    )
