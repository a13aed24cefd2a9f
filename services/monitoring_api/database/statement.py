"""One statement on its way to ClickHouse and back, as logs and metrics tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

OK: Final = "ok"
TOO_SLOW: Final = "too_slow"
UNAVAILABLE: Final = "unavailable"
REFUSED: Final = "refused"
CANCELLED: Final = "cancelled"


@dataclass(slots=True)
class Statement:
    """What is known of it so far; never its values.

    Args:
        sql: The statement, with placeholders where values belong.
        query_id: What ClickHouse's own logs call this run of it.
        asked_at: When it was to be sent, by the watch's clock (seconds).
        sent_at: When it got a connection; None while it waits for one.
        rows: Rows of the answer; None while there is none.
        summary: ClickHouse's own count of what it read.
    """

    sql: str
    query_id: str
    asked_at: float
    sent_at: float | None = None
    rows: int | None = None
    summary: Mapping[str, Any] | None = None

    def read(self, what: str) -> int | None:
        """`read_rows` or `read_bytes`, as far as ClickHouse told."""
        told = str((self.summary or {}).get(what, ""))
        return int(told) if told.isascii() and told.isdigit() else None
