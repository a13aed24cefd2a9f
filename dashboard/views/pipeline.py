"""The pipeline itself: can what the other pages show be trusted, what does it cost, and who did what?"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.session import arriving_state, now, settings, write_query
from dashboard.states.pipeline import SECTIONS, PipelineState
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.operating import may_operate
from dashboard.views.pipeline_audit import draw_audit
from dashboard.views.pipeline_health import draw_health
from dashboard.views.pipeline_map import draw_map
from dashboard.views.pipeline_processes import draw_processes
from dashboard.views.pipeline_queries import draw_queries
from dashboard.views.pipeline_usage import draw_usage
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.sections import pick_section

PAGE: Final = "pipeline"
_TITLES: Final = dict(
    zip(SECTIONS, ("Health", "Processes", "Ingest", "Slow queries", "Service map", "Audit log"), strict=True)
)
_DRAWN: Final[dict[str, Callable[[PipelineState, datetime], None]]] = {
    "health": draw_health,
    "processes": draw_processes,
    "cardinality": draw_usage,
    "queries": draw_queries,
    "map": draw_map,
    "audit": draw_audit,
}
_RANGED: Final = ("health", "queries", "map")


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, PipelineState.read)
    if arrived is not None:
        _load(arrived, moment)
    st.title("Pipeline", anchor=False)
    state = _controls(moment)
    st.session_state[f"{PAGE}.state"] = state
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    every = asks_again_every(PAGE, settings().refresh_seconds)
    st.fragment(_live, run_every=every)(state)


def _load(state: PipelineState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    st.session_state[f"{PAGE}.state"] = state
    st.session_state[f"{PAGE}.section"] = state.section
    load_range(PAGE, state.period, state.zone, moment)


def _controls(moment: datetime) -> PipelineState:
    """Draw what is chosen."""
    last: PipelineState = st.session_state[f"{PAGE}.state"]
    if f"{PAGE}.range" not in st.session_state:
        load_range(PAGE, last.period, last.zone, moment)
    # The audit log names people: it is for operators.
    named = last.section == "audit" or may_operate()
    titles = {name: title for name, title in _TITLES.items() if name != "audit" or named}
    section = pick_section(PAGE, titles, last.section)
    custom = section in _RANGED and st.session_state[f"{PAGE}.range"] == CUSTOM
    places = st.columns([2, 2, *([2, 2] if custom else [4])], vertical_alignment="bottom")
    ranged = section in _RANGED
    with places[1 if ranged else 0]:
        zone = pick_zone(PAGE)
    period = last.period
    if ranged:
        with places[0]:
            period = pick_range(PAGE, zone, moment, places[2:] if custom else ())
    return PipelineState(section, period, zone, last.statement if section == "queries" else "")


def _live(state: PipelineState) -> None:
    """The part that refreshes by itself."""
    draw_lasting(PAGE, state, lambda: _DRAWN[state.section](state, now()))
