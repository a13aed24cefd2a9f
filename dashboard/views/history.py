"""Any metric of the catalogue over any range, in groups and under filters."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.answers import Catalogue, History, Metric
from dashboard.api_client import Question, history
from dashboard.api_errors import ApiError
from dashboard.charts.units import figure, unit_of
from dashboard.plain_text import plain
from dashboard.session import arriving_query, client, known_catalogue, leave_when_denied, now, write_query
from dashboard.states.history import HistoryState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.lines import Line, chart_of, draw, series_names
from dashboard.views.notices import failure_notice, nothing_here, range_is_right, tell_complaints
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.selection import (
    PAGE,
    load_selection,
    metric_title,
    misread_filters,
    pick_filters,
    pick_groups,
    pick_metric,
    pick_step,
)

RETRY_SECONDS: Final = 4.0
MOST_LINES: Final = 12
CHART_HEIGHT: Final = 380
_ZERO_UNITS: Final = frozenset({"1", "score", "probability", ""})


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        arrived, complaints = HistoryState.read(query, moment)
        load_range(PAGE, arrived.period, arrived.zone, moment)
        load_selection(arrived)
        st.session_state[f"{PAGE}.complaints"] = complaints
    try:
        catalogue = known_catalogue()
    except ApiError:
        catalogue = Catalogue()
    st.title("History", anchor=False)
    state = _controls(catalogue, moment)
    metric = catalogue.named(state.metric)
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    if complaints := misread_filters(state.filters, metric):
        st.warning("  \n".join(complaints), icon=":material/filter_alt_off:")
        return
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else None
    st.fragment(_answer, run_every=every)(state, metric)


def _controls(catalogue: Catalogue, moment: datetime) -> HistoryState:
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    with st.container(border=True):
        upper = st.columns([3, 2, *([2, 2] if custom else []), 1.4, 2])
        with upper[0]:
            name = pick_metric(catalogue)
        metric = catalogue.named(name)
        with upper[-1]:
            zone = pick_zone(PAGE)
        with upper[-2]:
            step = pick_step()
        with upper[1]:
            period = pick_range(PAGE, zone, moment, upper[2:-2])
        left, right = st.columns([2, 3])
        with left:
            groups = pick_groups(metric)
        with right:
            filters = pick_filters(metric)
    return HistoryState(metric=name, period=period, zone=zone, step=step, group_by=groups, filters=filters)


def _answer(state: HistoryState, metric: Metric | None) -> None:
    """Ask and draw; while the API is away, by itself again and again."""
    try:
        with st.spinner("Asking the monitoring API …"):
            answer = client().ask(_question(state))
    except ApiError as error:
        leave_when_denied(error)
        if error.passing != bool(st.session_state.get(f"{PAGE}.failing")):
            st.session_state[f"{PAGE}.failing"] = error.passing
            st.rerun()
        failure_notice(error)
        return
    if st.session_state.pop(f"{PAGE}.failing", False):
        st.rerun()
    _draw(answer, state, metric)


def _question(state: HistoryState) -> Question[History]:
    return history(
        state.metric,
        start=state.period.start,
        end=state.period.end,
        step=state.step,
        tz=state.zone,
        filters=state.filters,
        group_by=state.group_by,
    )


def _draw(answer: History, state: HistoryState, metric: Metric | None) -> None:
    with st.container(border=True):
        st.subheader(metric_title(state.metric), anchor=False)
        if metric and metric.description:
            st.caption(plain(metric.description))
        if answer.empty:
            nothing_here(filtered=bool(state.filters))
            return
        shown = _largest_series(answer)
        zone = zone_of(state.zone)
        chart = chart_of(
            [Line(shown)],
            zone=state.zone,
            height=CHART_HEIGHT,
            zero=unit_of(answer.metric, answer.unit) not in _ZERO_UNITS,
            named=bool(state.group_by),
            time_title=f"Time ({zone_name(zone, answer.end)})",
        )
        draw(chart, key="history.chart", alternative=_alternative(shown, state))
        st.caption(" ".join(_remarks(answer, shown, state)))
    if len(shown.series) > 1 or state.group_by:
        st.dataframe(
            _summary(shown), hide_index=True, key="history.summary", alt="Each line's lowest, highest and last value"
        )


def _largest_series(answer: History) -> History:
    """The answer with no more lines than a chart can tell apart: those with the highest values."""
    if len(answer.series) <= MOST_LINES:
        return answer
    ranked = sorted(
        answer.series,
        key=lambda series: max((value for _, value in series.points if value is not None), default=float("-inf")),
        reverse=True,
    )
    return answer.model_copy(update={"series": tuple(ranked[:MOST_LINES])})


def _remarks(answer: History, shown: History, state: HistoryState) -> list[str]:
    zone = zone_of(state.zone)
    start, end = answer.start.astimezone(zone), answer.end.astimezone(zone)
    remarks = [
        f"{start:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M}, {zone_name(zone, end)}.",
        f"One point is {_width(answer.step_seconds)}"
        + (f" (source: {plain(answer.source)})." if answer.source else "."),
    ]
    if len(shown.series) < len(answer.series):
        remarks.append(f"Shown are the {len(shown.series)} lines with the highest values of {len(answer.series)}.")
    until = answer.complete_until
    if not answer.complete and until is not None and until < answer.end:
        remarks.append(f"Data after {until.astimezone(zone):%H:%M:%S} is still arriving and drawn dashed.")
    if answer.approximate:
        bound = f" (off by at most {figure(answer.error_bound, 'ratio')})" if answer.error_bound else ""
        remarks.append(f"Values are approximate{bound}.")
    return remarks


def _width(seconds: float) -> str:
    for width, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= width and seconds % width == 0:
            count = round(seconds / width)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"


def _summary(answer: History) -> pd.DataFrame:
    """Each line's lowest, highest and last value, as text with its unit."""
    rows = []
    for name, series in zip(series_names(answer, answer.metric), answer.series, strict=True):
        values = [value for _, value in series.points if value is not None]
        low, high, last = (min(values), max(values), values[-1]) if values else (None, None, None)
        rows.append((name, *(figure(value, unit_of(answer.metric, answer.unit)) for value in (low, high, last))))
    return pd.DataFrame(rows, columns=["Line", "Lowest", "Highest", "Last"])


def _alternative(answer: History, state: HistoryState) -> str:
    lines = [
        ": ".join((row[0], f"{row[1]} to {row[2]}, last {row[3]}")) for row in _summary(answer).itertuples(index=False)
    ]
    return f"{metric_title(state.metric)} over time. {'; '.join(lines[:MOST_LINES])}."
