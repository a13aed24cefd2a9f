"""Who is told what and when: groups, their waits, silences, inhibition and acknowledgements, from state to outbox."""

import pytest
import sqlalchemy as sa

from services.monitoring_api.alerting.incident import incident_of
from services.monitoring_api.alerting.models import Cause
from services.monitoring_api.notify.acknowledgements import acknowledge
from services.monitoring_api.notify.grouping import standings
from services.monitoring_api.notify.silences import create_silence, expire_silence
from services.monitoring_api.notify.tables import groups, members
from tests.worker.grouped_alerts import LOG, START, GroupedAlerts

AT_ONCE = {"channels": ["log"], "group_wait": "0s", "group_interval": "0s"}


@pytest.fixture
def made():
    """Makers of alerts whose stores are closed in the end."""
    all_made = []

    def make(**file):
        all_made.append(GroupedAlerts(**file))
        return all_made[-1]

    yield make
    for one in all_made:
        one.engine.dispose()


def rows(alerts, table) -> int:
    """How many rows a table has."""
    with alerts.engine.begin() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()


def silence(alerts, *matchers, seconds=3600.0) -> str:
    """Silence what these match; return the silence's id."""
    with alerts.engine.begin() as connection:
        made = create_silence(
            connection, matchers, ends_at=alerts.now + seconds, author="ann", comment="deploying", now=alerts.now
        )
    return made.id


def test_a_group_waits_for_more_of_its_cause(made):
    """Alerts of one name within 30 seconds are one message; one of another name is another."""
    alerts = made()
    alerts.fire("A/1")
    assert alerts.told(10) == []
    alerts.fire("A/2")
    alerts.fire("B/1")
    assert alerts.told(15) == []
    assert alerts.told(5) == ["first: firing A/1, firing A/2"]
    assert alerts.told(10) == ["first: firing B/1"]


def test_what_ends_before_it_is_told_is_not_told(made):
    """Neither its firing nor its end, and no trace of its group stays."""
    alerts = made()
    alerts.fire("A/1")
    assert alerts.told(20) == []
    alerts.end("A/1")
    assert alerts.told(4000) == []
    assert (rows(alerts, groups), rows(alerts, members)) == (0, 0)


def test_news_keeps_the_interval_and_the_end_is_told(made):
    """A third alert is told five minutes after the first message, with those that are known; so are the ends."""
    alerts = made()
    alerts.fire("A/1", "A/2")
    (first,) = alerts.pass_time(30)
    alerts.fire("A/3")
    assert alerts.told(295) == []
    (changed,) = alerts.pass_time(5)
    assert [one.headline for one in changed.alerts] == ["A/3", "A/1", "A/2"], "the news first"
    assert changed.reason == "changed"
    alerts.end("A/1", "A/3")
    assert alerts.told(299) == []
    (partly,) = alerts.pass_time(1)
    assert [(one.status, one.headline) for one in partly.alerts] == [
        ("firing", "A/2"), ("resolved", "A/1"), ("resolved", "A/3"),
    ]  # fmt: skip
    assert (partly.status, partly.reason) == ("firing", "changed")
    alerts.end("A/2")
    (last,) = alerts.pass_time(300)
    assert (last.status, last.reason, [one.headline for one in last.alerts]) == ("resolved", "resolved", ["A/2"])
    messages = [first, changed, partly, last]
    assert len({one.incident for one in messages}) == 1, "one conversation"
    assert len({one.group_key for one in messages}) == 1
    assert len({one.idempotency_key for one in messages}) == 4
    assert (rows(alerts, groups), rows(alerts, members)) == (0, 0)
    alerts.fire("A/1")
    (again,) = alerts.pass_time(30)
    assert again.incident != first.incident


def test_the_message_says_what_is_true_when_it_is_written(made):
    """The figure is the newest one, not that of 30 seconds ago."""
    alerts = made()
    alerts.fire("A/1", value=1.0)
    alerts.flush()
    alerts.now += 20
    alerts.look(**{"A/1": 7.0})
    (message,) = alerts.pass_time(10)
    assert message.alerts[0].value == 7.0


