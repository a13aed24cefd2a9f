"""From the API's history to a drawn chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import altair as alt
import streamlit as st

from dashboard.answers import History, Series
from dashboard.charts.bands import Overlay
from dashboard.charts.rows import MOST_POINTS, Row, rows_of, series_name, times_kept, until_now
from dashboard.charts.theme import AnyChart, on_dark
from dashboard.charts.timeline import timeline
from dashboard.charts.units import unit_of
from dashboard.plain_text import one_line
from dashboard.session import is_dark, now
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds

_History = TypeVar("_History", bound=History)


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
    overlay: Overlay | None = None,
    log: bool = False,
    brush: str = "",
) -> alt.LayerChart:
    """Draw answers that share a range and a unit as one chart.

    The time axis ends on whole buckets, so that between two refreshes the picture stays and only its data changes.
    """
    first = lines[0].history
    unit = unit_of(first.metric, first.unit)
    offset = utc_offset_seconds(zone, first.end)
    lines = [Line(begun(line.history, now()), line.name) for line in lines]
    # A band lies between values of the same bucket.
    kept = times_kept([series.points for line in lines for series in line.history.series]) if _banded(overlay) else None
    rows = [
        row
        for line in lines
        for name, series in zip(_names(line), line.history.series, strict=True)
        for row in _rows(line.history, series, name, offset, kept)
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
        overlay=overlay,
        log=log,
        brush=brush,
    )


def begun(history: _History, moment: datetime) -> _History:
    """The answer without the empty buckets that begin after a moment, in a range that ends later."""
    if history.end <= moment:
        return history
    seconds = moment.timestamp()
    cut = tuple(
        series.model_copy(update={"points": tuple(until_now(series.points, seconds))}) for series in history.series
    )
    return history.model_copy(update={"series": cut})


def thinned_note(histories: Sequence[History]) -> str:
    """What to say where a chart draws fewer points than there are; empty where it draws all."""
    most = max((len(series.points) for history in histories for series in history.series), default=0)
    if most <= MOST_POINTS:
        return ""
    return f"Of {most:,} points a line a chart draws, for each pixel of its width, the lowest and the highest."


def draw(chart: AnyChart, *, key: str, alternative: str, **options: Any) -> Any:
    """Put a chart on the page, in the page's look, light or dark, with a text for people who do not see it.

    Args:
        chart: of any kind, made of the palette's colours.
        key: its identity on the page.
        alternative: what it shows, in words.
        options: of `st.altair_chart`, such as `on_select` for a brush.

    Returns:
        What `st.altair_chart` returns: the selection, where there is one.
    """
    shown = _Unchecked(on_dark(chart) if is_dark() else chart)
    return st.altair_chart(cast("Any", shown), theme=None, key=key, alt=alternative, **options)


class _Unchecked:
    """A chart as Streamlit reads it, without a check against Vega-Lite's schema, which takes longer than all else.

    What charts are made of is checked by their tests.
    """

    def __init__(self, chart: AnyChart) -> None:
        self._chart = chart

    def to_dict(self) -> dict[str, Any]:
        """Its specification."""
        return self._chart.to_dict(validate=False)


def _names(line: Line) -> list[str]:
    return [line.name] * len(line.history.series) if line.name else series_names(line.history, line.history.metric)


def _banded(overlay: Overlay | None) -> bool:
    """Whether areas are drawn between lines."""
    return overlay is not None and bool(overlay.percentiles)


def _rows(history: History, series: Series, name: str, offset: float, kept: frozenset[float] | None) -> list[Row]:
    until = history.complete_until
    return rows_of(
        name,
        series.points,
        step_seconds=history.step_seconds,
        complete_until=until.timestamp() if until and not history.complete else None,
        offset_seconds=offset,
        kept=kept,
    )
