"""Alerts over time: a row for each, a bar for each stretch that it was pending or firing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.bands import COLOURS
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import TIME_LABEL, time_scale

STATES: Final = ("firing", "pending")
_ROW_PIXELS: Final = 24
_AXIS_PIXELS: Final = 76
_COLUMNS: Final = ("key", "row", "state", "start", "end", "since", "until")


@dataclass(frozen=True, slots=True)
class AlertBar:
    """A stretch of time.

    Attributes:
        state: firing or pending.
        start: its first moment, in milliseconds of the wall clock that the axis shows.
        end: the first moment after it, likewise.
        since: when it began, in words.
        until: when it ended, in words.
    """

    state: str
    start: int
    end: int
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert.

    Attributes:
        key: its identity, which a click tells.
        title: what its row is called; no two are called alike.
        bars: its stretches.
    """

    key: str
    title: str
    bars: Sequence[AlertBar] = ()


def alert_rows(rows: Sequence[AlertRow], *, start: int, end: int, pick: str, time_title: str) -> alt.LayerChart:
    """Draw them, the first on top.

    Args:
        rows: at least one.
        start: left end of the time axis, in milliseconds of the wall clock shown.
        end: right end, likewise.
        pick: name of the selection that a click into a row makes; its field `key` tells whose row it is.
        time_title: title of the time axis, such as its zone.
    """
    scale = time_scale(start, end)
    axis = alt.Axis(title=time_title, labelExpr=TIME_LABEL, labelOverlap="greedy", tickCount=10)
    lanes = alt.Y(
        "row:N", scale=alt.Scale(domain=[row.title for row in rows]), axis=alt.Axis(title=None, labelLimit=220)
    )
    x = alt.X("start:T", scale=scale, axis=axis)
    picked = alt.selection_point(name=pick, fields=["key"], on="click", empty=False)
    # A stretch may be as narrow as a pixel: all of its row can be clicked.
    ground = (
        alt.Chart(_frame([(row, AlertBar("", start, end, "", "")) for row in rows]))
        .mark_rect(opacity=0, cursor="pointer")
        .encode(x=x, x2="end:T", y=lanes, tooltip=alt.Tooltip("row:N", title="Alert"))
        .add_params(picked)
    )
    states = [state for state in COLOURS if state in STATES]
    colours = alt.Scale(domain=states, range=[COLOURS[state] for state in states])
    bars = (
        alt.Chart(_frame([(row, bar) for row in rows for bar in row.bars]))
        # The outline keeps a stretch visible that is shorter than a pixel.
        .mark_bar(height=14, clip=True, strokeWidth=1.5, cursor="pointer")
        .encode(
            x=x,
            x2="end:T",
            y=lanes,
            stroke=alt.Stroke("state:N", scale=colours, legend=None),
            color=alt.Color(
                "state:N",
                scale=colours,
                legend=alt.Legend(title=None, orient="top", direction="horizontal", symbolType="square"),
            ),
            tooltip=[
                alt.Tooltip("row:N", title="Alert"),
                alt.Tooltip("state:N", title="State"),
                alt.Tooltip("since:N", title="From"),
                alt.Tooltip("until:N", title="Until"),
            ],
        )
    )
    layered = cast("alt.LayerChart", alt.layer(ground, bars))
    return themed(layered, height=_ROW_PIXELS * max(1, len(rows)) + _AXIS_PIXELS)


def _frame(bars: Sequence[tuple[AlertRow, AlertBar]]) -> pd.DataFrame:
    table = [
        (row.key, row.title, bar.state, float(bar.start), float(bar.end), bar.since, bar.until) for row, bar in bars
    ]
    frame = pd.DataFrame(table, columns=list(_COLUMNS))
    # Arrow hands 64-bit integers to the browser as BigInt, which a time scale cannot read.
    return frame.astype({"start": "float64", "end": "float64"})
