"""Which part of a range comes from which rollup and which from raw rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Self

from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

MINUTE_SECONDS: Final = 60
QUARTER_SECONDS: Final = 900
_MINUTE_NS: Final = MINUTE_SECONDS * NANOSECONDS
_QUARTER_NS: Final = QUARTER_SECONDS * NANOSECONDS
# More pieces than this make a statement long; clean minutes between dirty ones are then read raw, which is as exact.
_MOST_PIECES: Final = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """A range in pieces that do not overlap and leave nothing out.

    Args:
        raw: Pieces to aggregate from deduplicated raw rows.
        rollup: Pieces, whole minutes all, to merge from finished minutes.
        quarters: Pieces, whole quarters of an hour all, to merge from finished quarters.
    """

    raw: tuple[TimeRange, ...]
    rollup: tuple[TimeRange, ...]
    quarters: tuple[TimeRange, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether everything comes from raw rows."""
        return not self.rollup and not self.quarters

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self.raw and self.is_exact

    def split(self, *, minutes: bool) -> tuple[Self, Self]:
        """The pieces whose buckets are finished, quarters and perhaps minutes; and all others."""
        finished = replace(self, raw=(), rollup=self.rollup if minutes else ())
        return finished, replace(self, rollup=() if minutes else self.rollup, quarters=())

    @property
    def source(self) -> str:
        """What the answer says it comes from."""
        names = [
            name
            for name, pieces in (("raw", self.raw), ("rollup_1m", self.rollup), ("rollup_15m", self.quarters))
            if pieces
        ]
        return names[0] if len(names) == 1 else "mixed"

    def within(self, spans: Iterable[TimeRange]) -> Self:
        """What of it lies within these ranges, which do not overlap."""
        spans = list(spans)
        return replace(
            self,
            raw=_common(self.raw, spans),
            rollup=_common(self.rollup, spans),
            quarters=_common(self.quarters, spans),
        )


def raw_only(span: TimeRange) -> Plan:
    """Read everything raw."""
    return Plan(raw=(span,), rollup=())


def plan(
    span: TimeRange, dirty_minutes: Iterable[int], dirty_quarters: Iterable[int] = (), *, quarters: bool = False
) -> Plan:
    """Take finished quarters and minutes from the rollups, and raw where a minute is dirty or only partly asked for.

    Args:
        span: What is asked for.
        dirty_minutes: Starts, in epoch seconds, of the minutes whose rollup may be behind the raw rows.
        dirty_quarters: Starts, in epoch seconds, of the quarters that may be behind their minutes.
        quarters: Whether quarters may be taken at all.
    """
    raw = _pieces(span, _MINUTE_NS, (minute * NANOSECONDS for minute in dirty_minutes))
    clean = _between(span, raw)
    if not quarters:
        return Plan(raw=tuple(raw), rollup=tuple(clean))
    dirty = [quarter * NANOSECONDS for quarter in dirty_quarters]
    dirty += [minute * NANOSECONDS // _QUARTER_NS * _QUARTER_NS for minute in dirty_minutes]
    minutes = _joined([*_pieces(span, _QUARTER_NS, dirty), *raw])
    return Plan(raw=tuple(raw), rollup=_common(clean, minutes), quarters=tuple(_between(span, minutes)))


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
