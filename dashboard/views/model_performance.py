"""A model's figures with their intervals, and one of them over time."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.charts.performance import Point, performance_over_time
from dashboard.model_answers import Figure, Performance
from dashboard.model_figures import in_order, interval_text, kind_of, value_text
from dashboard.navigation import page_link
from dashboard.plain_text import one_line, plain
from dashboard.states.models import ModelsState
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import draw
from dashboard.views.version_colours import ALL_VERSIONS, colour_of

_A_ROW: Final = 3
_SHOWN: Final = 6


def draw_performance(answer: Performance, state: ModelsState) -> None:
    """Draw the section.

    Args:
        answer: of the whole range and its buckets.
        state: of the page.
    """
    names = in_order(answer.task, list(answer.metrics))
    for start in range(0, min(len(names), _SHOWN), _A_ROW):
        for place, name in zip(st.columns(_A_ROW), names[start : start + _A_ROW], strict=False):
            with place:
                _card(name, answer.metrics[name], mature=answer.mature)
    if len(names) > _SHOWN:
        with st.expander(f"{len(names) - _SHOWN} more figures"):
            st.dataframe(figures_table(answer.metrics, names[_SHOWN:]), hide_index=True, key="models.figures")
    if answer.classes:
        _classes(answer.classes)
    _over_time(answer, state)


def figures_table(metrics: Mapping[str, Figure], names: Sequence[str]) -> pd.DataFrame:
    """Figures as text, with intervals, counts and reasons."""
    rows = [
        (
            kind_of(name).title,
            value_text(name, metrics[name].value),
            interval_text(name, metrics[name]) or "–",
            f"{metrics[name].n:,}",
            one_line(metrics[name].reason or kind_of(name).meaning, 160),
        )
        for name in names
    ]
    return pd.DataFrame(
        rows, columns=["Figure", "Value", "95 % interval", "Labelled", "What it says, or why there is none"]
    )


def _card(name: str, measured: Figure, *, mature: bool) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        kind = kind_of(name)
        better = f" ({kind.better} is better)" if kind.better else ""
        st.metric(plain(kind.title, 60), value_text(name, measured.value), help=plain(f"{kind.meaning}{better}", 200))
        if measured.value is None:
            st.caption(f"No figure: {plain(measured.reason or 'nobody said why', 200)}.")
            return
        interval = interval_text(name, measured)
        words = f"95 % interval {plain(interval)}" if interval else "no interval"
        early = "  \n:material/hourglass_top: labels still come" if not mature else ""
        st.caption(f"{words} · {measured.n:,} labelled{early}")


def _classes(classes: Mapping[str, Mapping[str, Figure]]) -> None:
    st.markdown("**By class**")
    names = list(dict.fromkeys(name for figures in classes.values() for name in figures))
    rows = []
    for label, figures in classes.items():
        told = []
        for name in names:
            one = figures.get(name) or Figure()
            interval = interval_text(name, one)
            told.append(f"{value_text(name, one.value)} ({interval})" if interval else value_text(name, one.value))
        rows.append((one_line(label, 80), *told))
    columns = ["Class", *(kind_of(name).title for name in names)]
    st.dataframe(
        pd.DataFrame(rows, columns=columns), hide_index=True, key="models.classes", alt="Figures of each class"
    )


def _over_time(answer: Performance, state: ModelsState) -> None:
    with st.container(border=True):
        kind = kind_of(state.metric)
        st.markdown(f"**{plain(kind.title, 60)} over time**")
        points = points_of(answer, state.metric, state.zone, one_line(state.version, 40) or ALL_VERSIONS)
        known = [point for point in points if point.value is not None]
        if not known:
            reasons = [
                bucket.metrics[state.metric].reason for bucket in answer.series if state.metric in bucket.metrics
            ]
            why = next((reason for reason in reasons if reason), "it is not measured by bucket")
            st.info(f"No bucket has this figure: {plain(why)}. A longer range has fewer, larger buckets.")
            return
        offset = utc_offset_seconds(state.zone, answer.end)
        series = points[0].series
        colours = {series: colour_of(state.version, state.model)}
        chart = performance_over_time(
            points,
            unit=kind.unit,
            start=min(points[0].time, epoch_milliseconds(answer.start, offset)),
            end=epoch_milliseconds(answer.end, offset),
            colours=colours,
            time_title=f"Time ({zone_name(zone_of(state.zone), answer.end)})",
        )
        early = sum(not point.mature for point in known)
        words = f"{len(known)} buckets with a figure, {early} of which still wait for labels."
        draw(chart, key="models.over_time", alternative=f"{kind.title} over time with 95 % intervals. {words}")
        st.caption(
            f"{words} Those are drawn dashed and hollow: their figures are not facts yet. Bands are 95 % intervals."
        )
        page_link(
            "history",
            "On the history page",
            {
                "metric": [state.metric],
                "from": [state.period.start],
                "to": [state.period.end],
                "tz": [state.zone],
                "filter": [f"model={state.model}", *([f"model_version={state.version}"] if state.version else [])],
            },
        )


def points_of(answer: Performance, metric: str, zone: str, series: str) -> list[Point]:
    """An answer's buckets as points of a chart."""
    offset = utc_offset_seconds(zone, answer.end)
    return [
        Point(
            time=round((bucket.time + offset) * 1000),
            value=measured.value,
            low=measured.low,
            high=measured.high,
            n=measured.n,
            predictions=bucket.predictions,
            mature=bucket.mature,
            series=series,
        )
        for bucket in answer.series
        for measured in [bucket.metrics.get(metric) or Figure()]
    ]
