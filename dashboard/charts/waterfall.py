"""The spans of a trace as bars over its time, with what happened in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import AMBER, BLUE, ERRORS, GREEN, INK, MUTED, PURPLE
from dashboard.charts.theme import themed
from dashboard.charts.units import scale_of

ROW_PIXELS: Final = 30
_AXIS_PIXELS: Final = 70
MARKS: Final = {
    "event": (AMBER, "diamond"),
    "log": (BLUE, "circle"),
    "prediction": (GREEN, "triangle-up"),
    "link": (PURPLE, "square"),
}
"""Colour and shape of what happened within a span, by its kind."""
FOLD: Final = "fold:"
"""Begins the key of a row that stands for several spans."""
_MOST_INDENT: Final = 12
# From this part of the picture's width on a bar's text stands before its end instead of after its start.
_RIGHT: Final = 0.55


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment of a span.

    Attributes:
        kind: event, log, prediction or link.
        at: milliseconds after the trace's start.
        text: one line.
    """

    kind: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the waterfall; all times are milliseconds after the trace's start.

    Attributes:
        key: what a click on it selects.
        text: one line.
        series: by which it is coloured, such as its service.
        start: left end.
        end: right end.
        depth: how many spans enclose it.
        own: the stretches in which none of its children ran.
        critical: the stretches in which all waited for it.
        failed: whether it failed.
        duration: as shown when the pointer rests on it.
        self_time: likewise.
        marks: what happened in it.
    """

    key: str
    text: str
    series: str
    start: float
    end: float
    depth: int = 0
    own: Sequence[tuple[float, float]] = field(default=())
    critical: Sequence[tuple[float, float]] = field(default=())
    failed: bool = False
    duration: str = ""
    self_time: str = ""
    marks: Sequence[Mark] = field(default=())


def waterfall(
    bars: Sequence[Bar], *, start: float, end: float, colours: Mapping[str, str], chosen: str, pick: str
) -> alt.LayerChart:
    """Draw a row for each bar: pale as a whole, full where its time is its own, underlined where all waited for it.

    Args:
        bars: from the top.
        start: left end of the axis, in milliseconds after the trace's start.
        end: right end.
        colours: series -> colour.
        chosen: the key of the row that is marked until one is clicked; empty for none.
        pick: name of the selection, which says the `key` of the row that was clicked.
    """
    longest = max(abs(start), abs(end))
    scale = scale_of("ms", longest or 1.0)
    factor = scale.factor
    left, right = start * factor, max(end, start + 1e-6) * factor
    height = ROW_PIXELS * max(1, len(bars))
    x = alt.Scale(domain=[left, right], nice=False, zero=False)
    axis = alt.Axis(title=f"Time since the trace began ({scale.symbol})", format=",~f", tickCount=6, orient="top")
    y = alt.Scale(domain=[0, max(1, len(bars))], reverse=True, nice=False, zero=False)
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(orient="top", symbolType="square", symbolStrokeWidth=0, symbolOpacity=1),
    )

    def layer(rows: pd.DataFrame, low: float, high: float) -> alt.Chart:
        """Rectangles in a part of their rows' height."""
        chart: alt.Chart = (
            alt.Chart(rows)
            .transform_calculate(top=f"datum.row + {low}", bottom=f"datum.row + {high}")
            .encode(
                x=alt.X("from:Q", scale=x, axis=axis),
                x2="to:Q",
                y=alt.Y("top:Q", scale=y, axis=None),
                y2="bottom:Q",
            )
        )
        return chart

    value = [{"key": chosen}] if chosen else alt.Undefined
    picked = alt.selection_point(name=pick, fields=["key"], on="click", empty=False, value=value)
    frame = _bars(bars, factor, left, right)
    tooltip = [
        alt.Tooltip("text:N", title="Span"),
        alt.Tooltip("lasted:N", title="Duration"),
        alt.Tooltip("own:N", title="Self time"),
        alt.Tooltip("state:N", title="State"),
    ]
    whole = layer(frame, 0.58, 0.86).mark_rect(clip=True, opacity=0.4).encode(color=colour)
    own = layer(_stretches(bars, "own", factor), 0.58, 0.86).mark_rect(clip=True).encode(color=colour)
    critical = layer(_stretches(bars, "critical", factor), 0.88, 0.98).mark_rect(clip=True, color=INK)
    # Thinner than a pixel would be nothing: a stroke keeps each bar visible.
    outline = layer(frame, 0.58, 0.86).mark_rect(clip=True, filled=False, strokeWidth=1.2)
    outline = outline.encode(stroke=alt.condition("datum.failed", alt.value(ERRORS), colour))
    text = (
        alt.Chart(frame)
        .transform_calculate(middle="datum.row + 0.34")
        .mark_text(fontSize=12, baseline="middle", limit=560, clip=True)
        .encode(
            x=alt.X("at:Q", scale=x, axis=axis),
            y=alt.Y("middle:Q", scale=y, axis=None),
            text="shown:N",
            color=alt.condition("datum.failed", alt.value(ERRORS), alt.value(INK)),
        )
    )
    before = text.transform_filter("datum.before").mark_text(
        align="right", fontSize=12, baseline="middle", limit=560, clip=True
    )
    after = text.transform_filter("!datum.before").mark_text(
        align="left", fontSize=12, baseline="middle", limit=560, clip=True
    )
    surface = frame.assign(**{"from": left, "to": right})
    rows = (
        layer(surface, 0.0, 1.0)
        .mark_rect(color=MUTED, cursor="pointer")
        .encode(opacity=alt.condition(picked, alt.value(0.14), alt.value(0.001)))
        .encode(tooltip=tooltip)
        .add_params(picked)
    )
    layers = [rows, whole, own, outline, critical, after, before, *_marks(bars, factor, x, y)]
    return themed(cast("alt.LayerChart", alt.layer(*layers)), height=height + _AXIS_PIXELS)


