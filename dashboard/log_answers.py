"""What the monitoring API answers about logs, as frozen models."""

import re
from datetime import UTC, datetime
from typing import Final

from pydantic import Field

from dashboard.answers import Answer, Labels

_ID: Final = re.compile(r"(?P<nanoseconds>[0-9]{18,19})-[0-9]+")


def written_at(record: str) -> datetime | None:
    """When a record was written, by its id, which begins with that; None where the id says none.

    Args:
        record: the id.
    """
    match = _ID.fullmatch(record)
    return None if match is None else datetime.fromtimestamp(int(match["nanoseconds"]) // 10**9, UTC)


class LogRecord(Answer):
    """One log record, or one event."""

    id: str = ""
    timestamp: datetime
    service: str = ""
    severity: str = ""
    severity_number: int = 0
    event: str | None = None
    body: str = ""
    body_bytes: int = 0
    trace_id: str | None = None
    span_id: str | None = None
    attributes: Labels = Field(default_factory=dict)
    resource: Labels = Field(default_factory=dict)
    truncated: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from every other record."""
        return (self.id,) if self.id else (self.timestamp, self.service, self.span_id, self.event, self.body)


class LogPage(Answer):
    """A page of records, the newest first."""

    start: datetime | None = Field(default=None, alias="from")
    end: datetime | None = Field(default=None, alias="to")
    logs: tuple[LogRecord, ...] = ()
    next_cursor: str | None = None


class LogVolume(Answer):
    """How many records there are over time."""

    step_seconds: float = 60
    times: tuple[float, ...] = ()
    counts: dict[str, tuple[int, ...]] = Field(default_factory=dict)
