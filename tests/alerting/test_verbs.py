"""`sightglass rules check` and the `channels` verbs."""

import json

from click.testing import CliRunner

from services.monitoring_api.alerting.rule_schema import schema_text
from services.monitoring_api.alerting.verbs import rules
from services.monitoring_api.notify.verbs import channels
from services.web.access.audit import local_actor
from tests.alerting.test_rules import DOCUMENTED, WRONG
from tests.notify.receivers import HttpReceiver


def run(verb, *arguments, **environment):
    """Run a verb as the command line does."""
    return CliRunner().invoke(verb, [str(argument) for argument in arguments], env=environment)


def test_right_rules_are_counted(tmp_path):
    """Exit code 0 and how many there are."""
    path = tmp_path / "rules.yaml"
    path.write_text(DOCUMENTED)
    result = run(rules, "check", path)
    assert (result.exit_code, result.stdout) == (0, "1 rules are right.\n")


def test_wrong_rules_are_listed(tmp_path):
    """Exit code 1; every error as file:line, and the same as JSON."""
    path = tmp_path / "rules.yaml"
    path.write_text(WRONG)
    result = run(rules, "check", path)
    assert result.exit_code == 1
    assert f"{path}:6: groups[0].rules[0].metric: unknown metric" in result.stderr
    answer = json.loads(run(rules, "check", "--json", path).stdout)
    assert answer["ok"] is False
    assert answer["errors"][0]["line"] == 3


def test_an_objective_counts_as_what_it_becomes(tmp_path):
    """Four rules are looked at; a statement is checked as far as that goes offline."""
    path = tmp_path / "rules.yaml"
    statement = "SELECT 1 AS value WHERE {from:DateTime64(9)} < {to:DateTime64(9)}"
    path.write_text(
        "groups: [{name: g, rules: [{alert: A, slo: {objective: 99%, indicator: availability}},"
        f' {{alert: B, condition: "> 1", sql: "{statement}"}}]}}]'
    )
    assert run(rules, "check", path).stdout == "5 rules are right.\n"


def test_the_schema_is_printed():
    """As it is published."""
    assert run(rules, "schema").stdout == schema_text()


def test_channels_are_listed_with_what_they_lack(tmp_path):
    """A missing secret is named, a URL's path is not shown."""
    path = tmp_path / "notifications.yaml"
    path.write_text(
        "channels:\n- {name: s, type: slack, url_env: NO_SUCH_VARIABLE}\n"
        '- {name: h, type: webhook, url: "https://example.org/SECRET?key=SECRET"}\n'
    )
    result = run(channels, "list", "--json", "--file", path)
    assert json.loads(result.stdout) == [
        {
            "name": "s",
            "type": "slack",
            "target": "the webhook in NO_SUCH_VARIABLE",
            "missing": "the environment variable NO_SUCH_VARIABLE is not set",
        },
        {"name": "h", "type": "webhook", "target": "https://example.org", "missing": None},
    ]


def audited(folder):
    """What the audit log of the command line says of the channels: target and outcome."""
    lines = [json.loads(line) for line in (folder / "audit" / "cli.jsonl").read_text().splitlines()]
    assert {(line["action"], line["actor"]) for line in lines} == {("channel.test", local_actor())}
    return [(line["target"], line["outcome"]) for line in lines]


def test_a_channel_is_tested_for_real(tmp_path):
    """A real delivery and a clear verdict, good or bad, written down; the file comes from the worker's setting."""
    path = tmp_path / "notifications.yaml"
    here = {"SIGHTGLASS_DATA_DIR": str(tmp_path)}
    with HttpReceiver() as receiver:
        path.write_text(f'channels: [{{name: h, type: webhook, url: "{receiver.url}", allow_private: true}}]')
        result = run(channels, "test", "h", SIGHTGLASS_WORKER_NOTIFICATIONS_FILE=str(path), **here)
        assert (result.exit_code, result.stdout) == (0, "Delivered: 200 ok\n")
        assert receiver.requests[0][2]["alerts"][0]["labels"]["alertname"] == "SightglassTest"
        receiver.status = 401
        result = run(channels, "test", "h", "--file", path, **here)
        assert result.exit_code == 1
        assert "answered 401" in result.stderr
    assert "no channel 'x'; there are: h" in run(channels, "test", "x", "--file", path, **here).stderr
    assert audited(tmp_path) == [("h", "ok"), ("h", "failed"), ("x", "failed")]


def test_nothing_is_sent_that_cannot_be_written_down(tmp_path):
    """An audit log that can't be written is named, and the receiver hears nothing."""
    path = tmp_path / "notifications.yaml"
    (tmp_path / "audit").touch()
    with HttpReceiver() as receiver:
        path.write_text(f'channels: [{{name: h, type: webhook, url: "{receiver.url}", allow_private: true}}]')
        result = run(channels, "test", "h", "--file", path, SIGHTGLASS_DATA_DIR=str(tmp_path))
        assert result.exit_code == 1
        assert "SIGHTGLASS_AUDIT_DIR" in result.stderr
        assert receiver.requests == []
