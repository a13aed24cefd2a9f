"""A flush that its caller can stop waiting for."""

import threading
import time
from collections.abc import Callable

from sightglass.forking import call_in_forked_child


class Flusher:
    """Runs a slow `work` on one background thread; callers wait for it only as long as they like.

    A thread of its own and not one per call: exporting to a stalled name server can't be interrupted, and
    from Python 3.12 on no thread can be started while the interpreter ends.

    Args:
        work: Delivers everything handed over before it starts; returns whether all of it arrived.
    """

    def __init__(self, work: Callable[[], bool]) -> None:
        self._work = work
        self._start()
        call_in_forked_child(self._start)

    def _start(self) -> None:
        self._changed = threading.Condition()
        self._wanted = 0
        self._done = 0
        self._delivered = True
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sightglass-flush", daemon=True)
        self._thread.start()

    def flush(self, timeout_seconds: float) -> bool | None:
        """Run `work` once more, from its beginning.

        Returns:
            What `work` said; None when it has not ended in time or this flusher is stopped.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            if self._stopping:
                return None
            self._wanted += 1
            mine = self._wanted
            self._changed.notify_all()
            while self._done < mine:
                rest = deadline - time.monotonic()
                if rest <= 0 or not self._changed.wait(rest):
                    return self._delivered if self._done >= mine else None
            return self._delivered

    def stop(self) -> None:
        """Let the thread end after the work in progress."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _run(self) -> None:
        changed = self._changed
        while True:
            with changed:
                while self._done >= self._wanted and not self._stopping:
                    changed.wait()
                if self._done >= self._wanted:
                    return
                target = self._wanted
            try:
                delivered = self._work()
            except Exception:
                delivered = False
            with changed:
                self._done = target
                self._delivered = delivered
                changed.notify_all()
