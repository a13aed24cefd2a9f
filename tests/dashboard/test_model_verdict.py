"""The verdict on a model: how well, how sure, how mature, against what."""

from datetime import UTC, datetime

import pytest

from dashboard.api_errors import ApiTooSlowError
from dashboard.model_answers import Figure, Performance
from dashboard.model_verdict import model_verdict
from dashboard.verdict import Level

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def performance(
    value: float | None = 0.5, half: float = 0.01, *, metric: str = "log_loss", **more: object
) -> Performance:
    """A binary model's performance, by one figure."""
    low, high = (None, None) if value is None else (value - half, value + half)
    known = Figure(value=value, low=low, high=high, n=970, reason=None if value else "all labels are of one class")
    content = {"predictions": 1_000, "labels": 970, "label_coverage": 0.97, "mature": True, "task": "binary", **more}
    return Performance.model_validate(
        {"model": "m", "from": NOW, "to": NOW, "metrics": {metric: known.model_dump()}, **content}
    )


def judged(now: Performance, before: Performance | ApiTooSlowError | None = None) -> tuple[Level, str, str]:
    """Level, headline and all reasons."""
    told = model_verdict(now, before, period="the last 24 hours", period_before="the 24 hours before")
    return told.level, told.headline, " ".join(told.reasons)


@pytest.mark.parametrize(
    ("now", "before", "metric", "level", "headline"),
    [
        (0.50, 0.40, "log_loss", Level.ATTENTION, "Worse than before"),
        (0.40, 0.50, "log_loss", Level.GOOD, "Better than before"),
        (0.50, 0.51, "log_loss", Level.GOOD, "As good as before"),
        (0.70, 0.80, "roc_auc", Level.ATTENTION, "Worse than before"),
        (0.80, 0.70, "roc_auc", Level.GOOD, "Better than before"),
    ],
)
def test_it_is_worse_only_when_the_intervals_do_not_meet(
    now: float, before: float, metric: str, level: Level, headline: str
) -> None:
    """Of a loss less is better, of an area more; what chance explains is no change."""
    found = judged(performance(now, metric=metric), performance(before, metric=metric))
    assert found[:2] == (level, headline)


def test_a_model_is_not_judged_by_labels_that_still_come() -> None:
    """However bad the figure looks."""
    early = performance(0.9, mature=False, labels=300, label_coverage=0.3, expected_coverage_finally=0.98)
    level, headline, reasons = judged(early, performance(0.4))
    assert (level, headline) == (Level.UNKNOWN, "Too early to tell")
    assert "98 % are to be expected in the end" in reasons
    assert "Don't act" in reasons


def test_what_is_not_known_is_said() -> None:
    """No predictions, no labels, no figure with its reason, nothing before, and a question that failed."""
    assert judged(performance(predictions=0, labels=0))[0] is Level.EMPTY
    assert "no labels have come" in judged(performance(labels=0))[1]
    level, headline, reasons = judged(performance(None))
    assert (level, headline) == (Level.UNKNOWN, "Its labels say nothing yet")
    assert "All labels are of one class." in reasons
    assert "There are no labelled predictions of the 24 hours before" in judged(performance(), None)[2]
    level, _, reasons = judged(performance(), ApiTooSlowError("No answer in time."))
    assert level is Level.UNKNOWN
    assert "No answer in time." in reasons


def test_a_period_before_whose_labels_still_come_is_no_fact() -> None:
    """It is compared, and said to be unfinished."""
    assert "of which labels still come" in judged(performance(), performance(0.4, mature=False))[2]
