"""The notifications file: what is taken, where alerts go, and every error with its line."""

from pathlib import Path

import pytest

from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify.notification_file import load_notifications, warnings

DOCUMENTED = """
channels:
  - {name: ops-mail, type: email, host: localhost, port: 1025, tls: none,
     from: sightglass@example.org, to: [ops@example.org]}
  - {name: ops-slack, type: slack, url_env: SLACK_WEBHOOK_URL}
  - {name: hook, type: webhook, url: "http://127.0.0.1:9999/x", allow_private: true}
routes:
  - {match: {severity: page}, channels: [ops-mail, ops-slack], group_by: [alertname],
     group_wait: 30s, group_interval: 5m, repeat_interval: 4h}
"""

WRONG = """channels:
  - name: a
    type: email
    port: 70000
    password: hunter2
    to: []
  - name: a
    type: slack
    url: https://hooks.slack.com/services/SECRET
  - {name: b, type: pager}
  - {type: log}
  - {name: c, type: webhook, url: "ftp://u:SECRET@x/"}
  - {name: d, type: webhook}
routes:
  - {channels: [x], repeat: 1h}
  - {match: {severity: 1}, chanels: [b]}
  - {channels: [b], matchers: ["severity", "team=~(x"], group_wait: 30}
inhibit:
  - {source: [alertname=A], targets: [severity=page]}
"""


def load(folder: Path, text: str):
    """Read a file with this text."""
    path = folder / "notifications.yaml"
    path.write_text(text)
    return load_notifications(path)


def test_the_documented_example_is_read(tmp_path):
    """Pages go to mail and Slack, everything else nowhere."""
    file = load(tmp_path, DOCUMENTED)
    assert list(file.routes_for({"severity": "page", "model": "x"})) == ["ops-mail", "ops-slack"]
    assert file.routes_for({"severity": "warning"}) == {}
    route = file.effective_routes()[0]
    assert (route.group_wait, route.group_interval, route.repeat_interval) == (30, 300, 14400)
    assert route.group_labels({"alertname": "A", "b": "c"}) == {"alertname": "A"}


def test_the_shipped_file_needs_no_account():
    """A fresh installation has a channel that works without a secret."""
    file = load_notifications(Path(__file__).parents[2] / "deploy" / "alerting" / "notifications.yaml")
    assert [secret for channel in file.channels for secret in channel.secrets()] == []
    assert file.routes_for({"alertname": "A"})


def test_every_error_has_its_line_and_no_secret(tmp_path):
    """One reading names all that is wrong in the entries."""
    with pytest.raises(InvalidFileError) as caught:
        load(tmp_path, WRONG)
    found = {(error.line, error.field) for error in caught.value.errors}
    assert found == {
        (2, "channels[0].host"),
        (2, "channels[0].from"),
        (4, "channels[0].port"),
        (5, "channels[0].password"),
        (6, "channels[0].to"),
        (9, "channels[1].url"),
        (10, "channels[2]"),
        (11, "channels[3].name"),
        (12, "channels[4].url"),
        (13, "channels[5]"),
        (15, "routes[0].repeat"),
        (16, "routes[1].channels"),
        (16, "routes[1].chanels"),
        (17, "routes[2].matchers[0]"),
        (17, "routes[2].matchers[1]"),
        (17, "routes[2].group_wait"),
        (19, "inhibit[0].target"),
        (19, "inhibit[0].targets"),
    }
    for text in (str(caught.value), repr(caught.value)):
        assert "SECRET" not in text
        assert "hunter2" not in text


def test_names_are_checked_across_entries(tmp_path):
    """A channel named twice, and a route to nowhere."""
    with pytest.raises(InvalidFileError) as caught:
        load(tmp_path, "channels:\n- {name: a, type: log}\n- {name: a, type: log}\nroutes:\n- {channels: [b]}\n")
    assert [(error.line, error.field) for error in caught.value.errors] == [
        (3, "channels[1].name"),
        (5, "routes[0].channels[0]"),
    ]


@pytest.mark.parametrize(
    ("routes", "labels", "channels"),
    [
        ("", {}, ["a", "b"]),
        ("routes: []", {}, []),
        ("routes: [{channels: [a]}, {channels: [b]}]", {}, ["a"]),
        ("routes: [{channels: [a], continue: true}, {channels: [b]}]", {}, ["a", "b"]),
        ("routes: [{match: {x: y}, channels: [a]}, {channels: [b]}]", {"x": "y"}, ["a"]),
        ("routes: [{match: {x: y}, channels: [a]}, {channels: [b]}]", {"x": "z"}, ["b"]),
        ("routes: [{match: {x: y, z: '1'}, channels: [a]}]", {"x": "y"}, []),
        ("routes: [{match: {x: 1}, channels: [a]}]", {"x": "1"}, ["a"]),
        ("routes: [{matchers: ['x=~y|z', w!=v], channels: [a]}, {channels: [b]}]", {"x": "z"}, ["a"]),
        ("routes: [{matchers: ['x=~y|z', w!=v], channels: [a]}, {channels: [b]}]", {"x": "z", "w": "v"}, ["b"]),
        ("routes: [{matchers: ['x=~y|z'], channels: [a]}, {channels: [b]}]", {"x": "yes"}, ["b"]),
        ("routes: [{match: {x: y}, matchers: [w=v], channels: [a]}]", {"x": "y"}, []),
    ],
)
def test_where_an_alert_goes(tmp_path, routes, labels, channels):
    """The first matching route, and later ones where it says so; without routes every channel."""
    file = load(tmp_path, f"channels: [{{name: a, type: log}}, {{name: b, type: log}}]\n{routes}\n")
    assert list(file.routes_for(labels)) == channels


def test_what_is_said_in_vain_is_told(tmp_path):
    """Routes that are never tried, and channels that no route leads to."""
    file = load(
        tmp_path,
        "channels: [{name: a, type: log}, {name: b, type: log}]\n"
        "routes: [{channels: [a], continue: true}, {channels: [a]}, {match: {x: y}, channels: [a]}]\n",
    )
    unreachable, unused = warnings(file)
    assert unreachable.startswith("routes[1] takes every alert")
    assert unused == "no route leads to the channel b."
    assert warnings(load(tmp_path, DOCUMENTED.replace("ops-slack]", "ops-slack, hook]"))) == []
