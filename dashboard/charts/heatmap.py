"""Durations over time as a heat map, which can be brushed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import ERRORS, HEAT
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import TIME_LABEL, time_scale

_DURATION_LABEL: Final = (
    "datum.value >= 60000 ? format(datum.value / 60000, '~f') + ' min' : "
    "datum.value >= 1000 ? format(datum.value / 1000, '~f') + ' s' : "
    "datum.value >= 1 ? format(datum.value, '~f') + ' ms' : format(datum.value * 1000, '~f') + ' µs'"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle of the map.

    Attributes:
        start: left end in milliseconds of the wall clock shown.
        end: right end, likewise.
        low: least duration in milliseconds, above 0.
        high: greatest duration.
        count: how many spans.
        errors: how many of them failed.
    """

    start: int
    end: int
    low: float
    high: float
    count: int
    errors: int


def heat_map_chart(
    cells: Sequence[Cell],
    *,
    start: int,
    end: int,
    durations: tuple[float, float],
    brush: str,
    untouched: str = "",
    time_title: str,
    brushed: tuple[tuple[float, float], tuple[float, float]] | None = None,
) -> alt.Chart:
    """Draw the cells that hold spans: the darker, the more; those with failed spans have an outline.

    Args:
        cells: to draw.
        start: left end of the time axis, in milliseconds of the wall clock shown.
        end: right end, likewise.
        durations: both ends of the duration axis, in milliseconds, above 0.
        brush: name of the selection, which says `time` and `duration`.
        untouched: name of a selection that nothing is ever selected by, see `dashboard.brushed.touched`; none when
            empty.
        time_title: title of the time axis, such as its zone.
        brushed: both ends on each axis of what is brushed from the beginning; None where nothing is.
    """
    most = max((cell.count for cell in cells), default=1)
    begun: dict[str, Any] = {} if brushed is None else {"value": {"x": list(brushed[0]), "y": list(brushed[1])}}
    selection = alt.selection_interval(name=brush, encodings=["x", "y"], **begun)
    # The logarithm is in the data: where a page may not make code from text, Vega cannot colour by a logarithmic scale.
    top = math.log10(max(2, most))
    levels = [float(power) for power in range(math.floor(top) + 1)]
    colours = alt.Scale(domain=[0, top], range=list(HEAT))
    axis = alt.Axis(title=time_title, labelExpr=TIME_LABEL, labelOverlap="greedy", tickCount=10)
    chart = (
        alt.Chart(_frame(cells))
        .mark_rect(clip=True, strokeWidth=1.2)
        .encode(
            x=alt.X("time:T", scale=time_scale(start, end), axis=axis),
            x2="until:T",
            y=alt.Y(
                "duration:Q",
                scale=alt.Scale(type="log", domain=list(durations), nice=False),
                axis=alt.Axis(
                    title="Duration", values=_decades(durations), labelExpr=_DURATION_LABEL, grid=True, gridOpacity=0.6
                ),
            ),
            y2="longest:Q",
            color=alt.Color(
                "level:Q",
                scale=colours,
                legend=alt.Legend(
                    title="Spans",
                    orient="top",
                    gradientLength=180,
                    values=levels if len(levels) > 1 else [0.0, top],
                    labelExpr="format(round(pow(10, datum.value)), '~s')",
                ),
            ),
            stroke=alt.condition("datum.errors > 0", alt.value(ERRORS), alt.value("transparent")),
            tooltip=[
                alt.Tooltip("from:N", title="From"),
                alt.Tooltip("took:N", title="Duration"),
                alt.Tooltip("count:Q", title="Spans", format=","),
                alt.Tooltip("errors:Q", title="Failed", format=","),
            ],
        )
        .add_params(selection)
    )
    if untouched:
        chart = chart.add_params(alt.selection_point(name=untouched, fields=["time"], on="never", clear=False))
    return cast("alt.Chart", themed(cast("alt.LayerChart", chart), height=320))


def _decades(durations: tuple[float, float]) -> list[float]:
    low, high = (math.log10(value) for value in durations)
    found = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
    return found if len(found) > 1 else [*durations]


def _frame(cells: Sequence[Cell]) -> pd.DataFrame:
    rows = [
        {
            "time": float(cell.start),
            "until": float(cell.end),
            "duration": cell.low,
            "longest": cell.high,
            "count": float(cell.count),
            "level": math.log10(max(1, cell.count)),
            "errors": float(cell.errors),
            "from": f"{datetime.fromtimestamp(cell.start / 1000, UTC):%a %d %b %Y %H:%M:%S}",
            "took": f"{_duration(cell.low)} to {_duration(cell.high)}",
        }
        for cell in cells
    ]
    columns = ["time", "until", "duration", "longest", "count", "level", "errors", "from", "took"]
    # Arrow hands 64-bit integers to the browser as BigInt, which a time scale cannot read: all are floats.
    return pd.DataFrame(rows, columns=columns)


def _duration(milliseconds: float) -> str:
    for least, factor, unit in ((60_000, 60_000, "min"), (1_000, 1_000, "s"), (1, 1, "ms")):
        if milliseconds >= least:
            return f"{milliseconds / factor:.3g} {unit}"
    return f"{milliseconds * 1000:.3g} µs"
