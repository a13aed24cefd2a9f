"""The pipeline's health: how late and how complete what is stored is, what was lost, and what room there is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.answers import History
from dashboard.api_client import Question, history
from dashboard.api_errors import ApiError
from dashboard.charts.units import figure
from dashboard.lost_telemetry import dropped, sent_again
from dashboard.pipeline_answers import PipelineDetail
from dashboard.pipeline_questions import pipeline_detail
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.time_range import fitting_step, zone_name, zone_of
from dashboard.verdict import falls_short
from dashboard.views.lines import Line, chart_of, draw
from dashboard.views.notices import no_flow, small_failure
from dashboard.views.waiting import waiting

_BADGES: Final = {
    "ok": ("Healthy", "green", ":material/check_circle:"),
    "degraded": ("Degraded", "orange", ":material/warning:"),
    "down": ("Down", "red", ":material/error:"),
}
_NEARLY_EMPTY: Final = 0.001
_TABLES_SHOWN: Final = 12
_HEIGHT: Final = 900


def draw_health(state: PipelineState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say how the pipeline is.
    """
    step = fitting_step(*state.period.bounds(now))
    times = {"start": state.period.start, "end": state.period.end, "tz": state.zone, "step": step}
    questions: list[Question[Any]] = [
        pipeline_detail(),
        history("ingest_lag_p95", group_by=("service",), **times),
        history("completeness", group_by=("service",), **times),
    ]
    with waiting("pipeline", "health", height=_HEIGHT, words="Asking the monitoring API …", of=state):
        health, lag, complete = client().ask_all(questions)
    if isinstance(health, ApiError):
        raise health
    _verdict(health)
    _figures(health)
    left, right = st.columns(2)
    with left, st.container(border=True):
        st.markdown("**Ingest lag**, p95: from the end of a span until it can be queried")
        _lines(lag, state, "lag", "the ingest lag")
    with right, st.container(border=True):
        st.markdown("**Completeness**: stored against counted")
        _lines(complete, state, "completeness", "completeness")
    _completeness(health)
    _tables(health)


def _verdict(health: PipelineDetail) -> None:
    label, colour, icon = _BADGES.get(health.status, ("Unknown", "gray", ":material/help:"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(label, color=colour, icon=icon)  # type: ignore[arg-type]  # the table above holds its literals
        for reason in health.reasons:
            st.markdown(plain(reason), width="content")


def _figures(health: PipelineDetail) -> None:
    lag = health.ingest_lag_seconds
    known = [item for item in health.completeness if item.ratio is not None]
    worst = min((item.ratio or 0.0 for item in known), default=None)
    queue = health.queue
    share = queue.size / queue.capacity if queue and queue.size is not None and queue.capacity else None
    disk = health.disk
    # Each with a note in markdown, in which texts of data are escaped already.
    facts = [
        ("Ingest lag p95", figure(lag.p95, "s"), f"median {figure(lag.p50, 's')}, longest {figure(lag.max, 's')}"),
        ("Least completeness", figure(worst, "ratio"), "of any service and signal"),
        ("Dropped", _count(sum(drop.count for drop in health.drops)), dropped(health)),
        (
            "Collector's queue",
            "nearly empty" if share is not None and share < _NEARLY_EMPTY else figure(share, "ratio"),
            "full: what ClickHouse could not take yet"
            if share is None or share >= _NEARLY_EMPTY
            else "ClickHouse keeps up",
        ),
        (
            "Disk free",
            figure(disk.free_bytes if disk else None, "By"),
            f"of {figure(disk.total_bytes if disk else None, 'By')}",
        ),
    ]
    for place, (title, value, note) in zip(st.columns(len(facts)), facts, strict=True):
        with place.container(border=True, height="stretch"):
            st.metric(title, value)
            st.caption(note)
    if again := sent_again(health):
        st.caption(f"Sent again: {again}")


def _lines(answer: History | ApiError, state: PipelineState, key: str, what: str) -> None:
    if isinstance(answer, ApiError):
        small_failure(answer, what)
    elif answer.empty:
        no_flow(what.removeprefix("the "))
    else:
        time_title = f"Time ({zone_name(zone_of(state.zone), answer.end)})"
        chart = chart_of([Line(answer)], zone=state.zone, height=170, named=True, time_title=time_title)
        draw(chart, key=f"pipeline.{key}", alternative=f"{what} over time, a line for each service.".capitalize())


def _completeness(health: PipelineDetail) -> None:
    rows = [
        {
            "Service": one_line(item.service, 80),
            "Signal": one_line(item.signal, 40),
            "Counted": _count(item.counted),
            "Stored": _count(item.stored),
            "Ratio": figure(item.ratio, "ratio"),
            "": "falls short" if item.ratio is not None and falls_short(item) else "",
        }
        for item in health.completeness
    ]
    minutes = (health.window_seconds or 0) / 60
    _table("Completeness", rows, f"Of the last {minutes:.0f} minutes, by service and signal.")
    _table(
        "Dropped",
        [
            {
                "Service": one_line(drop.service, 80),
                "Signal": one_line(drop.signal, 40),
                "Where": one_line(drop.stage, 40),
                "Why": one_line(drop.detail or drop.reason, 160),
                "How many": _count(drop.count),
            }
            for drop in health.drops
        ],
        "Telemetry that was lost.",
    )


def _tables(health: PipelineDetail) -> None:
    tables = health.disk.tables if health.disk else ()
    most = max((table.bytes for table in tables), default=0) or 1
    rows = [
        {
            "Table": one_line(table.table, 80),
            "Rows": _count(table.rows),
            "On disk": figure(table.bytes, "By"),
            "A row": "" if table.bytes_per_row is None else figure(table.bytes_per_row, "By"),
            "Oldest day": one_line(table.oldest_day or "", 20),
            "Share of the largest": f"{table.bytes / most:.0%}",
        }
        for table in tables[:_TABLES_SHOWN]
    ]
    _table("What takes room", rows, "Tables of the store, the largest first.")


def _table(title: str, rows: Sequence[dict[str, str]], note: str) -> None:
    if not rows:
        return
    st.subheader(title, anchor=False)
    st.caption(note)
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", key=f"pipeline.table.{title}")


def _count(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"
