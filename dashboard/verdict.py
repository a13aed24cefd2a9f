"""The overview's first line: is everything fine, said in words, with what it is based on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dashboard.answers import Alerts, Completeness, Current, PipelineHealth
from dashboard.api_errors import ApiError
from dashboard.charts.units import figure

COMPLETE_RATIO = 0.999
"""Stored against counted; below this a service's figures are called incomplete."""


class Level(StrEnum):
    """How the verdict is coloured."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """The state of things in words.

    Attributes:
        level: the worst that was found.
        headline: a few words.
        reasons: sentences; may hold text from data, so show them as plain text.
    """

    level: Level
    headline: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Traffic:
    """The current figures that the verdict speaks of; None where unknown."""

    requests: Current | None = None
    errors: Current | None = None
    latency: Current | None = None
    predictions: Current | None = None

    @property
    def silent(self) -> bool:
        """True when the figures are known and nothing happened."""
        known = [figures.value for figures in (self.requests, self.predictions) if figures is not None]
        return bool(known) and not any(known)


def verdict(traffic: Traffic, health: PipelineHealth | ApiError, alerts: Alerts | ApiError, *, ever: bool) -> Verdict:
    """Judge the whole from its parts: the alert rules decide what is wrong, the pipeline whether that can be trusted.

    Args:
        traffic: of the last minutes.
        health: of the pipeline, or why it is unknown.
        alerts: all, or why they are unknown.
        ever: whether the chosen range holds any data at all.
    """
    bad, attention, unknown = _alerts(alerts)
    worse, doubtful = _pipeline(health)
    bad, attention = [*bad, *worse], [*attention, *doubtful]
    if isinstance(health, ApiError):
        unknown.append(f"The pipeline's own health is unknown: {health.detail}")
    told = _traffic(traffic)
    if bad:
        return Verdict(Level.BAD, "Something is wrong", (*bad, *attention, *unknown, *told))
    if not ever and not unknown:
        empty = ("No request and no prediction.", *attention)
        return Verdict(Level.EMPTY, "Nothing has arrived in this range", empty)
    if attention:
        return Verdict(Level.ATTENTION, "Worth a look", (*attention, *unknown, *told))
    if unknown:
        return Verdict(Level.UNKNOWN, "Not everything is known", (*unknown, *told))
    return Verdict(Level.GOOD, "All is well", tuple(told))


def _alerts(alerts: Alerts | ApiError) -> tuple[list[str], list[str], list[str]]:
    if isinstance(alerts, ApiError):
        return [], [], [f"The alerts are unknown: {alerts.detail}"]
    firing = [alert.rule for alert in alerts.alerts if alert.state == "firing"]
    pending = [alert.rule for alert in alerts.alerts if alert.state == "pending"]
    failed = [alert.rule for alert in alerts.alerts if alert.error]
    bad = [f"{_count(len(firing), 'alert is', 'alerts are')} firing: {_listed(firing)}."] if firing else []
    attention = [f"{_count(len(pending), 'alert is', 'alerts are')} pending: {_listed(pending)}."] if pending else []
    if failed:
        attention.append(f"{_count(len(failed), 'rule', 'rules')} could not be evaluated: {_listed(failed)}.")
    if alerts.worker.state == "silent":
        attention.append("The alert worker has fallen silent, so no rule is being evaluated.")
    elif alerts.worker.state == "never":
        attention.append("The alert worker has not run yet, so no rule is being evaluated.")
    return bad, attention, []


def _pipeline(health: PipelineHealth | ApiError) -> tuple[list[str], list[str]]:
    if isinstance(health, ApiError):
        return [], []
    attention = [f"{reason[:1].upper()}{reason[1:].rstrip('.')}." for reason in health.reasons] or _shortfalls(health)
    if health.status == "down":
        return ["The pipeline is down: newer telemetry is not being stored."], attention
    if health.status != "ok" and not attention:
        attention.append("The pipeline calls itself degraded.")
    return [], attention


def _shortfalls(health: PipelineHealth) -> list[str]:
    """What the figures say, where the API gives no reasons of its own."""
    attention = []
    silent = sorted({process.name for process in health.processes if process.state != "up"})
    if silent:
        attention.append(f"{_count(len(silent), 'process has', 'processes have')} fallen silent: {_listed(silent)}.")
    short = sorted({f"{item.signal} of {item.service}" for item in health.completeness if falls_short(item)})
    if short:
        attention.append(f"Figures are incomplete: {_listed(short)} were counted but are not all stored yet.")
    dropped = sum(drop.count for drop in health.drops)
    if dropped:
        attention.append(f"{figure(dropped, '')} telemetry items were dropped on the way.")
    return attention


def falls_short(item: Completeness) -> bool:
    """Whether noticeably less is stored than was counted."""
    return item.ratio is not None and item.ratio < COMPLETE_RATIO


def _traffic(traffic: Traffic) -> list[str]:
    parts = []
    if traffic.requests and traffic.requests.value:
        parts.append(f"{figure(traffic.requests.value, '')} requests per second")
        if traffic.errors and traffic.errors.value is not None:
            share = traffic.errors.value
            parts.append(f"{figure(share, 'ratio')} of them errors" if share else "no errors")
        if traffic.latency and traffic.latency.value is not None:
            parts.append(f"95 of 100 answered within {figure(traffic.latency.value, traffic.latency.unit)}")
    if traffic.predictions and traffic.predictions.value:
        parts.append(f"{figure(traffic.predictions.value, '')} predictions per second")
    if parts:
        return [f"Over the last minutes: {', '.join(parts)}."]
    return ["No requests and no predictions in the last minutes."] if traffic.silent else []


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _listed(names: Sequence[str], most: int = 4) -> str:
    unique = list(dict.fromkeys(names))
    more = len(unique) - most
    return ", ".join(unique[:most]) + (f" and {more} more" if more > 0 else "")
