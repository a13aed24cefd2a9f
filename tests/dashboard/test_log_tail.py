"""What a live tail holds."""

from datetime import UTC, datetime, timedelta

from dashboard.log_answers import LogRecord
from dashboard.log_tail import MOST_ROWS, LogTail
from dashboard.time_range import instant

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def row(seconds: float, name: str = "") -> LogRecord:
    """A record so many seconds after NOW."""
    return LogRecord(id=name or str(seconds), timestamp=NOW + timedelta(seconds=seconds))


def test_each_record_is_held_once_in_the_order_of_time() -> None:
    """What was asked for twice, and what came late, has its place."""
    tail = LogTail().with_more([row(3), row(1)]).with_more([row(2), row(3)])
    assert [each.id for each in tail.rows] == ["1", "2", "3"]
    assert not tail.more


def test_the_oldest_go() -> None:
    """However long one watches, the tail stays as long as it is; that it was cut is told."""
    tail = LogTail()
    for start in range(0, 1_000, 90):
        tail = tail.with_more([row(number) for number in range(start, start + 100)])
    assert len(tail.rows) == MOST_ROWS
    assert tail.rows[-1].id == "1089"
    assert tail.more


def test_only_what_may_be_newer_is_asked_for() -> None:
    """From a little before the newest, for records come late; at first, and after a long pause, the last minutes."""
    assert instant(LogTail().period(NOW).start, NOW) == NOW - timedelta(minutes=15)
    assert instant(LogTail((row(-5),)).period(NOW).start, NOW) == NOW - timedelta(seconds=25)
    assert instant(LogTail((row(-9_000),)).period(NOW).start, NOW) == NOW - timedelta(minutes=15)
