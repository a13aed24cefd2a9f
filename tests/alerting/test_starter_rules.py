"""The rules of a fresh installation say what is so, at each look of an alert's life."""

from pathlib import Path

import pytest

from services.monitoring_api.alerting.annotations import AnnotationContext, render
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.alerting.rules import Rule

RULES = Path(__file__).parents[2] / "deploy" / "alerting" / "rules.yaml"


@pytest.fixture(scope="module")
def telemetry_stopped() -> Rule:
    """The rule that speaks while nothing is stored."""
    (found,) = [
        rule for group in load_rules([RULES], None).groups for rule in group.rules if rule.alert == "TelemetryStopped"
    ]
    return found


@pytest.mark.parametrize(
    ("value", "status", "says"),
    [
        (95.0, "firing", "No telemetry has been stored for 1m35s: nobody can say how the services are"),
        (None, "firing", "No telemetry has been stored for more than 1h: nobody can say how the services are"),
        (1.0, "firing", "Telemetry is stored again"),
        (1.0, "resolved", "Telemetry is stored again"),
    ],
)
def test_that_telemetry_stopped_is_said_only_while_it_has(
    telemetry_stopped: Rule, value: float | None, status: str, says: str
) -> None:
    """Once it comes again the age of the newest sign is no length of a silence."""
    assert telemetry_stopped.condition is not None
    context = AnnotationContext(
        "TelemetryStopped", "", "1h", "> 60", telemetry_stopped.condition.threshold, status=status, value=value
    )
    assert render(telemetry_stopped.annotations, context)["summary"] == says
    # A silence that outlasts the window has no row: it must not end the alert that tells of it.
    assert telemetry_stopped.no_data == "keep"
