"""Statements to ClickHouse that took long: which, how often, for whom."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.units import figure
from dashboard.navigation import page_link
from dashboard.pipeline_answers import SlowQuery
from dashboard.pipeline_questions import slow_queries
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.time_range import age, zone_of


def draw_queries(state: PipelineState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    found = client().ask(slow_queries(state.period)).queries
    if not found:
        st.success(
            "**No slow statement in this range.** Those of the monitoring API that take longer than "
            "`SIGHTGLASS_MONITORING_API_SLOW_QUERY_SECONDS` are listed here.",
            icon=":material/speed:",
        )
        return
    runs = sum(query.count for query in found)
    total = sum(query.total_seconds for query in found)
    st.caption(f"{runs:,} slow runs, {figure(total, 's')} in all, by the statement's form. Choose one to see its text.")
    rows = [
        {
            "In all": query.total_seconds,
            "Runs": query.count,
            "Slowest": query.max_seconds,
            "Waited": query.waited_seconds,
            "Failed": query.failed,
            "Rows read": query.read_rows,
            "For": one_line(", ".join(query.routes) or ", ".join(query.services), 120),
            "Last": "" if query.last_at is None else f"{age(query.last_at, now)} ago",
            "Statement": one_line(query.query, 160),
        }
        for query in found
    ]
    seconds = st.column_config.NumberColumn(format="%.2f s")
    chosen: Any = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(460, 38 + 35 * len(rows)),
        selection_mode="single-row",
        on_select="rerun",
        key="pipeline.queries",
        column_config={
            "In all": seconds,
            "Slowest": seconds,
            "Waited": seconds,
            "Rows read": st.column_config.NumberColumn(format="compact"),
            "Statement": st.column_config.TextColumn(width="large"),
        },
    )
    picked = chosen.selection.rows if chosen is not None else []
    if picked and picked[0] < len(found):
        _whole(found[picked[0]], state)


def _whole(query: SlowQuery, state: PipelineState) -> None:
    with st.container(border=True):
        st.markdown(f"Form `{plain(query.fingerprint, 40)}`, asked by {plain(', '.join(query.services))}")
        st.code(query.query, language="sql", wrap_lines=True)
        read = f"At most {query.read_rows:,.0f} rows and {figure(query.read_bytes, 'By')} read by one run."
        last = (
            "" if query.last_at is None else f" Last at {query.last_at.astimezone(zone_of(state.zone)):%d %b %H:%M:%S}."
        )
        st.caption(read + last)
        with st.container(horizontal=True):
            if query.trace_id:
                page_link("traces", "Trace of the slowest", {"trace": [query.trace_id]}, icon=":material/account_tree:")
            logs = {"q": [query.fingerprint], "from": [state.period.start], "to": [state.period.end]}
            page_link("logs", "Its log records", logs, icon=":material/subject:")
