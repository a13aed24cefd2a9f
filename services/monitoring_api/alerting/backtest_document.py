"""Backtests as answers: chart-ready, in JSON."""

from typing import Any, Final

from services.monitoring_api.alerting.backtest import AlertTimeline, Backtest, FiringSpan, thinned, thinning
from services.monitoring_api.alerting.backtester import Graded
from services.monitoring_api.alerting.grading import Grade, GradedFiring
from services.monitoring_api.alerting.models import Health
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.queries.catalogue import find_metric

# Alerts with a series of their own; those that fired come first.
MOST_SERIES: Final = 50


def backtest_document(graded: Graded) -> dict[str, Any]:
    """One rule's backtest."""
    found = graded.found
    rule, condition = found.rule, found.rule.condition
    size = thinning(found.looks)
    return {
        "alert": rule.alert,
        "labels": dict(rule.labels),
        "metric": rule.metric,
        "unit": "" if rule.metric is None else find_metric(rule.metric).unit,
        "condition": rule.judged,
        "threshold": None if condition is None else condition.threshold,
        "resolve_threshold": None if rule.resolve_condition is None else rule.resolve_condition.threshold,
        "from": rfc3339(found.start),
        "to": rfc3339(found.end),
        "interval_seconds": found.interval_seconds,
        "step_seconds": found.interval_seconds * size,
        "looks": found.looks,
        "health": {str(kind): found.health[kind] for kind in Health},
        "fired": sum(len(alert.firing) for alert in found.alerts),
        "firing_seconds": sum(_until(found, span) - span.fired_at for alert in found.alerts for span in alert.firing),
        "alerts": len(found.alerts),
        "series": [_series(found, alert, graded.grade, size) for alert in found.alerts[:MOST_SERIES]],
        "grade": None if graded.grade is None else _grade(graded.grade),
        "ungraded": graded.ungraded,
    }


def _until(found: Backtest, span: FiringSpan) -> float:
    return found.end if span.ended_at is None else span.ended_at


def _series(found: Backtest, alert: AlertTimeline, grade: Grade | None, size: int) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
        "points": [[at, value] for at, value in thinned(alert.points, found.rule.condition, size)],
        "firing": [
            {
                "from": rfc3339(span.fired_at),
                "to": rfc3339(span.ended_at),
                "value": span.value,
                "cause": str(span.cause),
                **_verdict(_graded(grade, alert, span.fired_at)),
            }
            for span in alert.firing
        ],
        "pending": [{"from": rfc3339(start), "to": rfc3339(end)} for start, end in alert.pending if start != end],
        "transitions": [
            {
                "kind": str(event.kind),
                "at": rfc3339(event.at),
                "value": event.value,
                "cause": str(event.cause),
                "error": event.error,
            }
            for event in alert.events
        ],
    }


def _graded(grade: Grade | None, alert: AlertTimeline, fired_at: float) -> GradedFiring | None:
    if grade is None:
        return None
    group = tuple(alert.labels.get(name, "") for name in grade.definition.group_by)
    return next(
        (each for each in grade.firings if (each.firing.group, each.firing.fired_at) == (group, fired_at)), None
    )


def _verdict(graded: GradedFiring | None) -> dict[str, Any]:
    if graded is None:
        return {"verdict": None, "lead_seconds": None}
    return {"verdict": str(graded.verdict), "lead_seconds": graded.lead_seconds}


def _grade(grade: Grade) -> dict[str, Any]:
    definition = grade.definition
    verdicts = [str(each.verdict) for each in grade.firings]
    return {
        "bad_when": definition.said,
        "metric": definition.metric,
        "condition": str(definition.condition),
        "window_seconds": definition.window_seconds,
        "known_share": grade.known_share,
        "label_delay_seconds": grade.label_delay_seconds,
        "firings": {name: verdicts.count(name) for name in ("right", "wrong", "unknown")},
        "precision": grade.precision,
        "recall": grade.recall,
        "lead_seconds": grade.lead_seconds,
        "episodes": [
            {
                "labels": dict(zip(definition.group_by, episode.group, strict=True)),
                "from": rfc3339(episode.begins),
                "bad_at": rfc3339(episode.bad_at),
                "to": rfc3339(episode.ends),
                "found": episode.found,
            }
            for episode in grade.episodes
        ],
    }