def test_a_firing_group_is_repeated_every_four_hours(made):
    """Not while the last message has not arrived; then with the next look."""
    alerts = made()
    alerts.fire("A/1")
    assert alerts.told(30) == ["first: firing A/1"]
    assert alerts.told(5 * 3600) == []
    alerts.delivered()
    assert alerts.told(15) == ["repeat: firing A/1"]
    alerts.delivered()
    assert alerts.told(4 * 3600 - 5) == []
    assert alerts.told(5) == ["repeat: firing A/1"]


def test_nobody_is_reminded_of_what_somebody_has_taken_on(made):
    """Until it ends: its end is told, and so is another alert of the group, and the next firing is as any other."""
    alerts = made(routes=[{**AT_ONCE, "repeat_interval": "1m"}])
    alerts.fire("A/1")
    assert alerts.told() == ["first: firing A/1"]
    alerts.delivered()
    with alerts.engine.begin() as connection:
        alert = alerts.alerts["A/1"]
        acknowledge(
            connection, incident=incident_of(alert), fingerprint=alert.fingerprint, author="ann", now=alerts.now
        )
    assert alerts.told(600) == []
    alerts.fire("A/2")
    assert alerts.told() == ["changed: firing A/2, firing A/1"]
    alerts.end("A/2")
    alerts.flush()
    alerts.delivered()
    assert alerts.told(600) == []
    alerts.end("A/1")
    assert alerts.told() == ["resolved: resolved A/1"]
    alerts.fire("A/1")
    assert alerts.told() == ["first: firing A/1"]
    alerts.delivered()
    assert alerts.told(60) == ["repeat: firing A/1"]


def test_a_receiver_that_forgets_is_reminded_all_the_same(made):
    """An Alertmanager takes an alert for ended that it does not hear of again; it silences by itself."""
    channel = {"name": "log", "type": "alertmanager", "url": "http://127.0.0.1:9093", "allow_private": True}
    alerts = made(channels=[channel], routes=[{**AT_ONCE, "repeat_interval": "1m"}])
    alerts.fire("A/1")
    alerts.flush()
    alerts.delivered()
    silence(alerts, "alertname=A")
    assert alerts.told(60) == ["repeat: firing A/1"]


def test_a_silence_holds_back_and_its_end_lets_through(made):
    """What fires on is told within 15 seconds after it; what ended meanwhile never; the rest of the group at once."""
    alerts = made(routes=[AT_ONCE])
    made_id = silence(alerts, "instance=~A/[12]")
    alerts.fire("A/1", "A/2", "A/3")
    assert alerts.told(60) == ["first: firing A/3"]
    with alerts.engine.begin() as connection:
        (one,) = standings(connection, [alerts.alerts["A/1"].fingerprint])
    assert (one.told, one.muted_by.partition(", ")[0]) == (None, f"silence {made_id} of ann")
    alerts.end("A/2")
    assert alerts.told(60) == []
    with alerts.engine.begin() as connection:
        expire_silence(connection, made_id, by="ann", now=alerts.now)
    assert alerts.told(15) == ["changed: firing A/1, firing A/3"]


def test_a_silence_that_runs_out_lets_through(made):
    """By the clock alone."""
    alerts = made(routes=[AT_ONCE])
    silence(alerts, "alertname=A", seconds=600)
    alerts.fire("A/1")
    assert alerts.told(595) == []
    assert alerts.told(20) == ["first: firing A/1"]


def test_the_end_of_what_was_told_is_told_in_a_silence(made):
    """A silence stops firsts and reminders, and leaves nobody with an alert that is over."""
    alerts = made(routes=[{**AT_ONCE, "repeat_interval": "1m"}])
    alerts.fire("A/1")
    alerts.flush()
    alerts.delivered()
    silence(alerts, "alertname=A")
    assert alerts.told(600) == []
    alerts.end("A/1")
    assert alerts.told() == ["resolved: resolved A/1"]


