"""Finds out that an INSERT failed, which chDB 26.9 does not tell.

Ending a streaming INSERT raises only what is wrong with its data. What goes wrong while it is written (no space on the
disk, a materialised view or a constraint that throws) is swallowed, and the rows are reported as written. The engine
counts such failures, though, before it returns.
"""

import threading
from collections.abc import Callable
from typing import Final

from services.embedded_clickhouse.errors import ClickHouseError

_COUNT: Final = "SELECT sum(value) FROM system.events WHERE event = 'FailedInsertQuery'"
_ERRORS: Final = """SELECT code, value, name, last_error_message
FROM system.errors
ORDER BY last_error_time DESC, code"""


class FailedInserts:
    """The engine's count of failed INSERTs.

    It is one for all: an INSERT that ends while another fails may be taken for failed too. Its client sends it again,
    and what is stored twice counts once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._told: dict[str, int] = {}

    @property
    def seen(self) -> int:
        """How many there were when last looked at; never more than there are."""
        return self._seen

    def look(self, ask: Callable[[str], str]) -> int:
        """How many there are now; to be asked whenever one failed that told so itself.

        Args:
            ask: Runs a statement on a handle that is free and returns the answer, tab-separated.
        """
        count = int(ask(_COUNT).strip() or 0)
        with self._lock:
            self._seen = max(self._seen, count)
        return count

    def check(self, before: int, ask: Callable[[str], str]) -> None:
        """Make sure that an INSERT that has just ended did not fail.

        Args:
            before: What was `seen` when it began.
            ask: As above.

        Raises:
            ClickHouseError: It failed, or another did meanwhile: what the engine says of its last failure.
        """
        if self.look(ask) > before:
            raise self._latest(ask)

    def _latest(self, ask: Callable[[str], str]) -> ClickHouseError:
        """The latest of the errors that became more since a failure was last told of: their times are whole seconds."""
        rows = [line.split("\t", 3) for line in ask(_ERRORS).splitlines()]
        with self._lock:
            new = [(code, name, text) for code, value, name, text in rows if int(value) > self._told.get(code, 0)]
            self._told = {code: int(value) for code, value, _, _ in rows}
        if not new:
            return ClickHouseError(1002, "UNKNOWN_EXCEPTION", "The INSERT failed, and the engine does not say why.")
        code, name, text = new[0]
        return ClickHouseError(int(code), name, f"The INSERT is not stored. The engine's latest error: {text}")
