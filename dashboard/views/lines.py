"""From the API's history to a drawn chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import streamlit as st

from dashboard.answers import History, Series
from dashboard.charts.rows import Row, rows_of, series_name
from dashboard.charts.timeline import timeline
from dashboard.charts.units import unit_of
from dashboard.plain_text import one_line
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds


@dataclass(frozen=True)
class Line:
    """One answer drawn under one name, or one line per group when the name is empty."""

    history: History
    name: str = ""


def series_names(history: History, fallback: str) -> list[str]:
    """A distinct name for each series of an answer, in its order."""
    names: list[str] = []
    for series in history.series:
        name = one_line(series_name(series.labels, fallback), 80)
        names.append(name if name not in names else f"{name} ({names.count(name) + 1})")
    return names


def chart_of(
    lines: Sequence[Line],
    *,
    zone: str,
    height: int,
    colours: Mapping[str, str] | None = None,
    zero: bool = True,
    time_title: str | None = None,
    named: bool = False,
) -> alt.LayerChart:
    """Draw answers that share a range and a unit as one chart.

    The time axis ends on whole buckets, so that between two refreshes the picture stays and only its data changes.
    """
    first = lines[0].history
    unit = unit_of(first.metric, first.unit)
    offset = utc_offset_seconds(zone, first.end)
    rows = [
        row
        for line in lines
        for name, series in zip(_names(line), line.history.series, strict=True)
        for row in _rows(line.history, series, name, offset)
    ]
    width = max(1, round(first.step_seconds * 1000))
    start = epoch_milliseconds(first.start, offset) // width * width
    end = -(-epoch_milliseconds(first.end, offset) // width) * width
    return timeline(
        rows,
        unit=unit,
        start=min([start, *(row["time"] for row in rows)]),
        end=end,
        height=height,
        colours=colours,
        zero=zero,
        time_title=time_title,
        named=named,
    )


def draw(chart: alt.LayerChart, *, key: str, alternative: str) -> None:
    """Put a chart on the page, with a text for people who do not see it."""
    st.altair_chart(chart, theme=None, key=key, alt=alternative)


def _names(line: Line) -> list[str]:
    return [line.name] * len(line.history.series) if line.name else series_names(line.history, line.history.metric)


def _rows(history: History, series: Series, name: str, offset: float) -> list[Row]:
    until = history.complete_until
    return rows_of(
        name,
        series.points,
        step_seconds=history.step_seconds,
        complete_until=until.timestamp() if until and not history.complete else None,
        offset_seconds=offset,
    )
