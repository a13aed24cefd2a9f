"""The critical path, by hand and by what must hold for every trace."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.critical_path import Segment, Timed, critical_path


def test_what_finished_last_is_what_was_waited_for() -> None:
    """Of two calls side by side the longer one is on the path; before and after them the caller's own time is."""
    spans = [
        Timed("root", None, 0, 100),
        Timed("short", "root", 10, 40),
        Timed("long", "root", 20, 80),
        Timed("inner", "long", 30, 70),
    ]
    assert critical_path(spans) == [
        Segment("root", 0, 20),
        Segment("long", 20, 30),
        Segment("inner", 30, 70),
        Segment("long", 70, 80),
        Segment("root", 80, 100),
    ]


def test_calls_one_after_the_other_are_all_on_the_path() -> None:
    """And so is the time between them, which is the caller's."""
    spans = [Timed("root", None, 0, 100), Timed("a", "root", 0, 40), Timed("b", "root", 50, 100)]
    assert critical_path(spans) == [Segment("a", 0, 40), Segment("root", 40, 50), Segment("b", 50, 100)]


def test_work_that_goes_on_after_the_answer_is_left_out() -> None:
    """A child counts within its parent's time only."""
    spans = [Timed("root", None, 0, 10), Timed("late", "root", 5, 500), Timed("never", "root", 20, 30)]
    assert critical_path(spans) == [Segment("root", 0, 5), Segment("late", 5, 10)]


def test_nothing_has_no_path() -> None:
    """Nor has a circle, which has no first span."""
    assert critical_path([]) == []
    assert critical_path([Timed("a", "b", 0, 1), Timed("b", "a", 0, 1)]) == []


def test_a_chain_of_any_depth_has_one() -> None:
    """Deeper than Python's calls go."""
    chain = [Timed(str(n), str(n - 1) if n else None, n, 20_000 - n) for n in range(5_000)]
    path = critical_path(chain)
    assert sum(segment.end - segment.start for segment in path) == 20_000


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(-20, 120), st.integers(0, 100)),
        max_size=30,
    )
)
def test_its_stretches_cover_the_first_span_once(drawn: list[tuple[int, int, int]]) -> None:
    """Whatever the clocks say, they follow each other without gap or overlap, each within its own span."""
    spans = [Timed("0", None, 0, 100)]
    spans += [Timed(str(n), str(parent % n), at, at + took) for n, (parent, at, took) in enumerate(drawn, start=1)]
    path = critical_path(spans)
    known = {span.span_id: span for span in spans}
    at = 0.0
    for segment in path:
        assert segment.start == at
        assert segment.end > segment.start
        assert known[segment.span_id].start <= segment.start
        assert segment.end <= known[segment.span_id].end
        at = segment.end
    assert at == 100
