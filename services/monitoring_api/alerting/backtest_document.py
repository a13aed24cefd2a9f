"""Backtests as answers: chart-ready, in JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from services.monitoring_api.alerting.backtest import AlertTimeline, Backtest, FiringSpan, thinned, thinning
from services.monitoring_api.alerting.backtester import Graded
from services.monitoring_api.alerting.grading import Grade, GradedFiring
from services.monitoring_api.alerting.models import Health
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.queries.catalogue import find_metric

# Alerts with a timeline in the answer; those that fired come first.
MOST_ALERTS: Final = 50


def backtest_document(graded: Graded) -> dict[str, Any]:
    """The backtest of one rule, or of all that an objective becomes."""
    first = graded.found[0]
    alerts = [(found, alert) for found in graded.found for alert in found.alerts]
    alerts.sort(key=lambda one: (not one[1].firing, sorted(one[1].labels.items())))
    conditions = {found.rule.judged for found in graded.found}
    health: Counter[Health] = sum((found.health for found in graded.found), Counter())
    size = thinning(first.looks)
    threshold = None if first.rule.condition is None else first.rule.condition.threshold
    return {
        "rule": first.rule.alert,
        "metric": first.rule.metric,
        "unit": "" if first.rule.metric is None else find_metric(first.rule.metric).unit,
        "condition": first.rule.judged if len(conditions) == 1 else "error budget spent too fast",
        "threshold": threshold if len(conditions) == 1 else None,
        "from": rfc3339(first.start),
        "to": rfc3339(first.end),
        "interval_seconds": first.interval_seconds,
        "step_seconds": first.interval_seconds * size,
        "looks": sum(found.looks for found in graded.found),
        "health": {str(kind): health[kind] for kind in Health},
        "fired": sum(len(alert.firing) for _, alert in alerts),
        "firing_seconds": sum(_until(found, span) - span.fired_at for found, alert in alerts for span in alert.firing),
        "alerts_seen": len(alerts),
        "alerts": [_alert(found, alert, graded.grade, size) for found, alert in alerts[:MOST_ALERTS]],
        "grade": None if graded.grade is None else _grade(graded.grade),
        "message": _message(graded, alerts),
    }


def _message(graded: Graded, alerts: Sequence[object]) -> str | None:
    said = []
    if len(alerts) > MOST_ALERTS:
        said.append(f"Of {len(alerts):,} alerts the first {MOST_ALERTS} have a timeline here.")
    if graded.ungraded is not None:
        said.append(f"Firings are not graded: {graded.ungraded}.")
    return " ".join(said) or None


def _until(found: Backtest, span: FiringSpan) -> float:
    return found.end if span.ended_at is None else span.ended_at


def _alert(found: Backtest, alert: AlertTimeline, grade: Grade | None, size: int) -> dict[str, Any]:
    pending = [
        {"state": "pending", "from": rfc3339(start), "to": rfc3339(end), **_NO_FIRING}
        for start, end in alert.pending
        if start != end
    ]
    firing = [
        {
            "state": "firing",
            "from": rfc3339(span.fired_at),
            "to": rfc3339(span.ended_at),
            "value": span.value,
            "cause": str(span.cause),
            **_verdict(_graded(grade, alert, span.fired_at)),
        }
        for span in alert.firing
    ]
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
        "points": [[at, value] for at, value in thinned(alert.points, found.rule.condition, size)],
        "spans": sorted((*pending, *firing), key=lambda span: str(span["from"])),
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


_NO_FIRING: Final = {"value": None, "cause": None, "verdict": None, "lead_seconds": None}


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
        "definition": definition.said,
        "metric": definition.metric,
        "condition": str(definition.condition),
        "window_seconds": definition.window_seconds,
        "known_share": grade.known_share,
        "label_delay_seconds": grade.label_delay_seconds,
        "firings": {name: verdicts.count(name) for name in ("right", "wrong", "unknown")},
        "precision": grade.precision,
        "recall": grade.recall,
        "lead_time_seconds": grade.lead_seconds,
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
