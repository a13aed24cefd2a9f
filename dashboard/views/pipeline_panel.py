"""The overview's panel on the pipeline itself: can the figures above be trusted?"""

from datetime import datetime
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st
from altair import LayerChart

from dashboard.answers import History, PipelineHealth
from dashboard.api_errors import ApiError
from dashboard.charts import palette
from dashboard.charts.units import figure
from dashboard.lost_telemetry import dropped, sent_again
from dashboard.navigation import page_link
from dashboard.overview_snapshot import Snapshot
from dashboard.plain_text import plain
from dashboard.states.overview import OverviewState
from dashboard.time_range import age
from dashboard.verdict import falls_short
from dashboard.views.lines import Line, chart_of, draw
from dashboard.views.notices import small_failure

_BADGES: Final = {
    "ok": ("Healthy", "green", ":material/check_circle:"),
    "degraded": ("Degraded", "orange", ":material/warning:"),
    "down": ("Down", "red", ":material/error:"),
}
_NEARLY_EMPTY: Final = 0.001
_SILENT_SHOWN: Final = 6


def draw_pipeline(snapshot: Snapshot, state: OverviewState) -> None:
    """Draw the panel from a snapshot."""
    with st.container(border=True, height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**Pipeline health**")
            if isinstance(snapshot.health, PipelineHealth):
                label, colour, icon = _BADGES.get(snapshot.health.status, ("Unknown", "gray", ":material/help:"))
                st.badge(label, color=colour, icon=icon)  # type: ignore[arg-type]  # the table above holds its literals
        if isinstance(snapshot.health, ApiError):
            small_failure(snapshot.health, "pipeline health")
        else:
            facts = pd.DataFrame(_facts(snapshot.health, snapshot.taken_at), columns=["Measure", "Now"])
            st.table(facts, border="horizontal", hide_index=True, hide_header=True, alt="Pipeline health, by measure")
        lag = snapshot.lines["ingest_lag_p95"]
        if isinstance(lag, History) and not lag.empty:
            st.caption("Ingest lag, p95: from the end of a span until it can be queried")
            chart = snapshot.once(("lag", state.zone), partial(_lag_chart, lag, state.zone))
            draw(chart, key="overview.lag", alternative="Ingest lag over time, 95th percentile.")
        page_link("pipeline", "The whole pipeline")


def _lag_chart(lag: History, zone: str) -> LayerChart:
    return chart_of([Line(lag, "lag p95")], zone=zone, height=100, colours={"lag p95": palette.PIPELINE})


def _facts(health: PipelineHealth, now: datetime) -> list[tuple[str, str]]:
    lag = health.ingest_lag_seconds
    known = lag.p50 is not None or lag.p95 is not None
    facts = [
        (
            "Ingest lag",
            f"{figure(lag.p50, 's')} median, {figure(lag.p95, 's')} p95, {figure(lag.max, 's')} longest"
            if known
            else "not known yet",
        ),
        ("Completeness", _completeness(health)),
        ("Dropped", dropped(health)),
    ]
    if again := sent_again(health):
        facts.append(("Sent again", again))
    if health.queue is not None and health.queue.size is not None and health.queue.capacity:
        share = health.queue.size / health.queue.capacity
        facts.append(
            ("Collector's queue", f"{figure(share, 'ratio')} full" if share >= _NEARLY_EMPTY else "nearly empty")
        )
    if health.disk is not None and health.disk.free_bytes is not None:
        facts.append(
            ("Disk", f"{figure(health.disk.free_bytes, 'By')} free of {figure(health.disk.total_bytes, 'By')}")
        )
    facts.append(("Processes", _processes(health, now)))
    return facts


def _completeness(health: PipelineHealth) -> str:
    known = [item for item in health.completeness if item.ratio is not None]
    if not known:
        return "not known yet"
    short = sorted((item for item in known if falls_short(item)), key=lambda item: item.ratio or 0)
    if not short:
        return "everything counted is stored"
    return ", ".join(f"{figure(item.ratio, 'ratio')} of {plain(item.service)}'s {plain(item.signal)}" for item in short)


def _processes(health: PipelineHealth, now: datetime) -> str:
    if not health.processes:
        return "none has reported"
    silent = [process for process in health.processes if process.state != "up"]
    up = f"{len(health.processes) - len(silent)} of {len(health.processes)} report"
    gone = [
        f"{plain(process.name)} silent" + (f" for {age(process.last_seen, now)}" if process.last_seen else "")
        for process in silent[:_SILENT_SHOWN]
    ]
    return "; ".join([up, *gone])
