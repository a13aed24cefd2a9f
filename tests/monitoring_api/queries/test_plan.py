"""Choosing what comes from the rollup and what from raw rows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.monitoring_api.queries.plan import plan, raw_only
from services.monitoring_api.queries.sources import REQUESTS
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

MINUTE = 60 * NANOSECONDS
QUARTER = 15 * MINUTE


def test_clean_whole_minutes_come_from_the_rollup():
    """A range of whole clean minutes needs no raw row."""
    chosen = plan(TimeRange(2 * MINUTE, 9 * MINUTE), [])
    assert (chosen.raw, chosen.rollup) == ((), (TimeRange(2 * MINUTE, 9 * MINUTE),))
    assert chosen.source(REQUESTS.rollup) == "rollup_1m"


def test_dirty_minutes_and_partial_edges_come_raw():
    """The parts of minutes at both ends, and dirty minutes, are read raw; neighbours are joined."""
    span = TimeRange(MINUTE // 2, 10 * MINUTE + 1)
    chosen = plan(span, [60 * 5, 60 * 6, 60 * 6, 60 * 100])
    assert chosen.raw == (
        TimeRange(MINUTE // 2, MINUTE),
        TimeRange(5 * MINUTE, 7 * MINUTE),
        TimeRange(10 * MINUTE, 10 * MINUTE + 1),
    )
    assert chosen.rollup == (TimeRange(MINUTE, 5 * MINUTE), TimeRange(7 * MINUTE, 10 * MINUTE))
    assert chosen.source(REQUESTS.rollup) == "mixed"


def test_a_range_within_a_minute_is_raw():
    """There is no whole minute to take."""
    span = TimeRange(MINUTE + 1, MINUTE + 2)
    assert plan(span, []) == raw_only(span)
    assert raw_only(span).source(REQUESTS.rollup) == "raw"


def test_a_quarter_with_a_dirty_minute_is_made_of_its_minutes():
    """Clean quarters are taken whole; of the others every clean minute."""
    span = TimeRange(0, 4 * QUARTER + MINUTE)
    chosen = plan(span, [60 * 20], [45 * 60], longer=True)
    assert chosen.raw == (TimeRange(20 * MINUTE, 21 * MINUTE),)
    assert chosen.longer == (TimeRange(0, QUARTER), TimeRange(2 * QUARTER, 3 * QUARTER))
    assert chosen.rollup == (
        TimeRange(QUARTER, 20 * MINUTE),
        TimeRange(21 * MINUTE, 2 * QUARTER),
        TimeRange(3 * QUARTER, 4 * QUARTER + MINUTE),
    )
    assert plan(TimeRange(0, 2 * QUARTER), [], [], longer=True).source(REQUESTS.rollup) == "rollup_15m"


@given(
    st.integers(0, 400 * MINUTE),
    st.integers(1, 400 * MINUTE),
    st.sets(st.integers(0, 900).map(lambda minute: minute * 60), max_size=300),
    st.sets(st.integers(0, 60).map(lambda quarter: quarter * 900), max_size=30),
    st.booleans(),
)
def test_the_pieces_make_up_the_range_exactly(start, length, dirty, dirty_quarters, quarters):
    """No moment is left out or taken twice, finished pieces are whole and clean, and statements stay short."""
    span = TimeRange(start, start + length)
    chosen = plan(span, dirty, dirty_quarters, longer=quarters)
    for piece in chosen.longer:
        assert quarters
        assert piece.start_ns % QUARTER == piece.end_ns % QUARTER == 0
        behind = {minute // 900 * 900 for minute in dirty} | dirty_quarters
        assert not any(piece.start_ns <= quarter * NANOSECONDS < piece.end_ns for quarter in behind)
    pieces = sorted((*chosen.raw, *chosen.rollup, *chosen.longer))
    assert pieces[0].start_ns == span.start_ns
    assert pieces[-1].end_ns == span.end_ns
    assert all(before.end_ns == after.start_ns for before, after in pairwise(pieces))
    assert len(pieces) <= (180 if quarters else 90)
    for piece in chosen.rollup:
        assert piece.start_ns % MINUTE == 0
        assert piece.end_ns % MINUTE == 0
        assert not any(piece.start_ns <= minute * NANOSECONDS < piece.end_ns for minute in dirty)
