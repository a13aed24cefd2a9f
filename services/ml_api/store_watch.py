"""A thread that looks into the model store again and again, so that every worker process follows it within a second."""

import logging
import threading
from collections.abc import Callable
from typing import Final

_logger = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.5


class StoreWatch:
    """Calls `look` every half second until it is stopped.

    Args:
        look: What is called; what it raises is logged, and the next look is made all the same.
        every_seconds: The pause between two looks.
    """

    def __init__(self, look: Callable[[], None], every_seconds: float = LOOK_SECONDS) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-store-watch", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        failure = ""
        while not self._stopped.wait(self._every_seconds):
            try:
                self._look()
                failure = ""
            except Exception as error:  # the watch goes on whatever a file system may do
                if str(error) != failure:
                    _logger.exception("the model store can't be looked into")
                failure = str(error)
