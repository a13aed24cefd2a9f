"""From events to stretches of time."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.alert_answers import Event
from dashboard.alert_spans import spans_of

START = datetime(2026, 11, 23, tzinfo=UTC)


def at(minute: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=minute)


def spans(*events: tuple[str, float], until: float = 60, now: float = 1_000) -> list[tuple[str, str, float, float]]:
    """(lane, state, first minute, last minute) of each stretch of the first hour."""
    made = [Event(id=number, kind=kind, at=at(minute)) for number, (kind, minute) in enumerate(events)]

    def minutes(moment: datetime) -> float:
        return (moment - START) / timedelta(minutes=1)

    found = spans_of(made[::-1], START, at(until), at(now))
    return [(span.lane, span.state, minutes(span.start), minutes(span.end)) for span in found]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([("pending", 5), ("fired", 10), ("resolved", 20)], [("pending", 5, 10), ("firing", 10, 20)]),
        ([("pending", 5), ("cancelled", 6)], [("pending", 5, 6)]),
        ([("fired", 50)], [("firing", 50, 60)]),
        # A rule that fires at once is pending for no time.
        ([("pending", 50), ("fired", 50)], [("firing", 50, 60)]),
        # What began before the range reaches into it, also when only its end is known.
        ([("fired", -30), ("resolved", 10)], [("firing", 0, 10)]),
        ([("resolved", 10)], [("firing", 0, 10)]),
        ([("fired", -30)], [("firing", 0, 60)]),
        # What lies outside of it is left out.
        ([("fired", -30), ("resolved", -10)], []),
        ([("fired", 70), ("resolved", 80)], []),
        ([("fired", 10), ("resolved", 20), ("fired", 30)], [("firing", 10, 20), ("firing", 30, 60)]),
        ([("fired", 10), ("unheard of", 15), ("resolved", 20)], [("firing", 10, 20)]),
    ],
)
def test_states_last_from_one_event_to_the_next(
    events: list[tuple[str, float]], expected: list[tuple[str, float, float]]
) -> None:
    """Within the range, in the order of time."""
    assert spans(*events) == [("state", *one) for one in expected]


def test_looks_that_fail_are_a_lane_of_their_own() -> None:
    """A failing look changes no state, so both are seen beside each other."""
    assert spans(("fired", 10), ("failing", 20), ("recovered", 30), ("resolved", 40)) == [
        ("state", "firing", 10, 40),
        ("looks", "failing", 20, 30),
    ]


def test_nothing_lasts_beyond_now() -> None:
    """Of a range that ends in the future only the past is known."""
    assert spans(("fired", 10), now=30) == [("state", "firing", 10, 30)]
