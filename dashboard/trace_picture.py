"""A trace as the bars of its waterfall: what is shown of it, and what happened in it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.charts.units import figure
from dashboard.charts.waterfall import FOLD, Bar, Mark
from dashboard.critical_path import Segment, Timed, critical_path
from dashboard.plain_text import one_line
from dashboard.trace_answers import Span, Trace
from dashboard.trace_tree import Row, TraceTree, rows_in_short, rows_of_page

PREDICTION: Final = "ml.prediction"
_MOST_MARKS: Final = 20
_MOST_OF_PATH: Final = 40
_MOST_NOTED: Final = 10
_NAME: Final = 90
# Narrower stretches of a bar than this part of the picture cannot be told apart.
_FINEST: Final = 1 / 1_000


@dataclass(frozen=True)
class Picture:
    """What the waterfall shows.

    Attributes:
        bars: its rows.
        start: left end, in milliseconds after the trace's start.
        end: right end.
        shown: how many spans have a row of their own.
        folded: how many are folded into others.
        page: which page it is, of the spans within one.
        pages: how many there are.
        marks_left_out: how many events and logs found no room.
    """

    bars: Sequence[Bar]
    start: float
    end: float
    shown: int
    folded: int
    page: int = 1
    pages: int = 1
    marks_left_out: int = 0


def after_start(trace: Trace, span: Span) -> tuple[float, float]:
    """When a span began and ended, in milliseconds after its trace's start."""
    start = (span.start - trace.start).total_seconds() * 1000
    return start, start + span.duration_ms


def path_of(trace: Trace) -> list[Segment]:
    """The trace's critical path, in milliseconds after its start."""
    return critical_path(Timed(span.span_id, span.parent_span_id, *after_start(trace, span)) for span in trace.spans)


def picture_of(
    trace: Trace, tree: TraceTree, path: Sequence[Segment], *, chosen: str = "", inside: str = "", page: int = 1
) -> Picture:
    """The waterfall's rows.

    Args:
        trace: the trace.
        tree: its spans as a tree.
        path: its critical path.
        chosen: a span that has a row in any case.
        inside: show all spans within this one, by page; empty: the whole trace, in short where it is large.
        page: which page of them.
    """
    pages, start, end = 1, 0.0, trace.duration_ms
    if inside in tree.spans:
        rows, page, pages = rows_of_page(tree, inside, page)
        # The time of the page's own spans, else all of them would lie in a corner.
        times = [after_start(trace, row.span) for row in rows]
        start, end = min(low for low, _ in times), max(high for _, high in times)
    else:
        rows, page = rows_in_short(tree, _telling(trace, path, chosen)), 1
    drawing = _Drawing(trace, tree, path, max(end - start, 1e-9) * _FINEST)
    return Picture(
        [drawing.fold(row) if row.folded else drawing.bar(row) for row in rows],
        start,
        end,
        sum(not row.folded for row in rows),
        sum(len(row.folded) for row in rows),
        page,
        pages,
        sum(max(0, len(drawing.marks.get(row.span.span_id, ())) - _MOST_MARKS) for row in rows if not row.folded),
    )


def _telling(trace: Trace, path: Sequence[Segment], chosen: str) -> set[str]:
    """Spans that have a row before others: what is chosen, most of the critical path, and where something was noted."""
    parts: dict[str, float] = defaultdict(float)
    for segment in path:
        parts[segment.span_id] += segment.end - segment.start
    largest = sorted(parts, key=lambda span_id: -parts[span_id])[:_MOST_OF_PATH]
    predicted = sorted({log.span_id for log in trace.logs if log.event == PREDICTION and log.span_id})
    events = sorted(span.span_id for span in trace.spans if span.events)
    return {*largest, *[*predicted, *events][:_MOST_NOTED], *([chosen] if chosen else [])}


