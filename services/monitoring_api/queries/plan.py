"""Which part of a range comes from which rollup and which from rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Self

from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

MINUTE_SECONDS: Final = 60
QUARTER_SECONDS: Final = 900
# More pieces than this make a statement long; clean buckets between dirty ones are then read raw, which is as exact.
_MOST_PIECES: Final = 40
# What answers call the rollup of a bucket's length.
_NAMES: Final = {MINUTE_SECONDS: "rollup_1m", QUARTER_SECONDS: "rollup_15m", 86_400: "rollup_1d"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A range in pieces that do not overlap and leave nothing out.

    Args:
        raw: Pieces to aggregate from deduplicated raw rows.
        rollup: Pieces, whole buckets of the rollup all, to merge from these.
        longer: Pieces, whole longer buckets all, to merge from those.
        prepared: Pieces, whole buckets all, to aggregate from rows that are prepared.
    """

    raw: tuple[TimeRange, ...]
    rollup: tuple[TimeRange, ...]
    longer: tuple[TimeRange, ...] = ()
    prepared: tuple[TimeRange, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether everything comes from rows."""
        return not self.rollup and not self.longer

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self.raw and not self.prepared and self.is_exact

    def split(self, *, buckets: bool) -> tuple[Self, Self]:
        """The pieces whose buckets are finished, longer ones and perhaps the others; and all else."""
        finished = replace(self, raw=(), prepared=(), rollup=self.rollup if buckets else ())
        return finished, replace(self, rollup=() if buckets else self.rollup, longer=())

    def from_rows(self) -> Self:
        """The same with rows that are prepared in place of the rollup's buckets; longer ones stay."""
        return replace(self, rollup=(), prepared=self.rollup)

    def of_rows_only(self) -> Self:
        """The same with prepared rows in place of all buckets."""
        pieces = _joined([*self.prepared, *self.rollup, *self.longer])
        return replace(self, rollup=(), longer=(), prepared=tuple(pieces))

    def source(self, rollup: Rollup | None) -> str:
        """What the answer says it comes from.

        Args:
            rollup: That of what is asked for.
        """
        fine = "" if rollup is None else _NAMES[rollup.seconds]
        longer = "" if rollup is None else _NAMES[rollup.longer_seconds]
        pieces = (("raw", self.raw), ("joined", self.prepared), (fine, self.rollup), (longer, self.longer))
        names = [name for name, each in pieces if each]
        return names[0] if len(names) == 1 else "mixed"

    def within(self, spans: Iterable[TimeRange]) -> Self:
        """What of it lies within these ranges, which do not overlap."""
        spans = list(spans)
        return replace(
            self,
            raw=_common(self.raw, spans),
            rollup=_common(self.rollup, spans),
            longer=_common(self.longer, spans),
            prepared=_common(self.prepared, spans),
        )


def raw_only(span: TimeRange) -> Plan:
    """Read everything raw."""
    return Plan(raw=(span,), rollup=())


def plan(
    span: TimeRange,
    dirty: Iterable[int],
    dirty_longer: Iterable[int] = (),
    *,
    longer: bool = False,
    seconds: int = MINUTE_SECONDS,
    longer_seconds: int = QUARTER_SECONDS,
) -> Plan:
    """Take finished buckets, the longest there are, and raw rows where one is dirty or only partly asked for.

    Args:
        span: What is asked for.
        dirty: Starts, in epoch seconds, of the buckets whose rollup may be behind the raw rows.
        dirty_longer: Starts, in epoch seconds, of the longer ones that may be behind theirs.
        longer: Whether longer ones may be taken at all.
        seconds: How long a bucket is.
        longer_seconds: How long a longer one is, a multiple of that.
    """
    unit, longer_unit = seconds * NANOSECONDS, longer_seconds * NANOSECONDS
    raw = _pieces(span, unit, (start * NANOSECONDS for start in dirty))
    clean = _between(span, raw)
    if not longer:
        return Plan(raw=tuple(raw), rollup=tuple(clean))
    behind = [start * NANOSECONDS for start in dirty_longer]
    behind += [start * NANOSECONDS // longer_unit * longer_unit for start in dirty]
    buckets = _joined([*_pieces(span, longer_unit, behind), *raw])
    return Plan(raw=tuple(raw), rollup=_common(clean, buckets), longer=tuple(_between(span, buckets)))


def _pieces(span: TimeRange, unit_ns: int, dirty: Iterable[int]) -> list[TimeRange]:
    """What of a range is no whole clean unit: its cut ends and the dirty units (starts in nanoseconds)."""
    first = -(-span.start_ns // unit_ns) * unit_ns
    last = span.end_ns // unit_ns * unit_ns
    if first >= last:
        return [span]
    pieces = [TimeRange(span.start_ns, first), TimeRange(last, span.end_ns)]
    pieces += [TimeRange(start, start + unit_ns) for start in set(dirty) if first <= start < last]
    return _fewer(_joined(pieces))


def _common(pieces: Iterable[TimeRange], spans: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    both = (
        TimeRange(max(piece.start_ns, span.start_ns), min(piece.end_ns, span.end_ns))
        for piece in pieces
        for span in spans
    )
    return tuple(sorted(piece for piece in both if piece.start_ns < piece.end_ns))


def _joined(pieces: Iterable[TimeRange]) -> list[TimeRange]:
    joined: list[TimeRange] = []
    for piece in sorted(piece for piece in pieces if piece.start_ns < piece.end_ns):
        if joined and joined[-1].end_ns >= piece.start_ns:
            joined[-1] = TimeRange(joined[-1].start_ns, max(joined[-1].end_ns, piece.end_ns))
        else:
            joined.append(piece)
    return joined


def _fewer(pieces: list[TimeRange]) -> list[TimeRange]:
    if len(pieces) <= _MOST_PIECES:
        return pieces
    gaps = sorted(after.start_ns - before.end_ns for before, after in pairwise(pieces))
    bridged = gaps[len(pieces) - _MOST_PIECES - 1]
    fewer = pieces[:1]
    for piece in pieces[1:]:
        if piece.start_ns - fewer[-1].end_ns <= bridged:
            fewer[-1] = TimeRange(fewer[-1].start_ns, piece.end_ns)
        else:
            fewer.append(piece)
    return fewer


def _between(span: TimeRange, pieces: list[TimeRange]) -> list[TimeRange]:
    edges = [span.start_ns, *(edge for piece in pieces for edge in (piece.start_ns, piece.end_ns)), span.end_ns]
    return [TimeRange(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
