"""Which spans a trace's duration was spent in: the critical path.

The definition is CRISP's (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures",
USENIX ATC 2022), which Jaeger draws too: from a span's end backwards, the child that finished last is what the span
waited for; the time after that child is the span's own. The same is asked of that child, and then of the time before
it began. Children that ran beside the one waited for are not on the path, for nothing would have been sooner without
them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timed:
    """A span, as far as its place and time go; times in any one unit.

    Attributes:
        span_id: its id.
        parent_id: its parent's id; None or an unknown one for the first of a trace.
        start: when it began.
        end: when it ended.
    """

    span_id: str
    parent_id: str | None
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path: the time in which a span was what all waited for."""

    span_id: str
    start: float
    end: float


def critical_path(spans: Iterable[Timed]) -> list[Segment]:
    """The stretches of the critical path, by time; they follow each other without gap or overlap.

    A trace whose first spans are several has the path of the longest of them. What a child does outside its parent's
    time (clocks differ, and some work goes on after the answer) is left out.

    Args:
        spans: of one trace, each once.
    """
    known = {span.span_id: span for span in spans}
    children: Mapping[str, list[Timed]] = _children(known)
    first = [span for span in known.values() if span.parent_id is None or span.parent_id not in known]
    if not first:
        return []
    longest = max(first, key=lambda span: (span.end - span.start, -span.start))
    segments: list[Segment] = []
    # A stack instead of recursion: traces may be deeper than Python's calls. Each entry is a span and its time left.
    waiting = [(longest, longest.start, longest.end)]
    while waiting:
        span, start, end = waiting.pop()
        # From the last child back to the first; each is looked at before what came before it.
        parts: list[tuple[Timed, float, float]] = []
        until = end
        for child in _last_first(children.get(span.span_id, ()), start, end):
            child_start, child_end = max(child.start, start), min(child.end, end)
            if child_end > until:
                continue  # it ran beside the one that was waited for
            if until > child_end:
                segments.append(Segment(span.span_id, child_end, until))
            parts.append((child, child_start, child_end))
            until = child_start
        if until > start:
            segments.append(Segment(span.span_id, start, until))
        waiting.extend(parts)
    return sorted(segments, key=lambda segment: segment.start)


def _children(known: Mapping[str, Timed]) -> Mapping[str, list[Timed]]:
    children: dict[str, list[Timed]] = defaultdict(list)
    for span in known.values():
        if span.parent_id is not None and span.parent_id in known and span.parent_id != span.span_id:
            children[span.parent_id].append(span)
    return children


def _last_first(children: Sequence[Timed], start: float, end: float) -> list[Timed]:
    """Those with time within the parent's, the one that ended last first; of several the longest."""
    within = [child for child in children if child.start < end and child.end > start and child.end > child.start]
    return sorted(within, key=lambda child: (-min(child.end, end), max(child.start, start)))
