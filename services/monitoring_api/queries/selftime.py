"""How much of each span's time is its own and not its children's."""

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """A span's place in time and in its tree, in nanoseconds."""

    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int


def self_times(spans: Iterable[Interval]) -> dict[str, int]:
    """Nanoseconds of each span during which none of its children ran.

    Children that overlap count once, and only as far as they lie within their parent: a child that outlives its parent
    (fire and forget) takes nothing more from it.
    """
    spans = list(spans)
    children: dict[str, list[Interval]] = {}
    for span in spans:
        children.setdefault(span.parent_span_id, []).append(span)
    return {span.span_id: _own(span, children.get(span.span_id, [])) for span in spans}


def _own(span: Interval, children: list[Interval]) -> int:
    covered = 0
    reached = span.start_ns
    for child in sorted(children, key=lambda each: each.start_ns):
        start, end = max(child.start_ns, reached), min(child.end_ns, span.end_ns)
        if end > start:
            covered += end - start
            reached = end
    return span.end_ns - span.start_ns - covered
