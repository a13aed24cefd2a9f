"""What is known at once of everything."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.api_client import ApiClient
from dashboard.api_errors import ApiError
from dashboard.overview_snapshot import Snapshot, take_snapshot
from dashboard.states.overview import OverviewState
from dashboard.time_range import TimeRange
from tests.dashboard.monitoring_api import FakeMonitoringApi


def snapshot() -> Snapshot:
    """One of which nothing was answered."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return Snapshot(now, {}, {}, ApiError("no"), ApiError("no"), now)


def test_what_is_made_of_a_snapshot_is_made_once_for_all() -> None:
    """By its name; another snapshot has its own, and what was made of one does not tell it from another."""
    made: list[str] = []

    def make(word: str) -> str:
        made.append(word)
        return word

    one = snapshot()
    assert [one.once(("chart", zone), lambda zone=zone: make(zone)) for zone in ("UTC", "UTC", "Asia/Kolkata")] == [  # type: ignore[misc]
        "UTC",
        "UTC",
        "Asia/Kolkata",
    ]
    assert made == ["UTC", "Asia/Kolkata"]
    assert snapshot().once(("chart", "UTC"), lambda: make("anew")) == "anew"


@pytest.mark.parametrize(("start", "asked_anew"), [("now-24h", [0, 60, 120]), ("now-1h", [*range(0, 121, 15)])])
def test_the_lines_of_a_day_are_asked_for_once_a_minute(
    client: ApiClient, api: FakeMonitoringApi, start: str, asked_anew: list[int]
) -> None:
    """One point of them is a quarter of an hour; those of an hour each time. The figures are of now at every look."""
    state, begin = OverviewState(period=TimeRange(start)), datetime.now(UTC)
    before, seen = None, []
    for passed in range(0, 121, 15):
        api.asked.clear()
        before = take_snapshot(client, state, begin + timedelta(seconds=passed), before, usual=15.0)
        paths = [path.rpartition("/")[2] for path, _ in api.asked]
        assert paths.count("current") == 8
        assert len(before.lines) == 9
        if "history" in paths:
            assert paths.count("history") == 9
            seen.append(passed)
    assert seen == asked_anew


def test_lines_that_are_not_known_are_asked_for_at_the_next_look(client: ApiClient, api: FakeMonitoringApi) -> None:
    """Nor is it known for a minute that there is nothing: whoever sends the first request sees it."""
    now, before = datetime.now(UTC), None
    for mode in ("store-down", "empty", "full"):
        api.mode = mode
        api.asked.clear()
        before = take_snapshot(client, OverviewState(), now, before, usual=15.0)
        assert any(path.endswith("/history") for path, _ in api.asked), mode
    assert before is not None
    assert before.ever
