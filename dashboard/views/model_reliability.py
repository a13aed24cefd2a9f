"""Whether a model's scores mean what they say, and what its decisions, or other thresholds, came to."""

from typing import Final

import streamlit as st

from dashboard.charts.confusion import MOST_CLASSES, confusion_matrix, threshold_curves
from dashboard.charts.reliability import ScoreBin, reliability_curve
from dashboard.charts.units import figure
from dashboard.model_answers import Confusion, Performance, Threshold, Thresholds
from dashboard.model_figures import value_text
from dashboard.plain_text import one_line, plain
from dashboard.states.models import ModelsState
from dashboard.views.lines import draw

_BINNING: Final = "equal_mass"
_DEFAULT: Final = 0.5


def draw_reliability(answer: Performance, state: ModelsState) -> None:
    """Draw the section."""
    if answer.task == "regression":
        st.info("A regression decides between no classes: see its errors under Performance.")
        return
    left, right = st.columns(2)
    with left, st.container(border=True):
        _calibration(answer)
    with right, st.container(border=True):
        _decisions(answer, state)
    if answer.task == "binary" and answer.thresholds is not None and answer.thresholds.points:
        with st.container(border=True):
            _costs(answer.thresholds, state)


def _calibration(answer: Performance) -> None:
    st.markdown("**Do scores mean what they say?**")
    curve = next((one for one in answer.reliability if one.binning == _BINNING), None)
    if curve is None or not curve.bins:
        why = (curve.reason if curve else None) or (
            "it is drawn for binary models" if answer.task != "binary" else "too many predictions for this range"
        )
        st.info(f"No reliability curve: {plain(why)}.")
        return
    bins = [ScoreBin(one.score, one.share, one.low, one.high, one.n, one.start, one.end) for one in curve.bins]
    told = "; ".join(f"{one.score:.0%} said, {one.share:.0%} was" for one in bins)
    draw(reliability_curve(bins), key="models.reliability", alternative=f"Reliability curve: {told}.")
    off = [one for one in bins if one.low is not None and one.high is not None and not one.low <= one.score <= one.high]
    error = answer.metrics.get("ece_equal_mass")
    by_chance = answer.metrics.get("ece_equal_mass_by_chance")
    words = f"{len(bins)} bins of equally many predictions; {len(off)} lie off the diagonal by more than chance."
    if error is not None and error.value is not None:
        words += f" Calibration error {value_text('ece_equal_mass', error.value)}"
        if by_chance is not None and by_chance.value is not None:
            words += f", of which chance alone would give {value_text('ece_equal_mass', by_chance.value)}"
        words += "."
    if off:
        high = sum(one.score > one.share for one in off)
        side = (
            "too high" if high == len(off) else "too low" if high == 0 else "in some places too high, in some too low"
        )
        words += f" Its scores are {side}."
    st.caption(words)


def _decisions(answer: Performance, state: ModelsState) -> None:
    st.markdown("**What was decided, and what was true**")
    confusion, thresholds = answer.confusion, answer.thresholds
    if confusion is None or not confusion.n:
        why = thresholds.reason if thresholds and thresholds.reason else "no decision has a label"
        st.info(f"No confusion matrix: {plain(why)}.")
        return
    chosen = None
    if state.threshold is not None and thresholds is not None:
        chosen = thresholds.at(state.threshold)
    shown = confusion if chosen is None else _at(chosen, confusion, answer)
    if len(shown.classes) > MOST_CLASSES:
        st.caption(f"The first {MOST_CLASSES} of {len(shown.classes)} classes.")
    classes = [one_line(name, 40) for name in shown.classes[:MOST_CLASSES]]
    classes = [name if classes.index(name) == place else f"{name} ({place})" for place, name in enumerate(classes)]
    counts = [row[:MOST_CLASSES] for row in shown.counts[:MOST_CLASSES]]
    right = sum(row[place] for place, row in enumerate(shown.counts))
    told = f"{right:,} of {shown.n:,} decisions were right ({figure(right / shown.n, 'ratio')})"
    draw(confusion_matrix(classes, counts), key="models.confusion", alternative=f"Confusion matrix. {told}.")
    by = "as it was decided" if chosen is None else f"by the threshold {chosen.threshold:g}"
    st.caption(f"{told}, {by}. Percentages are of the row: of those that were true.")


def _at(chosen: Threshold, decided: Confusion, answer: Performance) -> Confusion:
    """The confusion matrix of another threshold, the positive class where it stood before."""
    positives = chosen.true_positives + chosen.false_negatives
    totals = [sum(row) for row in decided.counts]
    # The answer does not name the positive class: it is the one that was true as often.
    first = len(totals) != 2 or abs(totals[0] - positives) <= abs(totals[1] - positives)  # noqa: PLR2004 - binary
    hits = (chosen.true_positives, chosen.false_negatives)
    others = (chosen.false_positives, chosen.true_negatives)
    counts = (hits, others) if first else (tuple(reversed(others)), tuple(reversed(hits)))
    names = decided.classes if len(decided.classes) == 2 else ("positive", "other")  # noqa: PLR2004 - binary
    return Confusion(classes=names, counts=counts, n=answer.thresholds.n if answer.thresholds else decided.n)


def _costs(thresholds: Thresholds, state: ModelsState) -> None:
    st.markdown("**What would another threshold have given?**")
    false_alarm, miss = state.alarm_cost, state.miss_cost
    points = [(point.threshold, point.precision, point.recall) for point in thresholds.points]
    draw(
        threshold_curves(points, chosen=state.threshold),
        key="models.thresholds",
        alternative="Precision and recall over the threshold.",
    )
    cheapest = min(thresholds.points, key=lambda point: point.cost(false_alarm, miss))
    told = [
        (
            f"Where a false alarm costs {false_alarm:g} and a miss {miss:g}, the cheapest would have been "
            f"{cheapest.threshold:g}: {cheapest.cost(false_alarm, miss):,.0f}."
        )
    ]
    chosen = thresholds.at(state.threshold) if state.threshold is not None else None
    if chosen is not None:
        told.insert(
            0,
            f"At {chosen.threshold:g}: precision {figure(chosen.precision, 'ratio')}, recall "
            f"{figure(chosen.recall, 'ratio')}, cost {chosen.cost(false_alarm, miss):,.0f}.",
        )
    st.caption(" ".join(told))
