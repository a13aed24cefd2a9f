"""The queue whose items lie on disk until they were delivered."""

import errno
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from sightglass import attributes
from sightglass.export.delivery import Delivery
from sightglass.export.export_queue import ExportQueue
from sightglass.export.losses import LossRecord
from sightglass.export.pauses import growing_pause
from sightglass.export.untraced import untraced
from sightglass.faults import report_fault
from sightglass.forking import call_in_forked_child
from sightglass.otlp.request import Encoded
from sightglass.spool.folder import orphans
from sightglass.spool.segment import Segment
from sightglass.spool.store import Store

Export = Callable[[list[Encoded]], object]

_JOIN_SECONDS: Final = 5.0
_LOOK_AROUND_SECONDS: Final = 15.0
_DISK_PAUSE_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)


class SpoolQueue:
    """Writes each log record to disk, and sends them from there until the receiver has them.

    Where the disk fails, records go through memory, as they do without a spool.

    Args:
        delivery: Sends; it must count as lost only what was refused for good.
        losses: Told of what was dropped, and of what the disk did.
        home: Where each process has its folder.
        in_memory: Makes the queue for what can't be written, of what sends a batch of it.
        export: Sends that, and counts what it could not.
        max_bytes: What the disk may hold for this process.
        batch: Records sent at once, at most.
        linger_seconds: How long a record waits for others.
    """

    def __init__(
        self,
        delivery: Delivery,
        losses: LossRecord,
        home: Path,
        *,
        in_memory: Callable[[Export], ExportQueue[Encoded]],
        export: Export,
        max_bytes: int,
        batch: int,
        linger_seconds: float,
    ) -> None:
        self._delivery = delivery
        self._losses = losses
        self._home = home
        self._export = export
        self._max_bytes = max_bytes
        self._batch = batch
        self._linger_seconds = linger_seconds
        # Before its first batch, `_begin` has made the lock for it.
        self._memory = in_memory(self._export_one_at_a_time)
        self._begin()
        call_in_forked_child(self._begin_in_child)

    def _begin_in_child(self) -> None:
        """Start empty: what the parent of a forked child wrote, the parent sends."""
        self._files.forget()
        self._begin()

    def _begin(self) -> None:
        self._files = Store(
            self._home,
            max_bytes=self._max_bytes,
            batch=self._batch,
            dropped=lambda count: self._losses.dropped("logs", "spool_full", count),
            failed=self._tell,
        )
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # An exporter sends one request at a time, and memory has a thread of its own.
        self._one_export = threading.Lock()
        self._failures = 0
        self._hurry = False
        self._closed = False
        self._broken = False
        self._write_again = 0.0
        self._look_around = 0.0
        self._thread = threading.Thread(target=self._run, name="sightglass-spool", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return self._files.records + len(self._memory)

    def report(self, meter: Meter) -> None:
        """Report how full the disk is."""

        def size(_options: CallbackOptions) -> list[Observation]:
            return [Observation(self._files.size)]

        def limit(_options: CallbackOptions) -> list[Observation]:
            return [Observation(self._max_bytes)]

        meter.create_observable_gauge(attributes.SPOOL_SIZE_METRIC, callbacks=[size], unit="By")
        meter.create_observable_gauge(attributes.SPOOL_LIMIT_METRIC, callbacks=[limit], unit="By")

    def put(self, item: Encoded) -> None:
        """Write one record down, or hold it in memory where that fails."""
        with self._lock:
            if not self._closed and (not self._broken or time.monotonic() >= self._write_again):
                try:
                    if self._files.append(item):
                        self._changed.notify_all()
                except OSError as error:
                    self._write_failed(error)
                else:
                    self._broken = False
                    return
        self._memory.put(item)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything put before this call was delivered or given up; False when it was not in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            if self._closed:
                return False
            self._files.seal()
            mine = self._files.unsettled.copy()
            self._hurry = True
            self._changed.notify_all()
            while not mine.isdisjoint(self._files.unsettled):
                rest = deadline - time.monotonic()
                if rest <= 0 or self._closed:
                    return False
                self._changed.wait(rest)
            # A service may be ended right after, without another word.
            self._files.tidy()
        return self._memory.flush()

    def close(self) -> None:
        """Take no more, try once more to send what is there, and leave the rest for the next process."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_JOIN_SECONDS)
        self._memory.close()

    def _run(self) -> None:
        with untraced():
            closed = False
            while not closed:
                closed = self._wait()
                self._turn()
        with self._lock:
            self._files.leave()

    def _wait(self) -> bool:
        """Wait until there is something to do; whether that is the last thing to do."""
        with self._lock:
            pause = growing_pause(self._failures) if self._failures else self._linger_seconds
            self._changed.wait_for(
                lambda: self._closed or self._hurry or (not self._failures and self._files.has_sealed), pause
            )
            self._hurry = False
            # While the receiver is away, one file with many records is better than many with few.
            if self._closed or not self._files.has_sealed:
                self._files.seal()
            return self._closed

    def _turn(self) -> None:
        try:
            if not self._closed and time.monotonic() >= self._look_around:
                self._adopt()
            while segment := self._take():
                if not self._send(segment):
                    self._failures += 1
                    return
                self._failures = 0
        except Exception:
            self._failures += 1
            report_fault("the disk spool")

    def _adopt(self) -> None:
        self._look_around = time.monotonic() + _LOOK_AROUND_SECONDS
        for folder in orphans(self._home):
            with self._lock:
                try:
                    self._files.adopt(folder)
                except OSError as error:
                    self._tell(error)

    def _take(self) -> Segment | None:
        with self._lock:
            return self._files.take()

    def _send(self, segment: Segment) -> bool:
        """Send one segment; whether nothing of it has to be sent again."""
        done = False
        try:
            done = self._deliver(segment)
        finally:
            with self._lock:
                if done:
                    self._files.settle(segment)
                else:
                    self._files.put_back(segment)
                self._changed.notify_all()
        return done

    def _deliver(self, segment: Segment) -> bool:
        try:
            records, torn = segment.read()
        except OSError as error:
            self._tell(error)
            records, torn = [], 0
        if torn:
            _logger.warning("%s: its last %d bytes were not written whole, and are left out.", segment.path, torn)
            self._losses.spool_failed("torn")
        if segment.own and len(records) < segment.records:
            self._losses.dropped("logs", "spool_unreadable", segment.records - len(records))
        if not records:
            return True
        with self._one_export:
            # What another process recorded is in that one's counts.
            outcome = self._delivery.attempt(records, own_queue=segment.own)
        return outcome.delivered or outcome.lost > 0

    def _export_one_at_a_time(self, batch: list[Encoded]) -> None:
        with self._one_export:
            self._export(batch)

    def _write_failed(self, error: OSError) -> None:
        """Go on without the disk for a while. Called with the lock held."""
        if not self._broken:
            _logger.warning("The disk spool can't be written: %s. Records go through memory meanwhile.", error)
        self._losses.spool_failed(_name(error))
        self._broken = True
        self._write_again = time.monotonic() + _DISK_PAUSE_SECONDS
        self._files.break_off()

    def _tell(self, error: OSError) -> None:
        _logger.warning("The disk spool: %s", error)
        self._losses.spool_failed(_name(error))


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
