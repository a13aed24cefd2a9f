"""What was lost, where and by which process: counted by those who lost it.

A process counts what its full queues dropped (under the SDK's own names) and what it gave up exporting (the library's).
The Collector counts what it could not queue or was refused for good. Lost metrics are left out, for `retries` to show:
counters are cumulative, so the next export says it all again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from services.monitoring_api.queries.pipeline.growth import GrowthRow
from services.monitoring_api.queries.pipeline.losses import COLLECTOR, QUEUES
from sightglass.attributes import FAILED_EXPORT_METRIC


class DropRow(NamedTuple):
    """What one process lost for one reason.

    Args:
        service: Whose process.
        instance: Which process: its `service.instance.id`.
        signal: `spans`, or `logs` (events too).
        stage: `sdk` in the process itself, or `collector`.
        reason: `queue_full`, `already_shutdown`, `spool_full`, `spool_unreadable`, `export_failed` or `refused`.
        detail: Why an export failed: an HTTP or gRPC status, `partial_success` or an error's name, where it is known.
        lost: Spans or log records.
    """

    service: str
    instance: str
    signal: str
    stage: str
    reason: str
    detail: str
    lost: int


def drop_rows(rows: Sequence[GrowthRow]) -> list[DropRow]:
    """What was lost, of what the counters say."""
    return [drop for row in rows if (drop := _drop(row)) is not None]


def _drop(row: GrowthRow) -> DropRow | None:
    if row.name in QUEUES:
        return DropRow(row.service, row.instance, QUEUES[row.name], "sdk", row.error_type, "", row.growth)
    if row.name in COLLECTOR:
        signal, why = COLLECTOR[row.name]
        return DropRow(row.service, row.instance, signal, "collector", why, "", row.growth)
    if row.name == FAILED_EXPORT_METRIC and row.signal != "metrics":
        return DropRow(row.service, row.instance, row.signal, "sdk", "export_failed", row.error_type, row.growth)
    return None


def drops_document(rows: Sequence[DropRow]) -> list[dict[str, Any]]:
    """Drops as a part of the answer."""
    return [
        {
            "service": row.service,
            "instance": row.instance,
            "signal": row.signal,
            "stage": row.stage,
            "reason": row.reason,
            "detail": row.detail,
            "count": row.lost,
        }
        for row in rows
    ]


def drop_reasons(rows: Iterable[DropRow]) -> list[str]:
    """What was lost, a sentence for each service and cause, with the process that lost most of it."""
    causes: dict[tuple[str, ...], list[DropRow]] = {}
    for row in rows:
        why = f"{row.reason} {row.detail}".rstrip()
        causes.setdefault((row.service, row.signal, row.stage, why), []).append(row)
    return [
        f"{service} lost {sum(row.lost for row in lost)} {signal} ({stage}: {why}){_where(lost)}"
        for (service, signal, stage, why), lost in causes.items()
    ]


def _where(lost: Sequence[DropRow]) -> str:
    most = max(lost, key=lambda row: row.lost).instance
    if not most:
        return ""
    return f" in process {most}" if len(lost) == 1 else f" in {len(lost)} processes, most in {most}"
