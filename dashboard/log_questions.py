"""What the Logs page asks of the monitoring API."""

from dataclasses import dataclass
from typing import Final

from dashboard.api_client import Question
from dashboard.log_answers import LogPage, LogVolume
from dashboard.time_range import TimeRange

PAGE_ROWS: Final = 100


@dataclass(frozen=True)
class LogSelection:
    """Which records; an empty text asks for nothing.

    Attributes:
        service: the service's name.
        severity: the least severity, such as `warn`.
        text: what the body holds.
        trace: the trace's id.
        span: the span's id.
    """

    service: str = ""
    severity: str = ""
    text: str = ""
    trace: str = ""
    span: str = ""

    def parameters(self) -> tuple[tuple[str, str], ...]:
        """As the API names them."""
        named = (
            ("service", self.service),
            ("severity", self.severity),
            ("q", self.text),
            ("trace_id", self.trace),
            ("span_id", self.span),
        )
        return tuple(pair for pair in named if pair[1])


def log_records(
    selection: LogSelection, period: TimeRange | None, *, cursor: str = "", limit: int = PAGE_ROWS
) -> Question[LogPage]:
    """A page of records.

    Args:
        selection: which.
        period: when they were written; None, which only a trace may have: whenever that was.
        cursor: `next_cursor` of the page before; empty for the first.
        limit: most records.
    """
    place = (("cursor", cursor),) if cursor else ()
    parameters = (*selection.parameters(), *_period(period), ("limit", str(limit)), *place)
    return Question("/api/v1/logs", LogPage, parameters)


def log_volume(selection: LogSelection, period: TimeRange | None) -> Question[LogVolume]:
    """How many records there are over time."""
    return Question("/api/v1/logs/volume", LogVolume, (*selection.parameters(), *_period(period)))


def _period(period: TimeRange | None) -> tuple[tuple[str, str], ...]:
    return () if period is None else (("from", period.start), ("to", period.end))
