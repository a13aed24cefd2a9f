"""Inhibition: which alert holds back which."""

from dataclasses import replace

import pytest

from services.monitoring_api.notify.inhibition import FiringAlert, Inhibition, InhibitRule, Target

TARGET = Target(
    "target", {"alertname": "Slow", "severity": "ticket", "service": "a"}, "condition", unsure=False, told=False
)
RULE = {"source": ["severity=page"], "target": ["severity=~ticket|page"], "equal": ["service"]}


def inhibition(*labels, rules=(RULE,)) -> Inhibition:
    """Alerts with these labels fire."""
    firing = [FiringAlert(f"source{i}", one) for i, one in enumerate(labels)]
    return Inhibition([InhibitRule.model_validate(rule) for rule in rules], firing)


@pytest.mark.parametrize(
    ("labels", "held"),
    [
        ({"alertname": "Down", "severity": "page", "service": "a"}, True),
        ({"alertname": "Down", "severity": "page", "service": "b"}, False),
        ({"alertname": "Down", "severity": "page"}, False),
        ({"alertname": "Down", "severity": "info", "service": "a"}, False),
    ],
)
def test_a_rule(labels, held):
    """The cause must be of the one kind, the alert of the other, and the named labels the same."""
    assert inhibition(labels).reason(TARGET) == ("held back while Down fires" if held else None)


def test_labels_that_both_lack_are_the_same():
    """As in Alertmanager."""
    target = replace(TARGET, labels={"severity": "ticket"})
    assert inhibition({"alertname": "Down", "severity": "page"}).reason(target) is not None


def test_nothing_holds_itself_or_its_like_back():
    """Alerts that are of both kinds would silence one another for ever."""
    both = {"alertname": "A", "severity": "page", "service": "a"}
    assert inhibition(both, {**both, "alertname": "B"}).reason(replace(TARGET, labels=both)) is None
    itself = Inhibition([InhibitRule.model_validate({**RULE, "equal": []})], [FiringAlert("target", TARGET.labels)])
    assert itself.reason(TARGET) is None


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, False),
        ({"cause": "no_data"}, True),
        ({"cause": "error"}, True),
        ({"unsure": True}, False),
        ({"unsure": True, "told": True}, True),
        ({"told": True}, False),
        ({"cause": "error", "labels": {"alertname": "DatasourceDown"}}, False),
    ],
)
def test_a_data_source_that_is_down(change, held):
    """It holds back what follows from it, and reminders that nobody can check; not what was seen before it."""
    down = inhibition({"alertname": "DatasourceDown"}, rules=())
    assert down.reason(replace(TARGET, **change)) == ("held back while DatasourceDown fires" if held else None)