def test_an_alert_holds_back_what_follows_from_it(made):
    """While it fires; what still fires when it has ended is told then."""
    rule = {"source": ["alertname=Down"], "target": ["alertname!=Down"], "equal": ["zone"]}
    alerts = made(routes=[AT_ONCE], inhibit=[rule])
    alerts.fire("Down", zone="a")
    alerts.fire("Slow/1", zone="a")
    alerts.fire("Slow/2", zone="b")
    assert alerts.told(60) == ["first: firing Down", "first: firing Slow/2"]
    alerts.end("Down")
    assert alerts.told(15) == ["resolved: resolved Down", "changed: firing Slow/1, firing Slow/2"]


def test_a_data_source_that_is_down_is_one_alert(made):
    """What says `no data` or `error` meanwhile is held back, what was seen to be bad is told."""
    alerts = made(routes=[{**AT_ONCE, "group_by": ["..."]}])
    alerts.fire("DatasourceDown")
    alerts.fire("A/1", "A/2", cause=Cause.NO_DATA)
    alerts.fire("A/3", cause=Cause.ERROR)
    alerts.fire("B/1")
    assert sorted(alerts.told(3600)) == ["first: firing B/1", "first: firing DatasourceDown"]
    alerts.end("A/1", "A/2", "A/3", "DatasourceDown")
    assert alerts.told(60) == ["resolved: resolved DatasourceDown"]


def test_an_end_and_the_next_firing_come_together(made):
    """Within one interval: the end of the one before the other, so that a receiver that reads in order ends right."""
    alerts = made()
    alerts.fire("A/1")
    alerts.pass_time(30)
    alerts.now += 10
    alerts.end("A/1")
    alerts.flush()
    alerts.now += 10
    alerts.fire("A/1")
    (message,) = alerts.pass_time(300)
    assert [str(one.status) for one in message.alerts] == ["resolved", "firing"]
    assert message.status == "firing"
    assert message.alerts[0].incident != message.alerts[1].incident


def test_each_of_very_many_is_told_once(made):
    """A message holds 200 alerts: the news of 450 are three of them, and so are their ends."""
    alerts = made(routes=[AT_ONCE])
    names = [f"A/{i}" for i in range(450)]
    alerts.fire(*names)
    messages = alerts.flush()
    assert [one.reason for one in messages] == ["first", "changed", "changed"]
    assert [len(one.alerts) for one in messages] == [200, 200, 50]
    assert sorted(part.headline for one in messages for part in one.alerts) == sorted(names)
    alerts.fire("A/new")
    (more,) = alerts.flush()
    assert (len(more.alerts), more.omitted) == (200, 251)
    assert "A/new" in {part.headline for part in more.alerts}
    alerts.end(*names, "A/new")
    messages = alerts.flush()
    assert [(one.reason, str(one.status)) for one in messages] == [
        ("changed", "firing"), ("changed", "firing"), ("resolved", "resolved"),
    ]  # fmt: skip
    assert len({part.headline for one in messages for part in one.alerts}) == 451


def test_what_was_told_stays_in_its_conversation(made):
    """Also when its route changes to other groups; a channel that is led to no more hears the end, and nothing else."""
    two = [*LOG, {"name": "other", "type": "log"}]
    alerts = made(routes=[{**AT_ONCE, "repeat_interval": "1m"}], channels=two)
    alerts.fire("A/1")
    (first,) = alerts.flush()
    alerts.configure(routes=[{**AT_ONCE, "group_by": ["instance"], "repeat_interval": "1m"}], channels=two)
    alerts.look()
    assert alerts.told(30) == []
    alerts.configure(routes=[{**AT_ONCE, "channels": ["other"], "repeat_interval": "1m"}], channels=two)
    alerts.look()
    (moved,) = alerts.flush()
    assert (moved.channel, moved.reason) == ("other", "first")
    alerts.delivered()
    assert [one.channel for one in alerts.pass_time(60)] == ["other"]
    alerts.end("A/1")
    ends = {one.channel: one for one in alerts.flush()}
    assert {channel: str(one.status) for channel, one in ends.items()} == {"log": "resolved", "other": "resolved"}
    assert ends["log"].incident == first.incident


