"""State changes and the messages they cause: what is one transaction, and who is told what."""

import pytest
import sqlalchemy as sa

from services.monitoring_api.alerting import store
from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.alerting.evaluation import Change, advance, look, retire_all
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import AlertState, AlertStatus
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.alerting.store import read_alerts, write_changes
from services.monitoring_api.notify import outbox
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.outbox import mark_abandoned, mark_delivered, next_waiting
from services.monitoring_api.worker.flushing import Flusher
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.schema.upgrade import upgrade

RULE = Rule.model_validate(
    {"alert": "A", "metric": "error_ratio", "condition": "> 0.5", "labels": {"severity": "page"}}
)
(QUESTION,) = RULE.questions(0)
AT_ONCE = {"group_wait": "0s", "group_interval": "0s"}
CHANNELS = {"channels": [{"name": "a", "type": "log"}, {"name": "b", "type": "log"}]}
FILE = {**CHANNELS, "routes": [{"channels": ["a", "b"], **AT_ONCE}]}


class Bench:
    """A store, and looks at one rule."""

    def __init__(self, url) -> None:
        self.engine = open_store(url, writer=True)
        with self.engine.begin() as connection:
            upgrade(connection)
        self.file = FILE

    def look(self, value: float | str | None, now: float, *, deliver: bool = True) -> list[tuple[str, str]]:
        """Look once; return (channel, reason) of what was put into the outbox, and deliver it."""
        recorder = Recorder(NotificationFile.model_validate(self.file), "http://dashboard")
        with self.engine.begin() as connection:
            stored = {alert.fingerprint: alert for alert in read_alerts(connection)}
            answers = {QUESTION: value if isinstance(value, str) else [Reading({}, value, 10)]}
            looks = look(RULE, answers, [alert.labels for alert in stored.values()], now)
            recorder.record(connection, advance(RULE, 15, looks, stored, now), now)
        return self.sent(now, deliver=deliver)

    def sent(self, now: float, *, deliver: bool = True) -> list[tuple[str, str]]:
        """Decide about what is due; return what waits in the outbox then."""
        with self.engine.begin() as connection:
            Flusher(NotificationFile.model_validate(self.file), "http://dashboard").flush(connection, now)
            waiting = sa.select(outbox.notifications).where(outbox.notifications.c.delivered_at.is_(None))
            found = [
                (row.channel, row.reason) for row in connection.execute(waiting.order_by(outbox.notifications.c.id))
            ]
            for channel, _ in found if deliver else ():
                mark_delivered(connection, next_waiting(connection, channel).id, at=1.0, receipt="ok")
        return found


@pytest.fixture
def bench(store_url):
    """An empty store, on SQLite and on PostgreSQL."""
    bench = Bench(store_url)
    yield bench
    bench.engine.dispose()


def test_one_row_per_channel_for_each_change(bench):
    """First, nothing more while it fires, the end, and then a new incident."""
    assert bench.look(0.9, 100) == [("a", "first"), ("b", "first")]
    assert bench.look(0.9, 115) == []
    assert bench.look("down", 130) == []
    assert bench.look(0.1, 145) == [("a", "resolved"), ("b", "resolved")]
    assert bench.look(0.1, 160) == []
    assert bench.look(0.9, 175) == [("a", "first"), ("b", "first")]


def test_a_firing_alert_is_repeated(bench):
    """After repeat_interval, and not while the last message still waits."""
    bench.file = {**CHANNELS, "routes": [{"channels": ["a"], **AT_ONCE, "repeat_interval": "1m"}]}
    assert bench.look(0.9, 100, deliver=False) == [("a", "first")]
    assert bench.look(0.9, 160, deliver=False) == [("a", "first")], "no repeat: the first has not arrived"
    bench.sent(160)
    assert bench.look(0.9, 175) == [("a", "repeat")]
    assert bench.look(0.9, 190) == []
    assert bench.look(0.9, 236) == [("a", "repeat")]


def test_a_message_that_was_given_up_does_not_end_the_reminders(bench):
    """A channel that was broken for days hears of the alert again once it works."""
    bench.file = {**CHANNELS, "routes": [{"channels": ["a"], **AT_ONCE, "repeat_interval": "1m"}]}
    bench.look(0.9, 100, deliver=False)
    with bench.engine.begin() as connection:
        mark_abandoned(connection, next_waiting(connection, "a").id, at=130.0, error="550")
    assert ("a", "repeat") in bench.look(0.9, 175, deliver=False)


def test_who_was_told_of_a_firing_is_told_of_its_end(bench):
    """Also when the route has changed meanwhile; the new one is told of the firing."""
    bench.file = {**CHANNELS, "routes": [{"channels": ["a"], **AT_ONCE}]}
    assert bench.look(0.9, 100) == [("a", "first")]
    bench.file = {**CHANNELS, "routes": [{"channels": ["b"], **AT_ONCE}]}
    assert bench.look(0.9, 115) == [("b", "first")]
    assert bench.look(0.1, 130) == [("a", "resolved"), ("b", "resolved")]


def test_a_channel_that_is_gone_is_not_written_to(bench):
    """Its rows would wait for ever."""
    assert bench.look(0.9, 100) == [("a", "first"), ("b", "first")]
    bench.file = {"channels": [{"name": "b", "type": "log"}], "routes": [{"channels": ["b"], **AT_ONCE}]}
    assert bench.look(0.1, 115) == [("b", "resolved")]


def test_a_failure_in_between_undoes_both(bench, monkeypatch):
    """State and groups are written together or not at all, so the next look does both."""

    def broken(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("services.monitoring_api.worker.recording.join", broken)
        with pytest.raises(OSError, match="disk full"):
            bench.look(0.9, 100)
    with bench.engine.begin() as connection:
        assert read_alerts(connection) == []
    assert bench.look(0.9, 115) == [("a", "first"), ("b", "first")]


def test_a_removed_rule_is_told_as_such(bench):
    """The end carries its cause."""
    bench.look(0.9, 100)
    with bench.engine.begin() as connection:
        changes = retire_all(read_alerts(connection), 120.0)
        file = NotificationFile.model_validate(FILE)
        Recorder(file, "").record(connection, changes, 120.0)
        Flusher(file, "").flush(connection, 120.0)
        (alert,) = next_waiting(connection, "a").notification.alerts
        assert alert.cause == "rule_removed"


def test_states_survive_the_store_unchanged(bench):
    """What is read is what was written, field by field."""
    state = AlertState(AlertStatus.FIRING, quiet_since=1.25, unproven_seconds=3.5, seen_at=4.0, fired_at=0.1, error="é")
    with bench.engine.begin() as connection:
        for annotations in ({"a": "b"}, {}):
            (change,) = advance(RULE, 15, look(RULE, {QUESTION: [Reading({}, 0.9, 10)]}, [], 100.0), {}, 100.0)
            alert = type(change.alert)("f" * 16, "A", RULE.key, {"x": "y"}, annotations, state)
            write_changes(connection, [Change(alert, ())])
            assert read_alerts(connection, rule_keys=[RULE.key]) == [alert]


def test_the_schema_and_queries_are_postgresql_s_too():
    """Every table compiles for PostgreSQL with 64-bit identities."""
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    for table in (*store.metadata.sorted_tables, *outbox.metadata.sorted_tables):
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        if "id" in table.c and table.name != "silences":
            assert "id BIGSERIAL" in text
        assert " DOUBLE," not in text
