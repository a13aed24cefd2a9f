"""`sightglass routes|silences|alerts|notifications` on a worker's store."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.outbox import mark_abandoned, notifications
from services.monitoring_api.worker.flushing import Flusher
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.store import Store
from services.monitoring_api.worker.verbs import commands
from services.web.access.audit import local_actor
from tests.worker.grouped_alerts import START, change_of

FILE = """
channels:
  - {name: mail, type: log}
  - {name: pager, type: log}
routes:
  - {match: {severity: page}, matchers: ["team!=x"], channels: [pager], continue: true, group_wait: 10s}
  - {matchers: ["severity=~page|ticket"], channels: [mail, pager], group_by: [team]}
  - {channels: [mail]}
inhibit:
  - {source: [alertname=Down], target: ["severity=~page|ticket"], equal: [zone]}
"""


@pytest.fixture
def folder(tmp_path):
    """A data folder with a store, in which one alert fires and was told of."""
    (tmp_path / "worker").mkdir()
    (tmp_path / "notifications.yaml").write_text(FILE)
    url = f"sqlite:///{tmp_path / 'worker' / 'alerts.sqlite'}"
    store = Store(url)
    store.create()
    store.close()
    file = NotificationFile.model_validate(
        {"channels": [{"name": "mail", "type": "log"}], "routes": [{"channels": ["mail"], "group_wait": "0s"}]}
    )
    engine = open_store(url, writer=True)
    with engine.begin() as connection:
        Recorder(file, "").record(connection, [change_of("A/1", START)], START)
        Flusher(file, "").flush(connection, START)
    engine.dispose()
    return tmp_path


def run(folder, verb, *arguments):
    """Run a verb on this folder; return the exit code, what it printed and what it complained of."""
    environment = {
        "SIGHTGLASS_DATA_DIR": str(folder),
        "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(folder / "notifications.yaml"),
    }
    command = next(one for one in commands if one.name == verb)
    result = CliRunner().invoke(command, [str(one) for one in arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.stdout, result.stderr


def answer(folder, verb, *arguments):
    """What a verb prints as JSON."""
    code, printed, complaint = run(folder, verb, *arguments, "--json")
    assert code == 0, complaint
    return json.loads(printed)


def test_where_an_alert_would_go_and_why(folder):
    """Each route's verdict, the groups with their patience, and what would hold the alert back."""
    found = answer(folder, "routes", "test", "alertname=A", "severity=ticket", "team=y", "zone=z")
    assert [one["why"] for one in found["routes"]] == [
        'no: severity="page" is not met, for it is "ticket"',
        "taken",
        "not tried: an earlier route was taken",
    ]
    assert [(one["channel"], one["route"], one["group_wait"]) for one in found["channels"]] == [
        ("mail", 1, "30s"),
        ("pager", 1, "30s"),
    ]
    assert found["channels"][0]["group_key"] == '{}/{severity=~"page|ticket"}:{team="y"}'
    assert found["held_back_while_firing"] == [['alertname="Down"', 'zone="z"']]
    assert found["silenced_by"] == []
    found = answer(folder, "routes", "test", "alertname=A", "severity=page")
    assert [one["why"] for one in found["routes"]][:2] == ["taken, and the search goes on", "taken"]
    assert [(one["channel"], one["route"]) for one in found["channels"]] == [("pager", 0), ("mail", 1)]
    code, text, _ = run(folder, "routes", "test", "alertname=A", "severity=page", "team=x")
    assert code == 0
    assert 'routes[0] (severity="page", team!="x"): no: team!="x" is not met, for it is "x"' in text
    assert "-> mail, group" in text


def test_labels_that_are_none_and_a_folder_without_a_store(folder, tmp_path):
    """A misspelt label is refused; without a store the routes are shown all the same."""
    assert "write name=value" in run(folder, "routes", "test", "severity")[2]
    (folder / "worker" / "alerts.sqlite").unlink()
    assert "no alert store can be read here" in run(folder, "routes", "test", "severity=page")[1]
    code, _, complaint = run(folder, "silences", "list")
    assert code == 1
    assert "the worker makes it when it starts" in complaint


