"""Logs: searching them, watching them come, and the way from and to the trace."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.navigation import page_link
from dashboard.plain_text import one_line
from dashboard.session import arriving_state, now, rights, write_query
from dashboard.states.logs import SEVERITIES, LogsState
from dashboard.views.log_search import begin_table_anew, draw_search, services_seen
from dashboard.views.log_tail import draw_tail
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone

PAGE: Final = "logs"
_SEVERITY_TITLES: Final = {"": "Any", "fatal": "Fatal"}
_WIDGETS: Final = ("service", "severity", "text", "live")


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, LogsState.read)
    if arrived is not None:
        _load(arrived, moment)
    st.title("Logs", anchor=False)
    state = _controls(moment)
    st.session_state[f"{PAGE}.state"] = state
    above = st.container()
    if state.trace:
        state = _trace(state)
    if not range_is_right(state.period, moment):
        with above:
            tell_complaints(PAGE)
        return
    write_query(PAGE, state.query())
    if state.live:
        draw_tail(state)
    else:
        draw_search(state)
    # Last, for the search may begin the page anew.
    with above:
        tell_complaints(PAGE)


def _load(state: LogsState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    st.session_state[f"{PAGE}.state"] = state
    begin_table_anew(state.record)
    load_range(PAGE, state.period, state.zone, moment)
    for name in _WIDGETS:
        st.session_state[f"{PAGE}.{name}"] = getattr(state, name) or (
            None if name == "service" else getattr(state, name)
        )


def _controls(moment: datetime) -> LogsState:
    """Draw what is chosen."""
    last: LogsState = st.session_state[f"{PAGE}.state"]
    if f"{PAGE}.range" not in st.session_state:
        _load(last, moment)
    upper = st.columns([4, 2, 2, 1.4], vertical_alignment="bottom")
    text = upper[0].text_input(
        "Text", key=f"{PAGE}.text", placeholder="What the message holds", icon=":material/search:", max_chars=400
    )
    with upper[1]:
        service = _pick_service(last)
    severity = upper[2].selectbox(
        "Severity",
        SEVERITIES,
        format_func=lambda name: _SEVERITY_TITLES.get(name, f"{name.capitalize()} and above"),
        key=f"{PAGE}.severity",
    )
    live = upper[3].toggle("Live", key=f"{PAGE}.live", help="Show new records as they come.")
    period = last.period
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM and not live
    lower = st.columns([2, 2, *([2, 2] if custom else [4])], vertical_alignment="bottom")
    ranged = not live and not last.trace
    with lower[1 if ranged else 0]:
        zone = pick_zone(PAGE)
    if ranged:
        with lower[0]:
            period = pick_range(PAGE, zone, moment, lower[2:] if custom else ())
    return LogsState(
        service=service,
        severity=str(severity or ""),
        text=text.strip(),
        trace=last.trace,
        span=last.span,
        # The tail shows no record whole.
        record="" if live else last.record,
        live=live,
        period=period,
        zone=zone,
    )


def _pick_service(last: LogsState) -> str:
    chosen = st.session_state.get(f"{PAGE}.service") or last.service
    options = list(dict.fromkeys([*sorted(services_seen(rights())), *([chosen] if chosen else [])]))
    picked = st.selectbox(
        "Service",
        options,
        index=None,
        key=f"{PAGE}.service",
        placeholder="All services",
        format_func=lambda name: one_line(name, 60),
        accept_new_options=True,
    )
    return str(picked or "")


def _trace(state: LogsState) -> LogsState:
    """Say that the page is about one trace, with the way to it and out of it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        of = f"span `{state.span}` of trace" if state.span else "trace"
        st.markdown(f"Records of {of} `{state.trace}`, whenever it was.", width="content")
        page_link("traces", "Show the trace", {"trace": [state.trace]}, icon=":material/account_tree:")
        if st.button("All records", icon=":material/close:", type="tertiary", key=f"{PAGE}.untrace"):
            state = replace(state, trace="", span="")
            st.session_state[f"{PAGE}.state"] = state
            write_query(PAGE, state.query())
            st.rerun()
    return state
