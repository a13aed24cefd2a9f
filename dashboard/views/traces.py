"""Traces: search, durations over time, why requests were slow, exceptions, and one trace whole."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.session import arriving_state, now, write_query
from dashboard.states.traces import TracesState
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.trace_controls import PAGE, load_controls, pick_traces
from dashboard.views.trace_detail import draw_trace
from dashboard.views.trace_exceptions import draw_exceptions
from dashboard.views.trace_heatmap import draw_heat_map
from dashboard.views.trace_search import draw_search
from dashboard.views.trace_slow import draw_why_slow

_DRAWN: Final[dict[str, Callable[[TracesState, datetime], None]]] = {
    "search": draw_search,
    "heatmap": draw_heat_map,
    "slow": draw_why_slow,
    "exceptions": draw_exceptions,
}


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, TracesState.read)
    if arrived is not None:
        load_controls(arrived, moment)
    state: TracesState = st.session_state[f"{PAGE}.state"]
    if not state.trace:
        st.title("Traces", anchor=False)
        state = pick_traces(state, moment)
        st.session_state[f"{PAGE}.state"] = state
    tell_complaints(PAGE)
    if not state.trace and not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    every = asks_again_every(PAGE)
    st.fragment(_part, run_every=every)(state, moment)


def _part(state: TracesState, moment: datetime) -> None:
    """What is asked for; while the API is away, by itself again and again."""

    def drawing() -> None:
        if state.trace:
            draw_trace(state, moment)
        else:
            _DRAWN[state.section](state, moment)

    # Another span of the same trace, or region of the same map, rests on the same answers.
    draw_lasting(PAGE, replace(state, span="", region=None), drawing)
