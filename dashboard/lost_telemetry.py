"""What processes lost and what they had to send again, in words."""

from collections.abc import Iterable, Sequence
from typing import Final

from dashboard.answers import Drop, PipelineHealth
from dashboard.charts.units import figure
from dashboard.plain_text import plain

_SHOWN: Final = 6
# A UUID whole; what is longer is no help in a table.
_INSTANCE_SHOWN: Final = 40


def dropped(health: PipelineHealth) -> str:
    """What was lost, the greatest losses first, each with the process that lost it, as markdown."""
    drops = sorted((drop for drop in health.drops if drop.count), key=lambda drop: -drop.count)
    if not drops:
        return "nothing"
    return _listed([_drop(drop) for drop in drops])


def sent_again(health: PipelineHealth) -> str:
    """What was tried again, by process, as markdown; empty when nothing was. It is no loss."""
    retries = sorted((retry for retry in health.retries if retry.count), key=lambda retry: -retry.count)
    failed = sorted((export for export in health.failed_metric_exports if export.count), key=lambda one: -one.count)
    return _listed(
        [
            *(
                f"{figure(retry.count, '')} × {plain(retry.signal)} of {_process(retry.service, retry.instance)}"
                for retry in retries
            ),
            *(
                f"{figure(export.count, '')} × metrics, by the next export, of "
                f"{_process(export.service, export.instance)}{_because([export.detail])}"
                for export in failed
            ),
        ]
    )


def _drop(drop: Drop) -> str:
    return (
        f"{figure(drop.count, '')} {plain(drop.signal)} of {_process(drop.service, drop.instance)}"
        f"{_because([f'{drop.stage}: {drop.reason}', drop.detail])}"
    )


def _process(service: str, instance: str) -> str:
    return f"{plain(service)}, process {plain(instance, _INSTANCE_SHOWN)}" if instance else plain(service)


def _because(reasons: Iterable[str]) -> str:
    known = [plain(reason) for reason in reasons if reason]
    return f" ({', '.join(known)})" if known else ""


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - _SHOWN
    return "; ".join([*parts[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
