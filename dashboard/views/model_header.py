"""What the models page says of a model first: the verdict, and what is special about its figures."""

from typing import Final

import streamlit as st

from dashboard.charts.units import figure
from dashboard.model_answers import Model, Performance
from dashboard.plain_text import plain
from dashboard.states.models import ModelsState
from dashboard.verdict import Level, Verdict

_LOOKS: Final = {
    Level.GOOD: ("green", ":material/check_circle:"),
    Level.ATTENTION: ("orange", ":material/error:"),
    Level.BAD: ("red", ":material/cancel:"),
    Level.EMPTY: ("gray", ":material/inbox:"),
    Level.UNKNOWN: ("gray", ":material/hourglass_top:"),
}
_LABELS: Final = """
**Labels bring figures.** Send what turned out to be true, by the prediction's id, when it is known:

    sightglass labels load labels.csv          # prediction_id,label,observed_at

or `record_label(prediction_id, "late")` in your service. They may come days later: each prediction is joined with its
label whenever that arrives.
"""


def draw_verdict(judged: Verdict) -> None:
    """Draw the verdict in words."""
    colour, icon = _LOOKS[judged.level]
    with st.container(border=True, gap="xsmall"):
        st.subheader(f":{colour}[{icon} {judged.headline}]", anchor=False)
        st.markdown("  \n".join(plain(reason, 600) for reason in judged.reasons))


def draw_remarks(answer: Performance, model: Model | None, state: ModelsState) -> None:
    """Say what must be known to read the figures."""
    remarks = []
    if state.features or state.filters:
        conditions = ", ".join(plain(text, 60) for text in (*state.features, *state.filters))
        remarks.append(f"Only predictions where {conditions}.")
    if answer.left_out:
        others = ", ".join(f"{count:,} of {plain(task, 40)}" for task, count in answer.left_out.items())
        remarks.append(f"Predictions of other tasks under this name do not count: {others}.")
    if answer.approximate:
        remarks.append(f"Figures are from kept sums, off by at most {figure(answer.error_bound, 'ratio')}.")
    after = answer.maturity.mature_after_seconds
    if after is not None and answer.labels:
        remarks.append(f"95 % of its labels come within {figure(after, 's')}.")
    if model is not None and len(model.services) > 0:
        remarks.append(f"Predicted by {plain(', '.join(model.services), 160)}.")
    if remarks:
        st.caption(" ".join(remarks))


def teach_labels() -> None:
    """Say how labels come to be here."""
    with st.container(border=True):
        st.markdown(_LABELS)
