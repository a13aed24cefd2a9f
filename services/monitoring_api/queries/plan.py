"""Which part of a range comes from the rollup and which from raw rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Self

from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

MINUTE_SECONDS: Final = 60
_MINUTE_NS: Final = MINUTE_SECONDS * NANOSECONDS
# More pieces than this make a statement long; clean minutes between dirty ones are then read raw, which is as exact.
_MOST_PIECES: Final = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """A range in pieces that do not overlap and leave nothing out.

    Args:
        raw: Pieces to aggregate from deduplicated raw rows.
        rollup: Pieces, whole minutes all, to merge from finished minutes.
    """

    raw: tuple[TimeRange, ...]
    rollup: tuple[TimeRange, ...]

    @property
    def source(self) -> str:
        """What the answer says it comes from."""
        if not self.rollup:
            return "raw"
        return "mixed" if self.raw else "rollup_1m"

    def within(self, spans: Iterable[TimeRange]) -> Self:
        """What of it lies within these ranges, which do not overlap."""
        spans = list(spans)
        return replace(self, raw=_common(self.raw, spans), rollup=_common(self.rollup, spans))


def raw_only(span: TimeRange) -> Plan:
    """Read everything raw."""
    return Plan(raw=(span,), rollup=())


def plan(span: TimeRange, dirty_minutes: Iterable[int]) -> Plan:
    """Take finished minutes from the rollup, and raw where a minute is dirty or only partly asked for.

    Args:
        span: What is asked for.
        dirty_minutes: Starts, in epoch seconds, of the minutes whose rollup may be behind the raw rows.
    """
    first = -(-span.start_ns // _MINUTE_NS) * _MINUTE_NS
    last = span.end_ns // _MINUTE_NS * _MINUTE_NS
    if first >= last:
        return raw_only(span)
    raw = [TimeRange(span.start_ns, first), TimeRange(last, span.end_ns)]
    raw += [
        TimeRange(minute * NANOSECONDS, minute * NANOSECONDS + _MINUTE_NS)
        for minute in set(dirty_minutes)
        if first <= minute * NANOSECONDS < last
    ]
    pieces = _fewer(_joined(raw))
    return Plan(raw=tuple(pieces), rollup=tuple(_between(span, pieces)))


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
