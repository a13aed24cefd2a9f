"""What is known at once of everything."""

from datetime import UTC, datetime

from dashboard.api_errors import ApiError
from dashboard.overview_snapshot import Snapshot


def snapshot() -> Snapshot:
    """One of which nothing was answered."""
    return Snapshot(datetime(2026, 3, 2, tzinfo=UTC), {}, {}, ApiError("no"), ApiError("no"))


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
