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
from dashboard.views.waiting import waiting

PAGE: Final = "traces"


def draw_why_slow(state: TracesState, moment: datetime) -> None:
    """Draw the explainer's answer for the state's requests."""
    least, most = state.min_duration_ms, state.max_duration_ms
    if most is not None and least is None:
        st.info(
            "All quicker requests are what the slow ones are compared with: say also how long they took **at least**, "
            "or leave *At most* empty to compare the slowest twentieth of each route.",
            icon=":material/troubleshoot:",
        )
        _slowest_twentieth(state)
        return
    of = f" of {plain(state.route or state.service, 80)}" if state.route or state.service else ""
    period = plain(state.period.in_words(moment, zone_of(state.zone)))
    rest = "the others" if most is None else "quicker ones"
    st.markdown(f"What do requests{of} that took {_durations(least, most)} have more often than {rest}? ({period})")
    if state.name or state.kind not in {"", "server"}:
        st.caption("This is about requests: neither the kind nor the name of a span that was searched for counts here.")
    with waiting(PAGE, "slow", words="Comparing the slow requests with the others …"):
        explanation: Explanation = held(f"{PAGE}.why", (state, moment), lambda: client().ask(why_slow(state)))

    draw_findings(
        explanation,
        key=f"{PAGE}.findings",
        filter_link=lambda finding: link_of(finding, state),
        selected="slow requests" if most is None else f"requests of {figure(least, 'ms')} to {figure(most, 'ms')}",
        rest="other requests" if most is None else "quicker requests",
    )
    if not explanation.searched and least is not None:
        # Of a threshold that hardly any request exceeds nothing can be said.
        _slowest_twentieth(state)


def _durations(least: float | None, most: float | None) -> str:
    if least is None:
        return "longer than 95 % of their route's"
    if most is None:
        return f"longer than {figure(least, 'ms')}"
    return f"{figure(least, 'ms')} to {figure(most, 'ms')}"


def _slowest_twentieth(state: TracesState) -> None:
    page_link(
        PAGE,
        "Compare the slowest twentieth instead",
        replace(state, min_duration_ms=None, max_duration_ms=None).query(),
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
        return CasesLink("predictions", "Predictions with it", query, predictions.left_out, _of_requests(state))
    if "name" in spans.query:
        query = {"section": ["search"], "sort": ["duration"], **spans.query, **range_}
        return CasesLink(PAGE, "Traces with it", query, spans.left_out, _of_requests(state))
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


def _of_requests(state: TracesState) -> list[str]:
    """What is asked of requests that a search for predictions, or for the spans within requests, cannot ask for."""
    named = [f"{name} = {value}" for name in ("service", "route", "status") if (value := getattr(state, name))]
    lasting = [_durations(state.min_duration_ms, state.max_duration_ms)] if state.min_duration_ms is not None else []
    return [*named, *lasting, *state.attributes]
