"""The models page's first line: how well the model does, how sure that is, and whether its labels have come."""

from collections.abc import Sequence

from dashboard.api_errors import ApiError
from dashboard.charts.units import figure
from dashboard.model_answers import Figure, Part, Performance
from dashboard.model_figures import Better, apart, first_figures, interval_text, kind_of, value_text
from dashboard.verdict import Level, Verdict


def model_verdict(
    now: Performance, before: Performance | ApiError | None, *, period: str, period_before: str
) -> Verdict:
    """Judge a model by its labels, against the period before.

    Args:
        now: the range that is looked at.
        before: the same length before it, or why it is unknown.
        period: the range in words, such as `the last 24 hours`.
        period_before: the same of `before`.
    """
    if not now.predictions:
        return Verdict(Level.EMPTY, "No predictions here", (f"It made none in {period}.",))
    if not now.labels:
        return Verdict(Level.UNKNOWN, "Nobody knows yet: no labels have come", (_without_labels(now, period),))
    name = deciding(now)
    if name is None:
        reasons = sorted({one.reason for one in now.metrics.values() if one.reason})
        return Verdict(Level.UNKNOWN, "Its labels say nothing yet", (*_capitals(reasons[:3]), coverage_words(now)))
    measured = now.metrics[name]
    told = [_how_well(name, measured, period), coverage_words(now)]
    if not now.mature:
        early = "Early labels are biased: those that take longest are often the bad ones. Don't act on these figures."
        return Verdict(Level.UNKNOWN, "Too early to tell", (*told, early))
    headline, level, compared = _against(name, measured, before, period_before)
    return Verdict(level, headline, (told[0], compared, told[1]))


def deciding(part: Part) -> str | None:
    """The figure that decides: the first of the task's that has a value."""
    task = part.task if isinstance(part, Performance) else None
    names = first_figures(task)
    return next((name for name in names if name in part.metrics and part.metrics[name].value is not None), None)


def coverage_words(part: Part) -> str:
    """How many labels have come, of how many that are to be expected."""
    share = figure(part.label_coverage, "ratio")
    counted = f"{part.labels:,} of {part.predictions:,} predictions have a label ({share})"
    if part.mature:
        return f"{counted}: nearly all that are ever to be expected."
    if part.expected_coverage_finally is not None:
        return f"{counted}; {figure(part.expected_coverage_finally, 'ratio')} are to be expected in the end."
    why = f": {part.immature_because.rstrip('.')}" if part.immature_because else ""
    return f"{counted}; whether more will come is not known{why}."


def _without_labels(now: Performance, period: str) -> str:
    return f"{now.predictions:,} predictions in {period}, and not one label: how good they are can't be said."


def _how_well(name: str, measured: Figure, period: str) -> str:
    interval = interval_text(name, measured)
    sure = f" (95 % interval {interval})" if interval else ""
    return f"{kind_of(name).title} {value_text(name, measured.value)}{sure} over {measured.n:,} labelled in {period}."


def _against(
    name: str, now: Figure, before: Performance | ApiError | None, period_before: str
) -> tuple[str, Level, str]:
    """Headline, level, and what it is compared with."""
    if isinstance(before, ApiError):
        return (
            "As measured; there is nothing to compare it with",
            Level.UNKNOWN,
            (f"What it was in {period_before} is not known: {before.detail}"),
        )
    then = before.metrics.get(name) if before is not None else None
    if then is None or then.value is None or now.value is None or before is None:
        return (
            "As measured; there is nothing to compare it with",
            Level.GOOD,
            (f"There are no labelled predictions of {period_before} to compare it with."),
        )
    was = f"{kind_of(name).title} was {value_text(name, then.value)}"
    interval = interval_text(name, then)
    was += f" ({interval}) in {period_before}" if interval else f" in {period_before}"
    if not before.mature:
        was += ", of which labels still come"
    differ = apart(now, then)
    if not differ:
        chance = "" if differ is None else ": no more apart than chance"
        return "As good as before", Level.GOOD, f"{was}{chance}."
    better = (now.value > then.value) == (kind_of(name).better is Better.HIGHER)
    if better:
        return "Better than before", Level.GOOD, f"{was}; the intervals don't meet."
    return "Worse than before", Level.ATTENTION, f"{was}; the intervals don't meet, so this is not chance."


def _capitals(texts: Sequence[str]) -> list[str]:
    return [f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in texts]
