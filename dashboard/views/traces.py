"""Traces: search, durations over time, why requests were slow, exceptions, and one trace whole."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.session import arriving_query, leave_when_denied, now, write_query
from dashboard.states.traces import TracesState
from dashboard.views.notices import failure_notice, range_is_right, tell_complaints
from dashboard.views.trace_controls import PAGE, load_controls, pick_traces
from dashboard.views.trace_detail import draw_trace
from dashboard.views.trace_exceptions import draw_exceptions
from dashboard.views.trace_heatmap import draw_heat_map
from dashboard.views.trace_search import draw_search
from dashboard.views.trace_slow import draw_why_slow

RETRY_SECONDS: Final = 4.0
_DRAWN: Final[dict[str, Callable[[TracesState, datetime], None]]] = {
    "search": draw_search,
    "heatmap": draw_heat_map,
    "slow": draw_why_slow,
    "exceptions": draw_exceptions,
}


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        arrived, complaints = TracesState.read(query, moment)
        load_controls(arrived, moment)
        st.session_state[f"{PAGE}.complaints"] = complaints
    state: TracesState = st.session_state[f"{PAGE}.state"]
    if not state.trace:
        st.title("Traces", anchor=False)
        state = pick_traces(state, moment)
        st.session_state[f"{PAGE}.state"] = state
    tell_complaints(PAGE)
    if not state.trace and not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else None
    st.fragment(_part, run_every=every)(state, moment)


def _part(state: TracesState, moment: datetime) -> None:
    """What is asked for; while the API is away, by itself again and again."""
    failing = False
    try:
        if state.trace:
            draw_trace(state, moment)
        else:
            _DRAWN[state.section](state, moment)
    except ApiError as error:
        leave_when_denied(error)
        failing = error.passing
        failure_notice(error)
    if failing != bool(st.session_state.get(f"{PAGE}.failing")):
        st.session_state[f"{PAGE}.failing"] = failing
        # The whole page, for only there the pace of asking again is set.
        st.rerun()
