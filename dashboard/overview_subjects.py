"""The services and models that the overview judges one by one: what is known of each, and a verdict in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from dashboard.answers import Alert, Alerts, Current, PipelineHealth, Point
from dashboard.api_errors import ApiError
from dashboard.charts.units import figure
from dashboard.history_answers import ComparedHistory
from dashboard.verdict import Level, Verdict, falls_short

# The four golden signals: traffic, errors, latency, saturation.
SERVICE_METRICS: Final = ("request_rate", "error_ratio", "latency_p95", "concurrency_mean")
MODEL_METRICS: Final = ("prediction_rate", "score_mean", "fallback_ratio", "label_coverage")
_RATES: Final = frozenset({"request_rate", "concurrency_mean", "prediction_rate"})
_NAMED: Final = 3


@dataclass(frozen=True)
class Subject:
    """A service or a model.

    Attributes:
        kind: `service` or `model`.
        name: as telemetry says it.
        figures: metric -> value over the last minutes; without those that could not be asked.
        lines: metric -> points over the range.
        predicts: whether a service predicts; whether a model did in the last minutes.
        services: of a model, who asks it.
    """

    kind: str
    name: str
    figures: Mapping[str, float | None] = field(default_factory=dict)
    lines: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    predicts: bool = False
    services: tuple[str, ...] = ()

    @property
    def rate(self) -> str:
        """The metric that tells whether anything happens."""
        return "request_rate" if self.kind == "service" else "prediction_rate"


def subjects(
    figures: Mapping[str, Current | ApiError], lines: Mapping[str, ComparedHistory | ApiError], service: str = ""
) -> tuple[Subject, ...]:
    """Every service and model that the answers speak of: services that predict, other services, models; each by name.

    Args:
        figures: metric -> what it is now, by service or model.
        lines: metric -> what it was, likewise.
        service: only this one and its models; empty: all.
    """
    known = _Known(figures, lines, _askers(figures.get("prediction_rate")))
    found = [known.subject("service", name, SERVICE_METRICS) for name in known.names("service", SERVICE_METRICS)]
    found.sort(key=lambda one: (not one.predicts, one.name))
    found += [known.subject("model", name, MODEL_METRICS) for name in known.names("model", MODEL_METRICS)]
    if not service:
        return tuple(found)
    return tuple(one for one in found if one.name == service or service in one.services)


def subject_verdict(subject: Subject, health: PipelineHealth | ApiError, alerts: Alerts | ApiError) -> Verdict:
    """Judge one service or model: alert rules decide what is wrong, the pipeline whether figures can be trusted.

    Args:
        subject: which.
        health: of the pipeline, or why it is unknown.
        alerts: all, or why they are unknown.
    """
    mine = [alert for alert in alerts.alerts if is_about(alert, subject)] if isinstance(alerts, Alerts) else []
    firing = [alert for alert in mine if alert.state == "firing"]
    doubts = [*_pending(mine), *_lost(subject, health)]
    if firing:
        return Verdict(Level.BAD, "Something is wrong", (*(_said(alert) for alert in firing[:_NAMED]), *doubts))
    if isinstance(alerts, ApiError):
        doubts.append(f"Its alerts are unknown: {alerts.detail}")
    elif alerts.worker.state != "running":
        doubts.append("No rule is being evaluated, so nothing would be said if it went wrong.")
    if subject.rate in subject.figures and not subject.figures[subject.rate]:
        what = "request" if subject.kind == "service" else "prediction"
        return Verdict(Level.EMPTY, "Silent", (f"No {what} in the last 5 minutes.", *doubts))
    if doubts:
        unknown = isinstance(alerts, ApiError)
        level, headline = (Level.UNKNOWN, "Not all is known") if unknown else (Level.ATTENTION, "Worth a look")
        return Verdict(level, headline, tuple(doubts))
    if subject.rate not in subject.figures:
        return Verdict(Level.UNKNOWN, "Not all is known", ("Its traffic could not be asked for.",))
    return Verdict(Level.GOOD, "Fine", ("No alert about it fires, and nothing of it was lost on the way.",))


def is_about(alert: Alert, subject: Subject) -> bool:
    """Whether an alert says that it is about this one: by its labels, or by the filters of the chart it links to."""
    if subject.kind in alert.labels:
        return alert.labels[subject.kind] == subject.name
    filters = parse_qs(urlsplit(alert.url).query).get("filter", [])
    return f"{subject.kind}={subject.name}" in filters


def _said(alert: Alert) -> str:
    summary = alert.annotations.get("summary") or alert.annotations.get("description")
    return f"{alert.rule} is firing: {summary}." if summary else f"{alert.rule} is firing."


def _pending(alerts: Sequence[Alert]) -> list[str]:
    said = [f"{alert.rule} is pending." for alert in alerts if alert.state == "pending"]
    said += [f"{alert.rule} could not be evaluated." for alert in alerts if alert.error]
    return said[:_NAMED]


def _lost(subject: Subject, health: PipelineHealth | ApiError) -> list[str]:
    if isinstance(health, ApiError) or subject.kind != "service":
        return []
    short = [item for item in health.completeness if item.service == subject.name and falls_short(item)]
    said = [f"Only {figure(item.ratio, 'ratio')} of its {item.signal} are stored so far." for item in short]
    silent = [one for one in health.processes if one.name == subject.name and one.state != "up"]
    if silent:
        said.append(
            "A process of it has fallen silent." if len(silent) == 1 else f"{len(silent)} processes are silent."
        )
    return said


def _askers(rates: Current | ApiError | None) -> dict[str, tuple[str, ...]]:
    """Of each model the services that predict with it."""
    found: dict[str, set[str]] = {}
    if isinstance(rates, Current):
        for group in rates.series:
            if group.value and group.labels.get("service"):
                found.setdefault(group.labels.get("model", ""), set()).add(group.labels["service"])
    return {model: tuple(sorted(names)) for model, names in found.items()}


@dataclass(frozen=True)
class _Known:
    """The answers, and of each model the services that predict with it."""

    figures: Mapping[str, Current | ApiError]
    lines: Mapping[str, ComparedHistory | ApiError]
    asked: Mapping[str, tuple[str, ...]]

    def names(self, key: str, metrics: Sequence[str]) -> list[str]:
        """Everybody of a kind that the answers speak of."""
        names = set()
        for metric in metrics:
            now, past = self.figures.get(metric), self.lines.get(metric)
            if isinstance(now, Current):
                names |= {group.labels.get(key, "") for group in now.series}
            if isinstance(past, ComparedHistory):
                names |= {one.labels.get(key, "") for one in past.series if not one.other and _any(one.points)}
        return sorted(names - {""})

    def subject(self, key: str, name: str, metrics: Sequence[str]) -> Subject:
        """What is known of one."""
        services = self.asked.get(name, ()) if key == "model" else ()
        now = {metric: answer for metric in metrics if isinstance(answer := self.figures.get(metric), Current)}
        return Subject(
            kind=key,
            name=name,
            figures={metric: _value(metric, answer, key, name) for metric, answer in now.items()},
            lines={
                metric: series.points
                for metric in metrics
                if isinstance(past := self.lines.get(metric), ComparedHistory)
                for series in past.series
                if series.labels.get(key) == name and not series.other
            },
            predicts=bool(services) if key == "model" else any(name in one for one in self.asked.values()),
            services=services,
        )


def _value(metric: str, now: Current, key: str, name: str) -> float | None:
    values = [group.value for group in now.series if group.labels.get(key) == name]
    if metric in _RATES:
        return sum(value or 0.0 for value in values)
    return values[0] if values else None


def _any(points: Sequence[Point]) -> bool:
    return any(value is not None for _, value in points)
