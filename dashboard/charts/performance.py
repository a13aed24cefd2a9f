"""A model's figure over time: with its interval, and unfinished where labels still come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import MUTED
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import TIME_LABEL, time_scale
from dashboard.charts.units import Scale, scale_of

MATURE: Final = "labels are in"
IMMATURE: Final = "labels still come"
_FEW: Final = 60
_STATES: Final = (MATURE, IMMATURE)
_COLUMNS: Final = ("time", "value", "low", "high", "n", "predictions", "series", "state", "interval")


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a stretch of time.

    Attributes:
        time: where it begins, in milliseconds of the wall clock shown.
        value: None where there is none.
        low: lower end of its interval.
        high: upper end.
        n: labelled predictions that it rests on.
        predictions: all of that stretch.
        mature: whether nearly all labels are there that are to be expected.
        series: whose it is, such as a version.
    """

    time: int
    value: float | None
    low: float | None
    high: float | None
    n: int
    predictions: int
    mature: bool
    series: str


def performance_over_time(
    points: Sequence[Point],
    *,
    unit: str,
    start: int,
    end: int,
    colours: Mapping[str, str],
    time_title: str | None = None,
    height: int = 260,
) -> alt.LayerChart:
    """Draw one line per series with a band of its interval; what is not mature is dashed, pale and hollow.

    Args:
        points: of all series, each in order of time.
        unit: of the values; `ratio` for shares.
        start: left end of the time axis, in milliseconds of the wall clock shown.
        end: right end, likewise.
        colours: series -> colour, in the order of the legend.
        time_title: title of the time axis, such as its zone.
        height: of the picture in pixels.
    """
    sizes = [abs(each) for point in points for each in (point.value, point.low, point.high) if each is not None]
    scale = scale_of(unit, max(sizes, default=None))
    frame = _frame(points, scale)
    base = alt.Chart(frame).encode(
        x=alt.X(
            "time:T",
            scale=time_scale(start, end),
            axis=alt.Axis(title=time_title, labelExpr=TIME_LABEL, labelOverlap="greedy", tickCount=10),
        ),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke", symbolOpacity=1)
            if len(colours) > 1
            else None,
        ),
        detail="state:N",
    )
    value = alt.Y(
        "value:Q",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(
            title=None,
            format=scale.axis_format,
            labelExpr=f"datum.label + ' {scale.symbol}'" if scale.symbol else alt.Undefined,
            tickCount=max(2, height // 55),
        ),
    )
    dash = alt.StrokeDash(
        "state:N",
        scale=alt.Scale(domain=list(_STATES), range=[[1, 0], [4, 3]]),
        legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke", symbolStrokeColor=MUTED),
    )
    fade = faded(1.0, 0.55)
    band = (
        base.mark_area(strokeWidth=0)
        .encode(
            y=alt.Y("low:Q", scale=alt.Scale(zero=False, nice=True)),
            y2="high:Q",
            opacity=faded(0.18, 0.07),
        )
        .transform_filter("isValid(datum.low)")
    )
    line = base.mark_line(strokeWidth=1.8, strokeJoin="round").encode(y=value, strokeDash=dash, opacity=fade)
    dots = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(size=36 if len(points) <= _FEW else 14, strokeWidth=1.4)
        .encode(
            y=value,
            opacity=fade,
            fill=alt.condition(
                f"datum.state == '{MATURE}'",
                alt.Fill("series:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None),
                alt.value("transparent"),
            ),
            tooltip=[
                alt.Tooltip("series:N", title="Of"),
                alt.Tooltip("when:N", title="From"),
                alt.Tooltip("exact:N", title="Value"),
                alt.Tooltip("interval:N", title="95 % interval"),
                alt.Tooltip("n:Q", title="Labelled", format=","),
                alt.Tooltip("predictions:Q", title="Predictions", format=","),
                alt.Tooltip("state:N", title="Labels"),
            ],
        )
        .transform_calculate(
            when="utcFormat(datum.time, '%a %d %b %Y %H:%M')",
            exact=f"format(datum.value, '{scale.exact_format}') + ' {scale.symbol}'",
        )
    )
    return themed(cast("alt.LayerChart", alt.layer(band, line, dots)), height=height)


def faded(mature: float, immature: float) -> Any:
    """An opacity by whether labels are in; not by a scale, which the layers of a chart would share."""
    return alt.condition(f"datum.state == '{MATURE}'", alt.value(mature), alt.value(immature))


def _frame(points: Sequence[Point], scale: Scale) -> pd.DataFrame:
    """The points as a table; the last mature one is doubled, so that the dashed tail is joined to it."""
    rows = []
    for place, point in enumerate(points):
        row = _row(point, scale)
        rows.append(row)
        following = points[place + 1] if place + 1 < len(points) else None
        if following and following.series == point.series and point.mature and not following.mature:
            rows.append({**row, "state": IMMATURE})
    kinds = dict.fromkeys(("time", "value", "low", "high", "n", "predictions"), "float64")
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(kinds)


def _row(point: Point, scale: Scale) -> dict[str, object]:
    value, low, high = (None if each is None else each * scale.factor for each in (point.value, point.low, point.high))
    return {
        "time": float(point.time),
        "value": value,
        "low": low,
        "high": high,
        "n": point.n,
        "predictions": point.predictions,
        "series": point.series,
        "state": MATURE if point.mature else IMMATURE,
        "interval": "none" if low is None or high is None else f"{low:.4g} to {high:.4g}",
    }
