"""Loads a file of labels: checks it, sends it chunk by chunk, and remembers how far it came."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sightglass.labels.check import Findings, check
from sightglass.labels.errors import BadRowError, LabelsError, NotDeliveredError
from sightglass.labels.options import LoadOptions
from sightglass.labels.position import Position, PositionStore, fingerprint, load_key
from sightglass.labels.progress import Progress
from sightglass.labels.receiver import Receiver
from sightglass.labels.row import Row, read_label
from sightglass.labels.table import Table, open_table

# Less than the library's queue holds, so that handing over never waits and only `flush` does, which has a time limit.
CHUNK_ROWS: Final = 4_096
_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load did.

    Args:
        rows: Rows of the file.
        sent: Labels that the receiver accepted, in this call.
        sent_before: Those of earlier calls that this one went on from.
        skipped: Rows left out because they are no labels.
        dry_run: Nothing was to be sent.
    """

    rows: int
    sent: int
    sent_before: int
    skipped: int
    dry_run: bool = False


class Load:
    """One file on its way.

    Args:
        options: Which file, how to read it, how to send it.
        endpoint: Where it is sent, to tell one receiver's positions from another's.
        positions: Where the position is remembered.
        progress: Shows how far it is.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        options: LoadOptions,
        *,
        endpoint: str,
        positions: PositionStore,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._endpoint = endpoint
        self._positions = positions
        self._progress = progress
        self._clock = clock
        self._forgetful = False

    def check(self) -> Outcome:
        """Read the whole file and send nothing.

        Raises:
            LabelsError: It can't be read, or has bad rows that are not to be skipped.
        """
        table, _ = open_table(self._options)
        findings = self._examine(table)
        return Outcome(findings.rows, 0, 0, findings.bad, dry_run=True)

    def run(self, connect: Callable[[], Receiver]) -> Outcome:
        """Send what has not been sent yet.

        Args:
            connect: Gives the receiver; called when the file turned out to be good.

        Raises:
            LabelsError: The file can't be loaded; what was accepted until then is remembered.
        """
        table, before = open_table(self._options)
        key = self._key(before.st_size)
        position = self._start(table, key)
        sent_before = position.sent
        for accepted in self._send(table, position, connect()):
            position = accepted
            self._remember(key, position)
        self._progress.clear()
        self._positions.forget(key)
        self._require_unchanged(before)
        return Outcome(position.rows, position.sent - sent_before, sent_before, position.bad)

    def _key(self, size: int) -> str:
        self._progress.begin("Reading")
        content = fingerprint(
            self._options.file, progress=lambda read: self._progress.update(0, read / max(size, read))
        )
        self._progress.clear()
        return load_key(content, self._options, self._endpoint)

    def _start(self, table: Table, key: str) -> Position:
        """Where to begin: what is remembered, if this file was checked as strictly then as it must be now."""
        held = None if self._options.restart else self._positions.read(key)
        if held is None or (held.bad and not self._options.skip_bad):
            findings = self._examine(table)
            held = held or Position(0, 0, findings.rows, findings.bad)
            self._remember(key, held)
        elif held.rows:
            self._progress.note(
                f"Going on after row {held.rows:,} of {held.total:,}, where the last call stopped "
                "(--restart begins with the first row)."
            )
        return held

    def _examine(self, table: Table) -> Findings:
        findings = check(table, self._options, self._progress)
        if not findings.bad:
            return findings
        told = (
            f"{findings.bad:,} of {findings.rows:,} rows of {self._options.file} are no labels:\n{findings.describe()}"
        )
        if not self._options.skip_bad:
            raise LabelsError(f"{told}\nNothing was sent. Correct the file, or leave these rows out with --skip-bad.")
        self._progress.note(f"{told}\nThey are left out.")
        return findings

    def _send(self, table: Table, position: Position, receiver: Receiver) -> Iterator[Position]:
        """Send the rows after a position; gives the new position after every chunk that was accepted."""
        first, total = position.rows, max(position.total, 1)
        self._progress.begin("Sending", first / total)
        rows = table.rows(first)
        done, sent = first, position.sent
        while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
            sent += sum(self._hand_over(row, table, receiver) for row in chunk)
            self._deliver(receiver, done)
            done += len(chunk)
            yield Position(done, sent, max(position.total, done), position.bad)
            self._progress.update(done - first, done / max(total, done))

    def _hand_over(self, row: Row, table: Table, receiver: Receiver) -> bool:
        try:
            receiver.record(read_label(row, self._options, typed=table.typed))
        except BadRowError as error:
            if not self._options.skip_bad:  # it was good when it was checked
                raise LabelsError(
                    f"{self._options.file} changed while it was loaded. Now {row.place}: {error}"
                ) from None
            return False
        return True

    def _deliver(self, receiver: Receiver, done: int) -> None:
        began, waited = self._clock(), 0.0
        limit = self._options.give_up_seconds
        while not receiver.flush(min(_LOOK_SECONDS, limit - waited)):
            waited = self._clock() - began
            reason = f" ({receiver.reason})" if receiver.reason else ""
            if waited >= limit:
                raise NotDeliveredError(
                    f"{self._endpoint} accepted nothing for {waited:.0f} s{reason}. {done:,} rows are done and "
                    "remembered. Is the Collector running there? OTEL_EXPORTER_OTLP_ENDPOINT names it. "
                    "The same command goes on from here."
                )
            self._progress.note(
                f"{self._endpoint} has not accepted the last rows for {waited:.0f} s; trying again until "
                f"{limit:.0f} s{reason}."
            )

    def _remember(self, key: str, position: Position) -> None:
        if self._forgetful:
            return
        try:
            self._positions.write(key, position, self._options.file)
        except OSError as error:
            self._forgetful = True
            self._progress.note(
                f"The position can't be remembered in {self._positions.path(key)}: {error.strerror}. Loading goes on; "
                "if it is interrupted, the next call begins with the first row, which changes nothing that is stored. "
                "XDG_STATE_HOME names another folder."
            )

    def _require_unchanged(self, before: os.stat_result) -> None:
        now = self._options.file.stat()
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise LabelsError(f"{self._options.file} changed while it was loaded. Load it again to have all of it.")
