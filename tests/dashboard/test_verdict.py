"""The verdict in words."""

from typing import Any

from dashboard.answers import Alert, Alerts, AlertWorker, Completeness, Current, Drop, PipelineHealth, Process
from dashboard.api_errors import StoreUnavailableError
from dashboard.verdict import Level, Traffic, Verdict, verdict

RUNNING = AlertWorker(state="running")
QUIET = Alerts(worker=RUNNING)
HEALTHY = PipelineHealth(status="ok")
BUSY = Traffic(
    requests=Current(metric="request_rate", unit="1/s", value=12.34),
    errors=Current(metric="error_ratio", unit="1", value=0.002),
    latency=Current(metric="latency_p95", unit="s", value=0.0341),
    predictions=Current(metric="prediction_rate", unit="1/s", value=11.0),
)


def judged(**changed: Any) -> Verdict:
    """The verdict on a healthy system with changes."""
    ever = changed.pop("ever", True)
    return verdict(**{"traffic": BUSY, "health": HEALTHY, "alerts": QUIET, **changed}, ever=ever)


def test_all_is_well_with_the_figures_it_rests_on() -> None:
    """Nothing firing, nothing missing: well, and a sentence of numbers."""
    assert judged() == Verdict(
        Level.GOOD,
        "All is well",
        (
            (
                "Over the last minutes: 12.3 requests per second, 0.2 % of them errors, "
                "95 of 100 answered within 34.1 ms, 11 predictions per second."
            ),
        ),
    )


def test_a_firing_alert_is_wrong() -> None:
    """The rules decide what is wrong; the verdict names them first."""
    alerts = Alerts(alerts=(Alert(rule="TooSlow", state="firing"), Alert(rule="X", state="pending")), worker=RUNNING)
    found = judged(alerts=alerts)
    assert found.level is Level.BAD
    assert found.reasons[0] == "1 alert is firing: TooSlow."
    assert found.reasons[1] == "1 alert is pending: X."


def test_nobody_watching_is_worth_a_look() -> None:
    """Without a running worker, silence means nothing."""
    for state in ("silent", "never"):
        found = judged(alerts=Alerts(worker=AlertWorker(state=state)))
        assert found.level is Level.ATTENTION
        assert "no rule is being evaluated" in found.reasons[0]


def test_gaps_are_incomplete_and_never_a_change_of_the_model() -> None:
    """Telemetry that is missing is said to be that."""
    health = PipelineHealth(
        status="degraded",
        completeness=(Completeness(service="ml-api", signal="spans", counted=1000, stored=900, ratio=0.9),),
        drops=(Drop(count=100),),
        processes=(Process(name="worker", state="silent"), Process(name="ml-api", state="up")),
    )
    found = judged(health=health)
    assert found.level is Level.ATTENTION
    assert found.reasons[:3] == (
        "1 process has fallen silent: worker.",
        "Figures are incomplete: spans of ml-api were counted but are not all stored yet.",
        "100 telemetry items were dropped on the way.",
    )


def test_the_pipelines_own_reasons_come_first() -> None:
    """What the API gives as reasons is said as it is, instead of being guessed from figures."""
    found = judged(health=PipelineHealth(status="degraded", reasons=("the disk is 97% full",), drops=(Drop(count=1),)))
    assert (found.level, found.reasons[0]) == (Level.ATTENTION, "The disk is 97% full.")
    assert not any("dropped" in reason for reason in found.reasons)


def test_a_pipeline_that_is_down_is_wrong() -> None:
    """Figures that no longer come in cannot be fine."""
    assert judged(health=PipelineHealth(status="down")).level is Level.BAD


def test_what_is_unknown_is_not_called_well() -> None:
    """Unknown alerts or health end neither in 'well' nor in 'empty'."""
    away = StoreUnavailableError("ClickHouse does not answer.")
    assert judged(alerts=away).level is Level.UNKNOWN
    assert judged(health=away).level is Level.UNKNOWN
    assert judged(health=away, ever=False).level is Level.UNKNOWN


def test_an_empty_range_is_empty() -> None:
    """Nothing in the whole range is not 'well' either."""
    assert judged(traffic=Traffic(), ever=False).level is Level.EMPTY


def test_quiet_minutes_are_said() -> None:
    """Traffic in the range but none lately is told."""
    still = Traffic(requests=Current(metric="request_rate", value=0.0))
    assert judged(traffic=still).reasons == ("No requests and no predictions in the last minutes.",)
