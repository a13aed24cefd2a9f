"""What becomes of an error inside telemetry: one log line now and then, nothing for the caller."""

import logging
import sys
import threading
import time
from typing import Final

_logger = logging.getLogger(__name__)
_QUIET_SECONDS: Final = 30.0
_lock = threading.Lock()
_last_report: dict[str, float] = {}


def report_fault(where: str) -> None:
    """Log the exception being handled, at most every 30 s per place; never raise.

    Args:
        where: The public function that could not do its work.
    """
    try:
        now = time.monotonic()
        with _lock:
            if now - _last_report.get(where, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return
            _last_report[where] = now
        _logger.warning("%s failed; the caller goes on without this telemetry", where, exc_info=sys.exc_info())
    except Exception:  # noqa: S110  # nothing is left to tell it to
        pass
