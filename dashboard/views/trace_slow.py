"""Why requests were slow."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.charts.units import figure
from dashboard.explain_answers import Explanation, Finding
from dashboard.filter_text import prediction_search, span_search
from dashboard.navigation import page_link
from dashboard.plain_text import plain
from dashboard.session import client
from dashboard.states.traces import TracesState
from dashboard.time_range import zone_of
from dashboard.trace_questions import why_slow
from dashboard.views.findings import CasesLink, draw_findings
from dashboard.views.held import held

PAGE: Final = "traces"


def draw_why_slow(state: TracesState, moment: datetime) -> None:
    """Draw the explainer's answer for the state's requests."""
    of = f" of {plain(state.route or state.service, 80)}" if state.route or state.service else ""
    least = state.min_duration_ms
    than = "than 95 % of their route's" if least is None else f"than {figure(least, 'ms')}"
    period = state.period.in_words(moment, zone_of(state.zone))
    st.markdown(f"What do requests{of} that took longer {than} have more often than the others? ({plain(period)})")
    with st.spinner("Comparing the slow requests with the others …"):
        explanation: Explanation = held(f"{PAGE}.why", (state, moment), lambda: client().ask(why_slow(state)))

    draw_findings(
        explanation,
        key=f"{PAGE}.findings",
        filter_link=lambda finding: link_of(finding, state),
        selected="slow requests",
        rest="other requests",
    )
    if not explanation.searched and least is not None:
        # Of a threshold that hardly any request exceeds nothing can be said.
        page_link(
            PAGE,
            "Compare the slowest twentieth instead",
            replace(state, min_duration_ms=None).query(),
            icon=":material/troubleshoot:",
            icon_position="left",
        )


def link_of(finding: Finding, state: TracesState) -> CasesLink | None:
    """Where the cases of a finding are shown: traces that meet it, or predictions where it is more about features."""
    range_ = {"from": [state.period.start], "to": [state.period.end], "tz": [state.zone]}
    spans, predictions = span_search(finding.each), prediction_search(finding.each)
    if spans is None or (predictions is not None and len(predictions.left_out) < len(spans.left_out)):
        if predictions is None:
            return None
        query = {**predictions.query, **range_}
        return CasesLink("predictions", "Predictions with it", query, predictions.left_out)
    if "name" in spans.query:
        query = {"section": ["search"], "sort": ["duration"], **spans.query, **range_}
        return CasesLink(PAGE, "Traces with it", query, spans.left_out)
    kept = replace(
        state,
        section="search",
        kind="server",
        name="",
        attributes=tuple(dict.fromkeys([*state.attributes, *spans.query["attr"]])),
        sort="duration",
        cursor="",
    )
    return CasesLink(PAGE, "Traces with it", kept.query(), spans.left_out)
