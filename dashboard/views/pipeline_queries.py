"""Statements to ClickHouse that took long: which, how often, for whom."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.charts.units import figure
from dashboard.navigation import page_link
from dashboard.pipeline_answers import SlowQuery
from dashboard.pipeline_questions import slow_queries
from dashboard.plain_text import one_line, plain
from dashboard.session import client, write_query
from dashboard.states.pipeline import PipelineState
from dashboard.time_range import age, zone_of
from dashboard.views.listed import pick_listed
from dashboard.views.waiting import waiting

PAGE: Final = "pipeline"
_HEIGHT: Final = 480
_OPENED: Final = "pipeline.queries.opened"


def draw_queries(state: PipelineState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    with waiting(PAGE, "queries", height=_HEIGHT, words="Asking the monitoring API …", of=state.period):
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
    fingerprints = [query.fingerprint for query in found]
    # Not as it came: this part runs again by itself, with the state that the whole page had.
    last: PipelineState = st.session_state.get(f"{PAGE}.state", state)
    place = fingerprints.index(last.statement) if last.statement in fingerprints else None
    opened: str = st.session_state.get(_OPENED, "")
    seconds = st.column_config.NumberColumn(format="%.2f s")
    chosen: Any = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(460, 38 + 35 * len(rows)),
        selection_mode="single-row",
        on_select="rerun",
        # A table keeps its selection by the row: in another order it is another table, that begins with the same one.
        key=f"pipeline.queries.{zlib.crc32(' '.join([opened, *fingerprints]).encode()):08x}",
        selection_default={"selection": {"rows": [] if place is None else [place]}},
        column_config={
            "In all": seconds,
            "Slowest": seconds,
            "Waited": seconds,
            "Rows read": st.column_config.NumberColumn(format="compact"),
            "Statement": st.column_config.TextColumn(width="large"),
        },
    )
    _list(found, last)
    picked = list(chosen.selection.rows) if chosen is not None else []
    statement = chosen_of(picked, fingerprints, last.statement)
    if statement != last.statement:
        _choose(statement, last)
    if statement in fingerprints:
        _whole(found[fingerprints.index(statement)], state)
    elif statement:
        st.caption(f"The form `{plain(statement, 40)}` is not among the slow ones of this range.")


def _list(found: Sequence[SlowQuery], state: PipelineState) -> None:
    told = {query.fingerprint: f"{figure(query.total_seconds, 's')} · {one_line(query.query, 90)}" for query in found}
    if statement := pick_listed("pipeline.queries", told):
        # Another table, in which it is ticked.
        st.session_state[_OPENED] = statement
        _choose(statement, state)
        st.rerun()


def _choose(statement: str, state: PipelineState) -> None:
    there = replace(state, statement=statement)
    st.session_state[f"{PAGE}.state"] = there
    write_query(PAGE, there.query())


def chosen_of(rows: Sequence[int], fingerprints: Sequence[str], before: str) -> str:
    """Which statement is chosen; one that is not in the list now stays chosen until another is.

    Args:
        rows: selected in the table.
        fingerprints: of its rows.
        before: what was chosen until now.
    """
    if rows and rows[0] < len(fingerprints):
        return fingerprints[rows[0]]
    return "" if before in fingerprints else before


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
