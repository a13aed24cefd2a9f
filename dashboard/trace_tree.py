"""A trace's spans as a tree, and which of them are shown when there are more than a screen holds."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dashboard.trace_answers import Span

MOST_ROWS: Final = 100
"""Rows of one picture: each is taller than a bar needs to be seen."""
# Of what encloses a span in a row so many have one too; further out they may be folded.
_ENCLOSING: Final = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the waterfall: a span, or several that are folded into one.

    Attributes:
        span: the span; of a fold their parent.
        depth: how many spans enclose it.
        folded: the spans that it stands for; empty for a span's own row.
    """

    span: Span
    depth: int
    folded: tuple[Span, ...] = ()


@dataclass(frozen=True)
class TraceTree:
    """The spans of a trace, each under its parent, by start.

    Attributes:
        spans: by id.
        children: of each span that has some.
        first: spans whose parent is not stored, and of circles one.
        order: every span, each after its parent.
        depths: how many spans enclose each.
    """

    spans: Mapping[str, Span]
    children: Mapping[str, Sequence[Span]]
    first: Sequence[Span]
    order: Sequence[Span] = field(default=())
    depths: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, spans: Sequence[Span]) -> "TraceTree":
        """Build the tree; what says that it is its own ancestor is a first span."""
        known = {span.span_id: span for span in sorted(spans, key=lambda span: span.start)}
        children: dict[str, list[Span]] = defaultdict(list)
        first: list[Span] = []
        for span in known.values():
            parent = span.parent_span_id
            (children[parent] if parent and parent in known and parent != span.span_id else first).append(span)
        order: list[Span] = []
        depths: dict[str, int] = {}
        for start in [*first, *known.values()]:
            if start.span_id in depths:
                continue
            if start not in first:
                first.append(start)
            waiting = [(start, 0)]
            while waiting:
                span, depth = waiting.pop()
                if span.span_id in depths:
                    continue
                depths[span.span_id] = depth
                order.append(span)
                waiting.extend((child, depth + 1) for child in reversed(children.get(span.span_id, ())))
        return cls(known, children, first, order, depths)

    def inside(self, span_id: str) -> list[Span]:
        """A span and all within it, each after its parent."""
        at = next((place for place, span in enumerate(self.order) if span.span_id == span_id), None)
        if at is None:
            return []
        depth = self.depths[span_id]
        end = at + 1
        while end < len(self.order) and self.depths[self.order[end].span_id] > depth:
            end += 1
        return list(self.order[at:end])

    def enclosing(self, span_id: str, most: int = 1_000) -> list[str]:
        """The spans that enclose a span, the nearest first, so many at most."""
        found: list[str] = []
        span = self.spans.get(span_id)
        while span is not None and self.depths[span.span_id] > 0 and span.parent_span_id and len(found) < most:
            found.append(span.parent_span_id)
            span = self.spans.get(span.parent_span_id)
        return found


def rows_in_short(tree: TraceTree, telling: Collection[str], most: int = MOST_ROWS) -> list[Row]:
    """Rows of a whole trace, no more than a picture holds.

    Of a large trace those spans have a row that tell most: the first, those named, those that failed, then those with
    most time of their own; with them the spans that enclose these. The others are folded, by parent, into a row that
    says how many they are.

    Args:
        tree: the trace.
        telling: ids that go before all others, such as the critical path and what is chosen.
        most: how many rows.
    """
    if len(tree.order) <= most:
        return [Row(span, tree.depths[span.span_id]) for span in tree.order]
    kept = _kept(tree, telling, most)
    folded: dict[str, list[Span]] = defaultdict(list)
    # Of each span the nearest around it that has a row; a parent comes before its children.
    nearest: dict[str, str] = {}
    for span in tree.order:
        parent = span.parent_span_id or "" if tree.depths[span.span_id] else ""
        nearest[span.span_id] = parent if parent in kept else nearest.get(parent, "")
        if span.span_id not in kept:
            folded[nearest[span.span_id]].append(span)
    rows: list[Row] = []
    for span in tree.order:
        if span.span_id not in kept:
            continue
        depth = tree.depths[span.span_id]
        rows.append(Row(span, depth))
        if span.span_id in folded:
            rows.append(Row(span, depth + 1, tuple(folded[span.span_id])))
    if loose := folded.get(""):
        rows.append(Row(loose[0], 0, tuple(loose)))
    return rows


def rows_of_page(tree: TraceTree, inside: str, page: int, most: int = MOST_ROWS) -> tuple[list[Row], int, int]:
    """All spans within one, a page of them.

    Returns:
        The rows, the page (the last one where there are not so many), and how many pages there are.
    """
    spans = tree.inside(inside)
    pages = max(1, -(-len(spans) // most))
    page = min(max(1, page), pages)
    base = tree.depths.get(inside, 0)
    part = spans[(page - 1) * most : page * most]
    return [Row(span, tree.depths[span.span_id] - base) for span in part], page, pages


def _kept(tree: TraceTree, telling: Collection[str], most: int) -> set[str]:
    """The ids of the spans that have a row of their own."""
    kept: set[str] = set()
    folds: set[str] = set()
    total = {span_id: len(children) for span_id, children in tree.children.items()}

    def rank(span: Span) -> tuple[bool, bool, bool, float]:
        return (
            tree.depths[span.span_id] > 0,
            span.span_id not in telling,
            not span.failed,
            -span.self_time_ms,
        )

    for span in sorted(tree.order, key=rank):
        if span.span_id in kept:
            continue
        wanted = {span.span_id, *tree.enclosing(span.span_id, _ENCLOSING)} - kept
        # Whoever is kept and has children may need a row for those that are not.
        more = {each for each in wanted if total.get(each)}
        if len(kept) + len(wanted) + len(folds | more) + 1 > most:
            if len(kept) + len(folds) + 2 >= most:
                break
            continue
        kept |= wanted
        folds |= more
    return kept
