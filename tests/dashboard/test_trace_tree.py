"""Which spans of a trace have a row, and that all can be reached."""

import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.trace_answers import Span, Trace
from dashboard.trace_picture import path_of, picture_of
from dashboard.trace_tree import MOST_ROWS, TraceTree, rows_in_short, rows_of_page
from tests.dashboard.tracing_api import LARGE_SPANS, large_trace, small_trace

T0 = datetime(2026, 11, 26, tzinfo=UTC)


def span(name: str, parent: str | None, *, own: float = 1, failed: bool = False) -> Span:
    """A span that begins at its name's hash, which orders it."""
    status = "Error" if failed else "Unset"
    return Span(span_id=name, parent_span_id=parent, start=T0, duration_ms=own, self_time_ms=own, status=status)


def test_a_small_trace_is_shown_whole() -> None:
    """Each span after its parent, with how deep it lies."""
    tree = TraceTree.of([span("b", "a"), span("a", None), span("c", "b"), span("d", "a")])
    assert [(row.span.span_id, row.depth) for row in rows_in_short(tree, ())] == [
        ("a", 0),
        ("b", 1),
        ("c", 2),
        ("d", 1),
    ]


def test_of_a_large_trace_what_tells_most_is_shown_and_the_rest_counted() -> None:
    """The failed and the slow have rows with what encloses them; every other span is in exactly one count."""
    trace = Trace.model_validate(large_trace())
    tree = TraceTree.of(trace.spans)
    picture = picture_of(trace, tree, path_of(trace))
    assert len(picture.bars) <= MOST_ROWS
    assert picture.shown + picture.folded == LARGE_SPANS
    texts = [bar.text for bar in picture.bars]
    assert "ml-api · slow one" in texts
    assert sum(bar.failed and not bar.key.startswith("fold:") for bar in picture.bars) == 1
    assert picture.bars[0].text == "ml-api · GET /report"
    critical = sum(end - start for bar in picture.bars for start, end in bar.critical)
    assert critical > 0.9 * trace.duration_ms


def test_what_is_chosen_has_a_row() -> None:
    """A link to any span of a large trace shows it."""
    trace = Trace.model_validate(large_trace())
    tree = TraceTree.of(trace.spans)
    chosen = trace.spans[3_333].span_id
    assert chosen in [bar.key for bar in picture_of(trace, tree, path_of(trace), chosen=chosen).bars]


def test_every_span_of_a_large_trace_can_be_paged_to() -> None:
    """The pages of the first span hold each span once; a page beyond the last is the last."""
    trace = Trace.model_validate(large_trace())
    tree = TraceTree.of(trace.spans)
    first = tree.first[0].span_id
    pages = rows_of_page(tree, first, 1)[2]
    seen = [row.span.span_id for page in range(1, pages + 1) for row in rows_of_page(tree, first, page)[0]]
    assert sorted(seen) == sorted(span.span_id for span in trace.spans)
    assert rows_of_page(tree, first, 10_000)[1] == pages


def test_a_large_picture_is_quick() -> None:
    """A trace of 5,000 spans, and one as deep as that, is laid out in less than a second and a half."""
    large = Trace.model_validate(large_trace())
    deep = large.model_copy(
        update={
            "spans": tuple(
                each.model_copy(update={"parent_span_id": f"{n:016x}" if n else None, "span_id": f"{n + 1:016x}"})
                for n, each in enumerate(large.spans)
            )
        }
    )
    for trace in (large, deep):
        began = time.process_time()
        tree = TraceTree.of(trace.spans)
        picture = picture_of(trace, tree, path_of(trace))
        assert time.process_time() - began < 6
        assert len(picture.bars) <= MOST_ROWS


def test_own_time_is_what_no_child_covers_and_marks_lie_in_their_span() -> None:
    """The small trace, by hand."""
    trace = Trace.model_validate(small_trace())
    root, lookup, model = picture_of(trace, TraceTree.of(trace.spans), path_of(trace)).bars
    assert [(round(low), round(high)) for low, high in root.own] == [(0, 10), (50, 60), (90, 100)]
    assert [(mark.kind, round(mark.at)) for mark in root.marks] == [("prediction", 95)]
    assert [(mark.kind, round(mark.at)) for mark in lookup.marks] == [("link", 10), ("event", 20), ("log", 30)]
    assert lookup.failed
    assert not model.marks


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 10), st.booleans()), max_size=300), st.integers(4, 60))
def test_there_are_never_more_rows_than_fit(drawn: list[tuple[int, float, bool]], most: int) -> None:
    """Whatever the shape, circles included: no more rows than asked, and each span in a row or in one count."""
    spans = [
        Span(
            span_id=str(n),
            parent_span_id=str(parent) if parent != n else None,
            start=T0 + timedelta(milliseconds=n),
            duration_ms=own,
            self_time_ms=own,
            status="Error" if failed else "",
        )
        for n, (parent, own, failed) in enumerate(drawn)
    ]
    tree = TraceTree.of(spans)
    assert sorted(span.span_id for span in tree.order) == sorted(span.span_id for span in spans)
    rows = rows_in_short(tree, (), most)
    assert len(rows) <= most
    shown = [row.span.span_id for row in rows if not row.folded]
    folded = [span.span_id for row in rows for span in row.folded]
    assert sorted(shown + folded) == sorted(span.span_id for span in spans)
