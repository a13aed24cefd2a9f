"""From an incident's alert to the view that names its cause: by links alone, counted."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.alert_ways import ways_of
from dashboard.answers import Alert
from services.cli.demo.incidents.registry import INCIDENTS
from services.monitoring_api.alerting.links import dashboard_link
from services.monitoring_api.alerting.models import AlertState, AlertStatus
from services.monitoring_api.alerting.rule_set import load_rules

RULES = load_rules([Path(__file__).parents[3] / "deploy" / "alerting" / "rules.yaml"], None)
BEGAN = 1_772_445_600.0
# What the demo's alerts say of what they are about, where their rule asks for it.
DEMO = {"service": "ml-api", "route": "/v1/predict", "model": "flight-delay"}


def alert_of(name: str) -> Alert:
    """The alert as the worker would tell it: its link by the rule, its labels as the rule tells things apart."""
    (rule,) = [rule for rule in RULES.rules() if rule.alert == name]
    statement = [key for key in DEMO if rule.sql is not None and f"AS {key}" in rule.sql]
    group = {key: DEMO[key] for key in (rule.group_by or statement)}
    state = AlertState(AlertStatus.FIRING, active_since=BEGAN, fired_at=BEGAN + 60)
    return Alert(
        rule=name,
        state="firing",
        labels={"alertname": name, **group},
        metric=rule.metric or "",
        condition=str(rule.condition),
        active_since=datetime.fromtimestamp(BEGAN, UTC),
        url=dashboard_link("http://dashboard:8501", rule, group, state, BEGAN + 60),
    )


def shows(view: str, page: str, query: dict[str, list[str]]) -> bool:
    """Whether a link opens a view, with all that the view says and a time."""
    name, _, wanted = view.partition("?")
    return name == page and all(query.get(key) == value for key, value in parse_qs(wanted).items()) and "from" in query


@pytest.mark.parametrize("name", list(INCIDENTS))
def test_an_alert_leads_to_the_view_that_shows_its_cause(name: str) -> None:
    """One click from the mail: its link; or two: the mail's link to the alert, and a way from there."""
    story = INCIDENTS[name].story
    alert = alert_of(story.alert)
    link = urlsplit(alert.url)
    ways = ways_of(alert, datetime.fromtimestamp(BEGAN + 600, UTC))
    by_mail = shows(story.page, link.path.strip("/"), parse_qs(link.query))
    by_alert = any(shows(story.page, way.page, {key: list(value) for key, value in way.query.items()}) for way in ways)
    clicks = 1 if by_mail else 2 if by_alert else None
    assert clicks == (2 if name == "bad-version" else 1), (story.page, alert.url, ways)


def test_another_view_is_not_taken_for_it() -> None:
    """A section, a value or a time that differs is told."""
    query = {"section": ["slow"], "service": ["ml-api"], "from": ["a"]}
    assert shows("traces?section=slow", "traces", query)
    assert not shows("traces?section=exceptions", "traces", query)
    assert not shows("traces?section=slow", "models", query)
    assert not shows("traces?section=slow&route=x", "traces", query)
    assert not shows("traces?section=slow", "traces", {"section": ["slow"]})
