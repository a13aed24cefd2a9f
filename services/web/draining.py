"""Between SIGTERM and the end: still answering, no longer ready, so that whoever sends traffic turns elsewhere."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Draining:
    """Puts a pause before the server's own stop: in it the service answers, and `begun` tells that it is to end.

    Args:
        pause_seconds: How long the server goes on taking requests after the signal.

    Attributes:
        begun: Whether the process was told to stop.
        begun_at: When, in seconds of the event loop's clock.
    """

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self.begun = False
        self.begun_at: float | None = None

    def watch_signals(self) -> None:
        """Stand before the server's signal handlers; call it from the lifespan, where they are in place already."""
        if threading.current_thread() is not threading.main_thread():
            # A test client's loop: no signals arrive there.
            return
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            stop = signal.getsignal(number)
            if callable(stop):
                signal.signal(number, self._handler(loop, stop))

    def _handler(
        self, loop: asyncio.AbstractEventLoop, stop: Callable[[int, FrameType | None], Any]
    ) -> Callable[[int, FrameType | None], None]:
        def drain(number: int, frame: FrameType | None) -> None:
            if not self.begun:
                self.begun = True
                self.begun_at = loop.time()
                loop.call_soon_threadsafe(loop.call_later, self._pause_seconds, stop, number, None)
            elif number == signal.SIGINT:
                # Whoever presses Ctrl+C twice does not want to wait. SIGTERM comes twice by itself: to a process
                # group, and from the parent of the workers.
                stop(number, frame)

        return drain

    def seconds_since(self) -> float:
        """How long ago it began; 0 when it has not."""
        return 0.0 if self.begun_at is None else asyncio.get_running_loop().time() - self.begun_at
