"""What was sent again: no loss, but the sign of a receiver that is away, slow or refuses for a while.

An export of metrics that was given up belongs here too: the next one says it all again.
"""

from collections.abc import Sequence
from typing import Any

from services.monitoring_api.queries.pipeline.growth import GrowthRow
from sightglass.attributes import EXPORT_RETRIES_METRIC, FAILED_EXPORT_METRIC


def retries_document(rows: Sequence[GrowthRow]) -> list[dict[str, Any]]:
    """Attempts after the first, by process and signal, as a part of the answer."""
    return [
        {"service": row.service, "instance": row.instance, "signal": row.signal, "count": row.growth}
        for row in rows
        if row.name == EXPORT_RETRIES_METRIC
    ]


def failed_metric_exports_document(rows: Sequence[GrowthRow]) -> list[dict[str, Any]]:
    """Exports of metrics that were given up, by process and why, as a part of the answer."""
    return [
        {"service": row.service, "instance": row.instance, "detail": row.error_type, "count": row.growth}
        for row in rows
        if row.name == FAILED_EXPORT_METRIC and row.signal == "metrics"
    ]
