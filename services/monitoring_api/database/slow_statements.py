"""The log of slow statements: one line for each, without anybody's values."""

import logging
from typing import Final

from services.monitoring_api.database.asker import ASKING_ROUTE
from services.monitoring_api.database.statement import Statement
from services.sql.fingerprint import fingerprint, normalized

_log = logging.getLogger(__name__)
_LONGEST: Final = 2_000


class SlowStatements:
    """Logs the statements that took long, whatever became of them.

    Args:
        seconds: From when on one is slow, waiting for a connection included.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def ended(self, statement: Statement, outcome: str, ended_at: float) -> None:
        """Log a statement that ended, if it took long.

        Args:
            statement: The statement.
            outcome: What became of it.
            ended_at: When, by the clock of its own times.
        """
        seconds = ended_at - statement.asked_at
        if seconds < self._seconds:
            return
        sent_at = ended_at if statement.sent_at is None else statement.sent_at
        text = normalized(statement.sql)
        mark = fingerprint(text)
        _log.warning(
            "A statement took %.2f s (%s): %s",
            seconds,
            outcome,
            mark,
            # What is not known is left out.
            extra={
                "fingerprint": mark,
                "query": text[:_LONGEST],
                "query_id": statement.query_id,
                "outcome": outcome,
                "duration_seconds": round(seconds, 3),
                "waited_seconds": round(sent_at - statement.asked_at, 3),
                "rows": statement.rows,
                "read_rows": statement.read("read_rows"),
                "read_bytes": statement.read("read_bytes"),
                "route": ASKING_ROUTE.get()(),
            },
        )
