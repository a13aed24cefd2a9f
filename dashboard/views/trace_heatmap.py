"""Durations over time; a brushed part of them leads to its traces and to why they were slow."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.brushed import BRUSH, UNTOUCHED, Region, brush_of, edges, spans_within
from dashboard.charts.heatmap import Cell, heat_map_chart
from dashboard.charts.units import figure
from dashboard.navigation import page_link
from dashboard.session import client
from dashboard.states.traces import TracesState
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.trace_answers import HeatMap
from dashboard.trace_questions import heat_map
from dashboard.views.held import held
from dashboard.views.lines import draw
from dashboard.views.map_brush import begun_region, keep_region, map_key
from dashboard.views.notices import nothing_here
from dashboard.views.waiting import waiting

PAGE: Final = "traces"
_HEIGHT: Final = 400


def draw_heat_map(state: TracesState, moment: datetime) -> None:
    """Draw the map, and under it what is brushed."""
    state = replace(state, region=None)
    with waiting(PAGE, "heatmap", height=_HEIGHT, words="Asking for durations …"):
        heat: HeatMap = held(f"{PAGE}.heat", (state, moment), lambda: client().ask(heat_map(state)))
    if not heat.cells:
        nothing_here(filtered=state.conditions != TracesState(period=state.period, sort=state.sort))
        return
    offset = utc_offset_seconds(state.zone, heat.end)
    bounds = edges(heat)
    begun = begun_region(heat, offset)
    cells = [
        Cell(
            round((cell.time + offset) * 1000),
            round((cell.time + heat.step_seconds + offset) * 1000),
            *bounds[cell.bucket],
            cell.count,
            cell.errors,
        )
        for cell in heat.cells
    ]
    chart = heat_map_chart(
        cells,
        start=epoch_milliseconds(heat.start, offset),
        end=epoch_milliseconds(heat.end, offset),
        durations=(bounds[0][0], bounds[-1][1]),
        brush=BRUSH,
        untouched=UNTOUCHED,
        time_title=f"Time ({zone_name(zone_of(state.zone), heat.end)})",
        brushed=None if begun is None else brush_of(begun, heat, offset),
    )
    with st.container(border=True):
        event = draw(
            chart,
            key=map_key(),
            alternative=f"{heat.count:,} spans by time and duration, {heat.errors:,} failed. The fields for time and "
            "duration above choose the same as a brush.",
            on_select="rerun",
            selection_mode=[BRUSH, UNTOUCHED],
        )
        st.caption(
            f"{heat.count:,} {'spans' if state.kind or state.name else 'requests'}, {heat.errors:,} failed; "
            "cells with failures have an outline. Drag over a part of the map to look into it."
        )
    region = keep_region(event, heat, offset)
    if region is None:
        return
    if brush_of(region, heat, offset) is None:
        st.info(
            f"The region of the link, {region.period.start} to {region.period.end}, is not on this map. "
            "Choose a range that holds it, or drag over another.",
            icon=":material/filter_center_focus:",
        )
        return
    _brushed(state, heat, region)


def searched(state: TracesState, region: Region) -> TracesState:
    """The state that shows the traces of a region."""
    return replace(
        state,
        section="search",
        period=region.period,
        min_duration_ms=_larger(state.min_duration_ms, region.min_ms),
        max_duration_ms=_smaller(state.max_duration_ms, region.max_ms),
        kind=state.kind or ("" if state.name else "server"),
        cursor="",
        region=None,
    )


def explained(state: TracesState, region: Region) -> TracesState | None:
    """The state that says why the requests of a region were slow; None where nothing is quicker than they are."""
    found = searched(state, region)
    return replace(found, section="slow", name="", kind="server") if found.min_duration_ms else None


def _brushed(state: TracesState, heat: HeatMap, region: Region) -> None:
    zone = zone_of(state.zone)
    start, end = (moment.astimezone(zone) for moment in region.ends())
    count, errors = spans_within(heat, region)
    found = searched(state, region)
    low = "0" if found.min_duration_ms is None else figure(found.min_duration_ms, "ms")
    high = "any" if found.max_duration_ms is None else figure(found.max_duration_ms, "ms")
    with st.container(border=True):
        st.markdown(
            f"**Chosen: {start:%d %b %H:%M:%S} to {end:%d %b %H:%M:%S}, {low} to {high}.** "
            f"The cells that this touches hold {count:,} spans, {errors:,} of them failed."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            page_link(PAGE, "Its traces", found.query(), icon=":material/search:", icon_position="left")
            slow = explained(state, region)
            if slow is not None:
                page_link(PAGE, "Why slow?", slow.query(), icon=":material/troubleshoot:", icon_position="left")
            closer = replace(found, section="heatmap", kind=state.kind)
            page_link(PAGE, "Zoom in", closer.query(), icon=":material/zoom_in:", icon_position="left")
        if slow is None:
            st.caption(
                "Nothing is quicker than what you chose, so there is nothing to compare it with: to ask why something "
                "was slow, drag over a part that begins above the quickest."
            )
        elif found.kind != "server" or found.name:
            st.caption(
                "*Why slow?* explains requests: those that took as long and meet the same conditions, whatever spans "
                "are on this map."
            )


def _larger(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _smaller(one: float | None, other: float | None) -> float | None:
    return min((value for value in (one, other) if value is not None), default=None)
