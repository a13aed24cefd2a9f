"""Why a model is wrong, over all its predictions or a part of them: the explainer's answer."""

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.carried_filters import predictions_of
from dashboard.explain_answers import Finding
from dashboard.explain_questions import wrong_explanation
from dashboard.filter_text import prediction_search
from dashboard.navigation import has_page, page_link
from dashboard.session import leave_when_denied
from dashboard.states.models import ModelsState
from dashboard.views.asking import ask_lately
from dashboard.views.findings import CasesLink, draw_findings
from dashboard.views.left_out import note_left_out
from dashboard.views.notices import failure_notice


def draw_wrong(state: ModelsState, task: str | None) -> None:
    """Draw the section."""
    question = wrong_explanation(
        model=state.model,
        version=state.version,
        variant=state.variant,
        start=state.period.start,
        end=state.period.end,
        filters=state.filters,
        features=state.features,
    )
    with st.spinner("Comparing the wrong predictions with all others …"):
        (answer,) = ask_lately([question])
    if isinstance(answer, ApiError):
        leave_when_denied(answer)
        failure_notice(answer)
        return
    if task == "regression":
        st.caption("Of a regression, the tenth with the largest errors is what is called wrong.")
    if not answer.selected + answer.rest:
        st.info("No prediction of this range has a label yet, so none is known to be wrong.")
        return
    draw_findings(
        answer,
        key="models.wrong",
        filter_link=lambda finding: _cases(finding, state),
        selected="wrong predictions",
        rest="right ones",
    )
    if not answer.findings:
        st.markdown(
            f"Nothing sets the wrong ones apart: look at the whole under Performance, at the labels, or at another "
            f"range. {answer.searched:,} possible causes were compared."
        )
    if has_page("predictions"):
        outcome = "" if task == "regression" else "wrong"
        found = predictions_of(state, outcome=outcome)
        page_link(
            "predictions", "Every prediction that was wrong" if outcome else "Its predictions", found.state.query()
        )
        note_left_out(found.left_out)


def _cases(finding: Finding, state: ModelsState) -> CasesLink | None:
    """The predictions that a finding is about, wrong ones first of all."""
    found = prediction_search(finding.each)
    if found is None:
        return None
    whole = predictions_of(state, outcome="wrong")
    search = whole.state.query()
    features = list(dict.fromkeys([*search.get("feature", []), *found.query.get("feature", [])]))
    merged = {**search, **found.query, **({"feature": features} if features else {})}
    return CasesLink("predictions", "Use as a filter", merged, found.left_out, whole.left_out)
