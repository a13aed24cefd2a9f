"""Snapshots that all who look share."""

from dataclasses import dataclass

import pytest

from dashboard.shared_snapshots import AT_ONCE_SECONDS, SharedSnapshots


@dataclass
class Taken:
    """What stands for a snapshot, with its number."""

    number: int
    failure: Exception | None = None


class Taking:
    """Takes them, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    def __call__(self, _before: Taken | None) -> Taken:
        """One more."""
        self.count += 1
        return Taken(self.count, RuntimeError("away") if self.fails else None)


@pytest.fixture
def clock() -> list[float]:
    """Seconds since the epoch, to be moved."""
    return [1_500.0]


@pytest.fixture
def shared(clock: list[float]) -> SharedSnapshots:
    """Snapshots with periods of 15 seconds."""
    return SharedSnapshots(15.0, lambda: clock[0])


def test_many_people_cost_no_more_than_one(clock: list[float]) -> None:
    """Each refreshes every 15 s, at a time of their own: in ten minutes as many are taken for twenty as for one."""
    counts = {}
    for people in (1, 20):
        shared, take = SharedSnapshots(15.0, lambda: clock[0]), Taking()
        for moment in sorted(1_500.2 + 15 * turn + 0.7 * one for turn in range(40) for one in range(people)):
            clock[0] = moment
            shared.current("all", take)  # type: ignore[arg-type]
        counts[people] = take.count
    assert counts == {1: 40, 20: 40}


def test_rights_and_ranges_do_not_mix(shared: SharedSnapshots) -> None:
    """Another key, another snapshot."""
    take = Taking()
    first = shared.current(("1h", "ann"), take)  # type: ignore[arg-type]
    assert shared.current(("1h", "bob"), take) is not first  # type: ignore[arg-type]
    assert shared.at_once(("6h", "ann")) is None
    assert shared.current(("1h", "ann"), take) is first  # type: ignore[arg-type]


def test_what_was_known_is_there_at_once_for_a_minute(clock: list[float], shared: SharedSnapshots) -> None:
    """It is not current after its period, and too old after a minute."""
    take = Taking()
    known = shared.current("all", take)  # type: ignore[arg-type]
    assert shared.is_current("all")
    clock[0] += 15
    assert not shared.is_current("all")
    assert shared.at_once("all") is known
    clock[0] = 1_500 + AT_ONCE_SECONDS + 1
    assert shared.at_once("all") is None
    assert shared.current("all", take) is not known  # type: ignore[arg-type]


def test_a_failed_one_is_taken_again_soon(clock: list[float], shared: SharedSnapshots) -> None:
    """Within two seconds nobody else asks in vain; it is never drawn at once; the next that does not fail is kept."""
    take = Taking()
    take.fails = True
    failed = shared.current("all", take)  # type: ignore[arg-type]
    clock[0] += 1
    assert shared.current("all", take) is failed  # type: ignore[arg-type]
    assert shared.at_once("all") is None
    take.fails = False
    clock[0] += 1.5
    assert shared.current("all", take).failure is None  # type: ignore[arg-type]
    assert take.count == 2