class _Drawing:
    """Makes bars of rows.

    Args:
        trace: the trace.
        tree: its spans as a tree.
        path: its critical path.
        least: the shortest stretch that can be seen, in milliseconds.
    """

    def __init__(self, trace: Trace, tree: TraceTree, path: Sequence[Segment], least: float) -> None:
        self._trace, self._tree, self._least = trace, tree, least
        self._critical: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for segment in path:
            self._critical[segment.span_id].append((segment.start, segment.end))
        self.marks = _marks(trace)

    def bar(self, row: Row) -> Bar:
        """Of one span."""
        span = row.span
        start, end = after_start(self._trace, span)
        children = [after_start(self._trace, child) for child in self._tree.children.get(span.span_id, ())]
        return Bar(
            key=span.span_id,
            text=one_line(f"{span.service} · {span.name}", _NAME),
            series=one_line(span.service, 60),
            start=start,
            end=end,
            depth=row.depth,
            own=_joined(_uncovered(start, end, children), self._least),
            critical=_joined(self._critical.get(span.span_id, ()), self._least),
            failed=span.failed,
            duration=figure(span.duration_ms, "ms"),
            self_time=figure(span.self_time_ms, "ms"),
            marks=self.marks.get(span.span_id, [])[:_MOST_MARKS],
        )

    def fold(self, row: Row) -> Bar:
        """Of several spans."""
        times = [after_start(self._trace, span) for span in row.folded]
        failed = sum(span.failed for span in row.folded)
        told = f", {failed:,} failed" if failed else ""
        on_path = sorted(stretch for span in row.folded for stretch in self._critical.get(span.span_id, ()))
        return Bar(
            key=f"{FOLD}{row.span.span_id}",
            text=f"▸ {len(row.folded):,} more spans{told}",
            series=one_line(row.folded[0].service, 60),
            start=min(start for start, _ in times),
            end=max(end for _, end in times),
            depth=row.depth,
            critical=_joined(on_path, self._least),
            failed=bool(failed),
            duration=figure(sum(span.duration_ms for span in row.folded), "ms") + " in all",
            self_time=figure(sum(span.self_time_ms for span in row.folded), "ms"),
        )


def _marks(trace: Trace) -> dict[str, list[Mark]]:
    """What happened in each span, by time: its events, its log records and its predictions; at its start, its links."""
    found: dict[str, list[Mark]] = defaultdict(list)
    for span in trace.spans:
        if span.links:
            others = f" and {len(span.links) - 1:,} more" if len(span.links) > 1 else ""
            told = one_line(f"to a span of trace {span.links[0].trace_id}{others}", 200)
            found[span.span_id].append(Mark("link", after_start(trace, span)[0], told))
        for event in span.events:
            at = (event.at - trace.start).total_seconds() * 1000
            said = event.attributes.get("exception.message") or event.attributes.get("message") or ""
            found[span.span_id].append(Mark("event", at, one_line(f"{event.name} {said}".strip(), 200)))
    for log in trace.logs:
        if not log.span_id:
            continue
        at = (log.timestamp - trace.start).total_seconds() * 1000
        if log.event == PREDICTION:
            label = log.attributes.get("ml.prediction.label", "")
            score = log.attributes.get("ml.prediction.score", "")
            found[log.span_id].append(Mark("prediction", at, one_line(f"{label} {score}".strip(), 200)))
        else:
            found[log.span_id].append(Mark("log", at, one_line(f"{log.severity} {log.body}".strip(), 200)))
    return {span_id: sorted(marks, key=lambda mark: mark.at) for span_id, marks in found.items()}


def _uncovered(start: float, end: float, covered: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The stretches of a span in which none of its children ran."""
    found = []
    at = start
    for low, high in sorted(covered):
        if low > at:
            found.append((at, min(low, end)))
        at = max(at, high)
        if at >= end:
            break
    if at < end:
        found.append((at, end))
    return found


def _joined(stretches: Sequence[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Stretches with those joined that lie closer than can be told apart."""
    found: list[tuple[float, float]] = []
    for low, high in stretches:
        if found and low - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found