def test_what_waits_follows_its_route(made):
    """An alert that nobody was told of yet goes where routes lead now."""
    two = [*LOG, {"name": "other", "type": "log"}]
    alerts = made(channels=two, routes=[{"channels": ["log"]}])
    alerts.fire("A/1")
    alerts.told(10)
    alerts.configure(channels=two, routes=[{"channels": ["other"], "group_wait": "5s"}])
    alerts.look()
    assert [one.channel for one in alerts.pass_time(600)] == ["other"]


def test_another_wait_takes_effect_at_once(made):
    """A route's new patience holds for what waits already."""
    alerts = made(routes=[{"channels": ["log"], "group_wait": "1h"}])
    alerts.fire("A/1")
    alerts.told(60)
    alerts.configure(routes=[{"channels": ["log"], "group_wait": "2m"}])
    alerts.look()
    assert alerts.told(55) == []
    assert alerts.told(5) == ["first: firing A/1"]


def test_a_channel_that_wants_no_ends_hears_none(made):
    """Its group closes in silence, and the next firing is a first again."""
    alerts = made(channels=[{"name": "log", "type": "log", "send_resolved": False}], routes=[AT_ONCE])
    alerts.fire("A/1")
    alerts.flush()
    alerts.end("A/1")
    assert alerts.told(600) == []
    assert rows(alerts, groups) == 0
    alerts.fire("A/1")
    assert alerts.told() == ["first: firing A/1"]


def test_while_no_file_can_be_read_nothing_is_decided_or_forgotten(made):
    """An end that comes then is told when the file is read again."""
    alerts = made(routes=[AT_ONCE])
    alerts.fire("A/1")
    alerts.flush()
    alerts.unreadable()
    alerts.end("A/1")
    alerts.fire("A/2")
    assert alerts.told(600) == []
    alerts.configure(routes=[AT_ONCE])
    assert alerts.told() == ["resolved: resolved A/1"]
    alerts.look()
    assert alerts.told() == ["first: firing A/2"]


def test_a_channel_that_comes_back_is_told_nothing_twice(made):
    """Taken out of the file for a while, it still knows what it knew; what ended meanwhile is forgotten."""
    alerts = made(routes=[AT_ONCE])
    alerts.fire("A/1", "A/2")
    alerts.flush()
    alerts.configure(channels=[{"name": "other", "type": "log"}], routes=[])
    alerts.look()
    alerts.end("A/2")
    assert alerts.told(60) == []
    alerts.configure(routes=[AT_ONCE])
    alerts.look()
    assert alerts.told(60) == []
    alerts.end("A/1")
    assert alerts.told() == ["resolved: resolved A/1"]


def test_a_flush_that_fails_is_made_again_with_the_same_keys(made, monkeypatch):
    """Messages and what was told are one transaction: after a failure the next flush writes the same message."""
    alerts = made(routes=[AT_ONCE])
    alerts.fire("A/1")
    seen = []

    def broken(connection, message):
        seen.append(message.idempotency_key)
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("services.monitoring_api.worker.flushing.enqueue", broken)
        with pytest.raises(OSError, match="disk full"):
            alerts.flush()
    (message,) = alerts.flush()
    assert seen == [message.idempotency_key]


def test_a_clock_set_back_holds_nothing(made):
    """What was due in an hour of a clock that was wrong is due by the one that is right."""
    alerts = made()
    alerts.now = START + 86_400
    alerts.fire("A/1")
    alerts.flush()
    alerts.now = START
    assert alerts.told() == ["first: firing A/1"]
    alerts.now = START - 86_400
    alerts.end("A/1")
    assert alerts.told() == ["resolved: resolved A/1"]


def test_a_storm_is_decided_in_parts(made):
    """Hundreds of groups are told in several transactions, each of them once."""
    alerts = made(routes=[{**AT_ONCE, "group_by": ["instance"]}])
    alerts.fire(*(f"A/{i}" for i in range(250)))
    messages = alerts.flush()
    assert len(messages) == 250
    assert len({one.idempotency_key for one in messages}) == 250
    alerts.look()
    assert alerts.flush() == []
