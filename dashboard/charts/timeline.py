"""Lines over time: the one shape that overview and history share."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.bands import Overlay, bands_behind, threshold_across
from dashboard.charts.marks import marks_across
from dashboard.charts.palette import series_colours
from dashboard.charts.percentiles import band_layers
from dashboard.charts.rows import Row, largest, pointed_at, positive
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import MOVING_SCALE, TIME_LABEL, ends_as_data, time_scale
from dashboard.charts.units import Scale, scale_of

STATES: Final = ("final", "unfinished")
TALL: Final = 250
"""Pixels from which a chart has room for a fine time axis."""
_COLUMNS: Final = ("time", "value", "series", "state", "alone", "pointed")
_ROW_OF_LEGEND_PIXELS: Final = 900


def timeline(
    rows: Sequence[Row],
    *,
    unit: str,
    start: int,
    end: int,
    height: int = 160,
    colours: Mapping[str, str] | None = None,
    zero: bool = True,
    time_title: str | None = None,
    named: bool = False,
    overlay: Overlay | None = None,
    log: bool = False,
    brush: str = "",
) -> alt.LayerChart:
    """Draw one line per series.

    Buckets without data are gaps. Buckets that may still change are dashed and pale. A value between two gaps is a dot.

    Args:
        rows: of all series.
        unit: of the values, as the catalogue names it; decides scale, symbol and number format.
        start: left end of the time axis, in milliseconds of the wall clock shown.
        end: right end, likewise.
        height: of the picture in pixels.
        colours: series name -> colour, in the order of the legend; by default each name has its constant colour.
        zero: whether the value axis begins at 0.
        time_title: title of the time axis, such as its zone; none when the page says it.
        named: whether a single line has a legend too, because its name tells something.
        overlay: what lies behind and over the lines.
        log: whether the value axis is logarithmic; what is not above 0 is then left out.
        brush: name of the selection that dragging along the time axis makes; none when empty.
    """
    overlay = overlay or Overlay()
    names = sorted({row["series"] for row in (*rows, *overlay.earlier)})
    palette = dict(colours) if colours is not None else series_colours(names)
    most = largest([*rows, *overlay.earlier])
    scale = scale_of(unit, most)
    if log:
        rows = positive(rows)
    time = MOVING_SCALE if brush else time_scale(start, end)
    base = alt.Chart(_frame(rows, scale)).encode(
        x=alt.X(
            "time:T",
            scale=time,
            axis=alt.Axis(
                title=time_title,
                labelExpr=TIME_LABEL,
                labelOverlap="greedy",
                # Few enough that none is dropped on a wide screen: dropping would hide the midnights that name the day.
                tickCount=4 if height < TALL else 12,
            ),
        ),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=list(palette), range=list(palette.values())),
            legend=_legend(names) if named or len(names) > 1 else None,
        ),
    )
    value = alt.Y(
        "value:Q",
        scale=_value_scale(most, zero=zero, log=log),
        axis=alt.Axis(
            title=None,
            format=scale.axis_format,
            labelExpr=f"datum.label + {_quoted(scale.suffix)}" if scale.suffix else alt.Undefined,
            tickCount=max(2, height // 55),
        ),
    )
    dash = alt.StrokeDash("state:O", scale=alt.Scale(domain=list(STATES), range=[[1, 0], [4, 3]]), legend=None)
    fade = alt.Opacity("state:O", scale=alt.Scale(domain=list(STATES), range=[1.0, 0.55]), legend=None)
    layers = bands_behind(overlay.bands, time_scale(start, end))
    if brush:
        layers.append(ends_as_data(start, end))
    if overlay.percentiles:
        layers += band_layers(
            rows, overlay.percentiles, factor=scale.factor, x=base.encoding.x, value=value, colours=palette
        )
    elif len(names) == 1 and zero and not log:
        layers.append(base.transform_filter("datum.state == 'final'").mark_area(opacity=0.08).encode(y=value))
    pointable = None
    if overlay.earlier:
        before = [row for row in overlay.earlier if start <= row["time"] <= end]
        past = _frame(positive(before) if log else before, scale)
        layers.append(_earlier(base.properties(data=past), value, overlay.earlier_title))
        # In one layer, for of two the upper one would take every move of the pointer.
        pointable = _with_earlier(base.data, past, overlay)
    line = base.mark_line(strokeWidth=1.8, strokeJoin="round").encode(y=value, strokeDash=dash, opacity=fade)
    if brush:
        line = line.add_params(alt.selection_interval(name=brush, encodings=["x"]))
    layers.append(line)
    if any(row["alone"] for row in rows):
        layers.append(
            base.transform_filter("datum.alone").mark_point(filled=True, size=18).encode(y=value, opacity=fade)
        )
    if overlay.threshold is not None:
        layers.append(threshold_across(overlay.threshold * scale.factor))
    layers += marks_across([mark for mark in overlay.marks if start <= mark.at <= end], time)
    layers.append(_hover(base, value, scale, pointable))
    whole = alt.layer(*layers)
    if overlay.earlier:
        whole = whole.resolve_scale(strokeDash="independent")
    return themed(cast("alt.LayerChart", whole), height=height)


def _value_scale(most: float | None, *, zero: bool, log: bool) -> alt.Scale:
    if log and most:
        return alt.Scale(type="log", nice=True)
    return alt.Scale(domain=[0, 1]) if zero and not most else alt.Scale(zero=zero, nice=True)


def _earlier(base: alt.Chart, value: alt.Y, title: str) -> alt.Chart:
    """Pale, dashed lines with a legend of their own."""
    line: alt.Chart = (
        base.transform_calculate(range=_quoted(title))
        .mark_line(strokeWidth=1.4, opacity=0.55)
        .encode(
            y=value,
            strokeDash=alt.StrokeDash(
                "range:N",
                scale=alt.Scale(domain=[title], range=[[3, 3]]),
                legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke"),
            ),
        )
    )
    return line


def _with_earlier(frame: pd.DataFrame, earlier: pd.DataFrame, overlay: Overlay) -> pd.DataFrame:
    """What can be pointed at: each with its own time, wherever it is drawn, and the range it is of."""
    return pd.concat(
        [
            frame.assign(own=frame["time"], range=""),
            earlier.assign(own=earlier["time"] - overlay.earlier_moved, range=overlay.earlier_title),
        ],
        ignore_index=True,
    )


def _hover(base: alt.Chart, value: alt.Y, scale: Scale, pointable: pd.DataFrame | None) -> alt.Chart:
    """The dot under the pointer, with the exact value; invisible until then.

    Args:
        base: of the lines.
        value: the axis.
        scale: of the values.
        pointable: what `_with_earlier` says; None where there is no earlier range.
    """
    with_earlier = pointable is not None
    base = base.properties(data=pointable) if with_earlier else base
    state = "datum.state == 'final' ? 'complete' : 'still arriving'"
    nearest = alt.selection_point(name="hover", nearest=True, on="pointermove", clear="pointerout", empty=False)
    dot: alt.Chart = (
        base.transform_filter("datum.pointed")
        .transform_calculate(
            when=f"utcFormat(datum.{'own' if with_earlier else 'time'}, '%a %d %b %Y %H:%M:%S')",
            exact=f"format(datum.value, '{scale.exact_format}') + {_quoted(scale.suffix)}",
            note=f"datum.range != '' ? datum.range : ({state})" if with_earlier else state,
        )
        .mark_point(filled=True, size=70)
        .encode(
            y=value,
            opacity=alt.condition(nearest, alt.value(1), alt.value(0)),
            tooltip=[
                alt.Tooltip("series:N", title="Series"),
                alt.Tooltip("when:N", title="From"),
                alt.Tooltip("exact:N", title="Value"),
                alt.Tooltip("note:N", title="Data"),
            ],
        )
        .add_params(nearest)
    )
    return dot


def _legend(names: Sequence[str]) -> alt.Legend:
    longest = max((len(name) for name in names), default=0)
    columns = max(1, min(len(names), _ROW_OF_LEGEND_PIXELS // (min(longest, 36) * 7 + 40)))
    return alt.Legend(orient="top", direction="horizontal", columns=columns, symbolType="stroke", symbolOpacity=1)


def _quoted(text: str) -> str:
    """A string literal of Vega's expressions; a unit comes from outside."""
    return json.dumps(text)


def _frame(rows: Sequence[Row], scale: Scale) -> pd.DataFrame:
    """The rows as a table, scaled, with the last finished bucket doubled so that the dashed tail is joined to it."""
    pointed = pointed_at(rows)
    table: list[dict[str, object]] = []
    for place, row in enumerate(rows):
        value = None if row["value"] is None else row["value"] * scale.factor
        scaled = {**row, "value": value, "pointed": (row["series"], row["time"]) in pointed}
        table.append(scaled)
        following = rows[place + 1] if place + 1 < len(rows) else None
        if following and following["series"] == row["series"] and (row["state"], following["state"]) == STATES:
            table.append({**scaled, "state": "unfinished", "pointed": False})
    frame = pd.DataFrame(table, columns=list(_COLUMNS))
    # Arrow hands 64-bit integers to the browser as BigInt, which a time scale cannot read.
    return frame.astype({"time": "float64", "value": "float64"})
