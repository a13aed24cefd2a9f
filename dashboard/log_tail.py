"""What a live tail holds: the newest records, each once, and from when on to ask for more."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dashboard.log_answers import LogRecord
from dashboard.time_range import TimeRange

MOST_ROWS: Final = 200
_FIRST: Final = timedelta(minutes=15)
# Records arrive some seconds after they were written, and not in their order.
_LATE: Final = timedelta(seconds=20)


@dataclass(frozen=True)
class LogTail:
    """The newest records of one selection.

    Attributes:
        rows: the oldest first.
        more: whether older ones were let go.
    """

    rows: tuple[LogRecord, ...] = field(default=())
    more: bool = False

    def period(self, now: datetime) -> TimeRange:
        """What to ask for next: what may be newer than what is held."""
        since = self.rows[-1].timestamp - _LATE if self.rows else now - _FIRST
        return TimeRange(max(since, now - _FIRST).isoformat(), "now")

    def with_more(self, found: Iterable[LogRecord]) -> "LogTail":
        """The tail with what was found; the oldest records go when there are too many."""
        known = {row.identity: row for row in (*self.rows, *found)}
        rows = sorted(known.values(), key=lambda row: row.timestamp)
        return LogTail(tuple(rows[-MOST_ROWS:]), self.more or len(rows) > MOST_ROWS)