def test_a_silence_at_the_command_line(folder):
    """Made, listed, seen by `routes test`, ended; and each of it stands in the audit log."""
    made = answer(folder, "silences", "add", "alertname=A", "team!=x", "--for", "2h", "--comment", "deploying")
    assert (made["state"], made["matchers"], made["author"]) == (
        "active",
        ['alertname="A"', 'team!="x"'],
        local_actor(),
    )
    assert [one["id"] for one in answer(folder, "silences", "list")] == [made["id"]]
    (silenced,) = answer(folder, "routes", "test", "alertname=A")["silenced_by"]
    assert silenced.startswith(f"silence {made['id']}")
    later = answer(folder, "silences", "add", "a=b", "--from", "2100-01-01T00:00:00Z", "--for", "1h", "--comment", "x")
    assert (later["state"], later["ends_at"]) == ("pending", "2100-01-01T01:00:00.000Z")
    assert answer(folder, "silences", "expire", made["id"])["ended_by"] == local_actor()
    assert [one["id"] for one in answer(folder, "silences", "list", "--state", "expired")] == [made["id"]]
    assert len(answer(folder, "silences", "list", "--state", "all")) == 2
    audited = [json.loads(line) for line in (folder / "audit" / "cli.jsonl").read_text().splitlines()]
    assert [one["action"] for one in audited] == ["silence.create", "silence.create", "silence.expire"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a=b", "--comment", "x"], "give --for or --until"),
        (["a=b", "--for", "1h", "--until", "now", "--comment", "x"], "give --for or --until"),
        (["a=b", "--for", "soon", "--comment", "x"], "not a duration"),
        (["a=b", "--until", "soon", "--comment", "x"], "not a time"),
        (["a=b", "--until", "2020-01-01T00:00:00Z", "--comment", "x"], "ends_at: "),
        (["a", "--for", "1h", "--comment", "x"], "matchers: not a matcher"),
        (["a!=b", "--for", "1h", "--comment", "x"], "they would silence every alert"),
        (["a=b", "--for", "1h", "--comment", ""], "comment: missing"),
    ],
)
def test_a_silence_that_is_refused(folder, arguments, said):
    """With what is wrong; nothing is made."""
    code, _, complaint = run(folder, "silences", "add", *arguments)
    assert code != 0
    assert said in complaint
    assert answer(folder, "silences", "list", "--state", "all") == []
    assert "no silence 'x'" in run(folder, "silences", "expire", "x")[2]


def test_an_alert_is_taken_on(folder):
    """By the beginning of its fingerprint; the list shows who has it and who was told."""
    (alert,) = answer(folder, "alerts", "list")
    assert (alert["rule"], alert["acknowledged"]) == ("A", None)
    assert [(one["channel"], one["told"]) for one in alert["channels"]] == [("mail", "firing")]
    done = answer(folder, "alerts", "ack", alert["fingerprint"][:5], "--comment", "rolling back", "--author", "ann")
    assert (done["fingerprint"], done["author"]) == (alert["fingerprint"], "ann")
    (alert,) = answer(folder, "alerts", "list")
    assert (alert["acknowledged"]["author"], alert["acknowledged"]["comment"]) == ("ann", "rolling back")
    assert "taken on by ann: rolling back" in run(folder, "alerts", "list")[1]
    assert "no alert 'zzz' fires" in run(folder, "alerts", "ack", "zzz")[2]
    assert answer(folder, "alerts", "list", "--state", "pending") == []


def test_messages_are_listed_and_sent_again(folder):
    """A dead letter with its reason; sent again it waits, and what can't be is said with a bad exit code."""
    engine = sa.create_engine(f"sqlite:///{folder / 'worker' / 'alerts.sqlite'}")
    with engine.begin() as connection:
        mark_abandoned(connection, 1, at=START + 9, error="550 no such user")
    found = answer(folder, "notifications", "list", "--state", "dead")
    assert found["cursor"] is None
    (message,) = found["messages"]
    assert (message["id"], message["channel"], message["detail"]) == (1, "mail", "550 no such user")
    assert "1  2026-11-18T" in run(folder, "notifications", "list")[1]
    assert answer(folder, "notifications", "resend", "1") == {"resent": [1], "refused": {}}
    assert answer(folder, "notifications", "list", "--state", "dead")["messages"] == []
    code, _, complaint = run(folder, "notifications", "resend", "1", "7")
    assert code == 1
    assert "was not given up: it is waiting" in complaint
    assert "no notification 7" in complaint
    with engine.begin() as connection:
        connection.execute(sa.update(notifications).values(abandoned_at=START))
    assert answer(folder, "notifications", "resend", "--all", "--channel", "pager")["resent"] == []
    assert answer(folder, "notifications", "resend", "--all")["resent"] == [1]
    assert run(folder, "notifications", "resend")[0] == 2
    engine.dispose()
