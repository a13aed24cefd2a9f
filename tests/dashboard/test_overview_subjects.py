"""What the overview says of each service and model."""

from dashboard.answers import Alert, Alerts, AlertWorker, Completeness, Current, Group, PipelineHealth, Process
from dashboard.api_errors import ApiError
from dashboard.history_answers import ComparedHistory, GroupSeries
from dashboard.overview_subjects import Subject, subject_verdict, subjects
from dashboard.verdict import Level

WELL = PipelineHealth(status="ok")
QUIET = Alerts(worker=AlertWorker(state="running"))
BUSY = Subject("service", "ml-api", {"request_rate": 2.0})
MODEL = Subject("model", "flight-delay", {"prediction_rate": 2.0})


def current(metric: str, *groups: tuple[dict[str, str], float | None]) -> Current:
    """An answer in groups."""
    return Current(metric=metric, series=tuple(Group(labels=labels, value=value) for labels, value in groups))


def alert(state: str = "firing", url: str = "", **labels: str) -> Alerts:
    """One alert, watched."""
    one = Alert(rule="Slow", state=state, labels=labels, url=url, annotations={"summary": "2 s"})
    return Alerts(alerts=(one,), worker=AlertWorker(state="running"))


def test_services_that_predict_come_first_and_models_know_who_asks_them() -> None:
    """Rates of a model's services add up; all other groups together are nobody; a service keeps its models."""
    figures = {
        "request_rate": current("request_rate", ({"service": "api"}, 1.0), ({"service": "ml"}, 2.0)),
        "prediction_rate": current(
            "prediction_rate",
            ({"model": "m", "service": "ml"}, 0.5),
            ({"model": "m", "service": "batch"}, 0.25),
            ({"model": "n", "service": "batch"}, 1.0),
        ),
        "label_coverage": ApiError("away"),
    }
    line = GroupSeries(labels={"service": "ml"}, points=((0.0, 1.0),))
    rest = GroupSeries(labels={"service": "other"}, points=((0.0, 9.0),), other=True)
    document = {
        "metric": "request_rate",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-02T00:00:00Z",
        "step_seconds": 1,
    }
    history = ComparedHistory.model_validate(document).model_copy(update={"series": (line, rest)})
    found = subjects(figures, {"request_rate": history})
    assert [(one.kind, one.name, one.predicts) for one in found] == [
        ("service", "ml", True),
        ("service", "api", False),
        ("model", "m", True),
        ("model", "n", True),
    ]
    assert found[0].lines == {"request_rate": ((0.0, 1.0),)}
    assert (found[2].figures, found[2].services) == ({"prediction_rate": 0.75}, ("batch", "ml"))
    assert [one.name for one in subjects(figures, {}, "ml")] == ["ml", "m"]


def test_an_alert_belongs_to_whom_its_labels_or_its_chart_name() -> None:
    """By label; by the filter of the chart it links to; otherwise to nobody."""
    firing = subject_verdict(BUSY, WELL, alert(service="ml-api"))
    assert (firing.level, firing.reasons[0]) == (Level.BAD, "Slow is firing: 2 s.")
    assert subject_verdict(MODEL, WELL, alert(service="ml-api")).level is Level.GOOD
    linked = alert(url="http://d/history?metric=latency_p95&filter=service%3Dml-api", route="/x")
    assert subject_verdict(BUSY, WELL, linked).level is Level.BAD
    assert subject_verdict(BUSY, WELL, alert(route="/x")).level is Level.GOOD
    assert subject_verdict(MODEL, WELL, alert("pending", model="flight-delay")).headline == "Worth a look"


def test_silence_loss_and_ignorance_are_told_apart_from_fine() -> None:
    """Nothing happens; something is missing; nobody watches; nothing is known."""
    assert subject_verdict(BUSY, WELL, QUIET).level is Level.GOOD
    assert subject_verdict(Subject("model", "m", {"prediction_rate": 0.0}), WELL, QUIET).headline == "Silent"
    short = Completeness(service="ml-api", signal="spans", ratio=0.9)
    lost = PipelineHealth(status="degraded", completeness=(short,), processes=(Process(name="ml-api", state="silent"),))
    assert subject_verdict(BUSY, lost, QUIET).reasons == (
        "Only 90 % of its spans are stored so far.",
        "A process of it has fallen silent.",
    )
    assert subject_verdict(BUSY, WELL, Alerts()).level is Level.ATTENTION
    assert subject_verdict(BUSY, WELL, ApiError("away")).level is Level.UNKNOWN
    assert subject_verdict(Subject("service", "s"), WELL, QUIET).level is Level.UNKNOWN