def _bars(bars: Sequence[Bar], factor: float, left: float, right: float) -> pd.DataFrame:
    rows = []
    for place, bar in enumerate(bars):
        start, end = bar.start * factor, bar.end * factor
        before = (start - left) > _RIGHT * (right - left)
        rows.append(
            {
                "row": float(place),
                "key": bar.key,
                "text": bar.text,
                "shown": "\u00a0\u00a0" * min(bar.depth, _MOST_INDENT) * (not before) + _line(bar),
                "series": bar.series,
                "from": start,
                "to": end,
                "at": min(end, right) if before else max(start, left),
                "before": before,
                "failed": bar.failed,
                "lasted": bar.duration,
                "own": bar.self_time,
                "state": "failed" if bar.failed else "ok",
            }
        )
    return pd.DataFrame(rows)


def _line(bar: Bar) -> str:
    sign = "✕ " if bar.failed else ""
    return f"{sign}{bar.text}  {bar.duration}".rstrip()


def _stretches(bars: Sequence[Bar], what: str, factor: float) -> pd.DataFrame:
    rows = [
        {"row": float(place), "series": bar.series, "key": bar.key, "from": start * factor, "to": end * factor}
        for place, bar in enumerate(bars)
        for start, end in getattr(bar, what)
    ]
    return pd.DataFrame(rows, columns=["row", "series", "key", "from", "to"])


def _marks(bars: Sequence[Bar], factor: float, x: alt.Scale, y: alt.Scale) -> list[alt.Chart]:
    layers = []
    for kind, (colour, shape) in MARKS.items():
        rows = [
            {"middle": place + 0.72, "at": mark.at * factor, "text": mark.text, "what": mark.kind, "key": bar.key}
            for place, bar in enumerate(bars)
            for mark in bar.marks
            if mark.kind == kind
        ]
        if rows:
            layers.append(
                alt.Chart(pd.DataFrame(rows))
                .mark_point(filled=True, size=70, shape=shape, color=colour, opacity=1, stroke=INK, strokeWidth=0.6)
                .encode(
                    x=alt.X("at:Q", scale=x),
                    y=alt.Y("middle:Q", scale=y, axis=None),
                    tooltip=[alt.Tooltip("what:N", title="What"), alt.Tooltip("text:N", title="Text")],
                )
            )
    return layers
