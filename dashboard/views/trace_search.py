"""Traces that meet conditions, page by page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.charts.units import figure
from dashboard.navigation import go_to, page_link
from dashboard.plain_text import one_line
from dashboard.session import client
from dashboard.states.traces import TracesState
from dashboard.time_range import zone_name, zone_of
from dashboard.trace_answers import FoundTrace, TraceList
from dashboard.trace_questions import found_traces
from dashboard.views.held import held
from dashboard.views.listed import pick_listed
from dashboard.views.notices import nothing_here
from dashboard.views.waiting import waiting

PAGE: Final = "traces"


def draw_search(state: TracesState, moment: datetime) -> None:
    """Draw a page of traces; a chosen one opens."""
    with waiting(PAGE, "search", words="Looking for traces …"):
        answer: TraceList = held(f"{PAGE}.found", (state, moment), lambda: client().ask(found_traces(state)))
    if not answer.traces:
        if state.cursor:
            st.info("There are no more traces.", icon=":material/search_off:")
            _pages(state, answer)
        else:
            nothing_here(filtered=state.conditions != TracesState(period=state.period, sort=state.sort))
        return
    zone = zone_of(state.zone)
    order = "longest first" if state.sort == "duration" else "newest first"
    shown = f"{len(answer.traces)} traces, {order}. Times are {zone_name(zone, answer.end)}."
    st.caption(f"{shown} Choose one to open it.")
    table = table_of(answer.traces, state.zone)
    event = st.dataframe(
        table,
        hide_index=True,
        key=f"{PAGE}.list",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{len(answer.traces)} traces, {order}",
        column_config={
            "Share of the longest": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format=" "),
        },
    )
    rows = event.selection.rows
    if rows and rows[0] < len(answer.traces):
        _open(answer.traces[rows[0]].trace_id, state)
    _list(answer.traces, table, state)
    _pages(state, answer)


def _open(trace_id: str, state: TracesState) -> None:
    go_to(PAGE, replace(state, trace=trace_id).query())


def _list(traces: Sequence[FoundTrace], table: pd.DataFrame, state: TracesState) -> None:
    # With the id, for an option is told by its words alone.
    told = ("Start", "Duration", "Service", "Operation", "Status", "Trace")
    words = {
        trace.trace_id: " · ".join(str(row[name]) for name in told)
        for trace, row in zip(traces, table.to_dict("records"), strict=True)
    }
    if chosen := pick_listed(PAGE, words):
        _open(chosen, state)


def table_of(traces: Sequence[FoundTrace], zone: str) -> pd.DataFrame:
    """The traces as a table of text; cells of a data frame show no markup."""
    longest = max((trace.duration_ms for trace in traces), default=0.0) or 1.0
    rows = [
        {
            "Start": f"{trace.start.astimezone(zone_of(zone)):%d %b %H:%M:%S.%f}"[:-3],
            "Duration": figure(trace.duration_ms, "ms"),
            "Share of the longest": trace.duration_ms / longest,
            "Service": one_line(trace.service, 60),
            "Operation": one_line(trace.name, 80) + (" (its first span is missing)" if trace.root_missing else ""),
            "Status": status_of(trace),
            "Spans": trace.span_count,
            "Failed": trace.error_count,
            "Services": one_line(", ".join(trace.services), 80),
            "Trace": one_line(trace.trace_id, 32),
        }
        for trace in traces
    ]
    return pd.DataFrame(rows)


def status_of(trace: FoundTrace) -> str:
    """The status in words, with HTTP's code where there is one."""
    code = f" {trace.status_code}" if trace.status_code else ""
    return f"{'✕ ' if trace.status == 'error' else ''}{one_line(trace.status, 10)}{code}"


def _pages(state: TracesState, answer: TraceList) -> None:
    with st.container(horizontal=True):
        if state.cursor:
            first = replace(state, cursor="").query()
            page_link(PAGE, "First page", first, icon=":material/first_page:", icon_position="left")
        if answer.next_cursor:
            following = replace(state, cursor=answer.next_cursor).query()
            page_link(PAGE, "Next page", following, icon=":material/chevron_right:")
