"""The counters in which processes tell what they lost, and what they had to send again."""

from typing import Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries.pipeline.growth import growth_query
from services.monitoring_api.queries.timerange import TimeRange
from sightglass.attributes import (
    EXPORT_RETRIES_METRIC,
    FAILED_EXPORT_METRIC,
    SDK_LOGS_PROCESSED_METRIC,
    SDK_SPANS_PROCESSED_METRIC,
)

# Metrics of queues, with the signal. They count all that passes; what has an `error.type` was dropped.
QUEUES: Final = {SDK_SPANS_PROCESSED_METRIC: "spans", SDK_LOGS_PROCESSED_METRIC: "logs"}
# Metrics of the Collector, with the signal and what happened to it.
COLLECTOR: Final = {
    f"otelcol_exporter_{verb}_failed_{noun}": (signal, reason)
    for verb, reason in (("send", "refused"), ("enqueue", "queue_full"))
    for noun, signal in (("spans", "spans"), ("log_records", "logs"))
}


def losses_query(span: TimeRange) -> Query:
    """What was lost, given up or tried again in a range; read it with `growth_rows`."""
    return growth_query(span, [FAILED_EXPORT_METRIC, EXPORT_RETRIES_METRIC, *COLLECTOR], list(QUEUES))
