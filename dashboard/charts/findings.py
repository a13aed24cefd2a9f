"""What an explanation found: each effect with its interval, and the shares that it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import BLUE, GRID, MUTED, VERMILLION
from dashboard.charts.theme import themed

SELECTED_COLOUR: Final = VERMILLION
REST_COLOUR: Final = BLUE
_ROW_PIXELS: Final = 26
_AXIS_PIXELS: Final = 70
_LABEL_PIXELS: Final = 250


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of the charts.

    Attributes:
        name: of the finding, one line; distinct within a chart.
        effect: the estimate, a share of 1 or milliseconds.
        low: lower end of its interval.
        high: upper end.
        share_selected: of the selected that have it.
        share_rest: of the rest.
    """

    name: str
    effect: float
    low: float
    high: float
    share_selected: float
    share_rest: float


def effect_chart(rows: Sequence[Effect], *, unit: str) -> alt.LayerChart:
    """Draw each effect as a dot on its interval, in the order of the rows.

    Args:
        rows: the findings of one unit, ranked.
        unit: `share` or `ms`.
    """
    share = unit == "share"
    number = ".1%" if share else ",.3~f"
    axis = alt.Axis(
        title="Share of the selected that it accounts for" if share else "Extra time (ms)",
        format=".0%" if share else ",~f",
        tickCount=4,
        grid=True,
        gridColor=GRID,
    )
    exact = [
        alt.Tooltip("name:N", title="Finding"),
        alt.Tooltip("effect:Q", title="Effect", format=number),
        alt.Tooltip("low:Q", title="95 % interval from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
    ]
    base = alt.Chart(_frame(rows)).encode(y=_names(rows), tooltip=exact)
    interval = base.mark_rule(color=MUTED, strokeWidth=3).encode(x=alt.X("low:Q", axis=axis), x2="high:Q")
    dot = base.mark_point(filled=True, size=80, color=SELECTED_COLOUR, opacity=1).encode(x="effect:Q")
    return themed(cast("alt.LayerChart", alt.layer(interval, dot)), height=_height(rows))


def share_chart(rows: Sequence[Effect], *, selected: str, rest: str) -> alt.LayerChart:
    """Draw how many of the selected and of the rest have each finding: two dots, joined.

    Args:
        rows: the findings, ranked.
        selected: what the selected are called.
        rest: what the others are called.
    """
    axis = alt.Axis(title="Share that has it", format=".0%", tickCount=4, grid=True, gridColor=GRID)
    x = alt.X("share:Q", axis=axis, scale=alt.Scale(zero=True))
    joined = (
        alt.Chart(_frame(rows))
        .mark_rule(color=MUTED, strokeWidth=1.5)
        .encode(y=_names(rows), x=alt.X("share_rest:Q", axis=axis), x2="share_selected:Q")
    )
    both = [
        {"name": row.name, "group": group, "share": share}
        for row in rows
        for group, share in ((selected, row.share_selected), (rest, row.share_rest))
    ]
    groups = alt.Scale(domain=[selected, rest], range=[SELECTED_COLOUR, REST_COLOUR])
    dots = (
        alt.Chart(pd.DataFrame(both, columns=["name", "group", "share"]))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            y=_names(rows),
            x=x,
            color=alt.Color("group:N", scale=groups, legend=alt.Legend(orient="top", symbolStrokeWidth=0)),
            # Told apart without colour too.
            shape=alt.Shape("group:N", scale=alt.Scale(domain=[selected, rest], range=["circle", "diamond"])),
            tooltip=[
                alt.Tooltip("name:N", title="Finding"),
                alt.Tooltip("group:N", title="Of"),
                alt.Tooltip("share:Q", title="Share", format=".2%"),
            ],
        )
    )
    return themed(cast("alt.LayerChart", alt.layer(joined, dots)), height=_height(rows) + 30)


def _names(rows: Sequence[Effect]) -> alt.Y:
    return alt.Y(
        "name:N",
        scale=alt.Scale(domain=[row.name for row in rows]),
        axis=alt.Axis(title=None, labelLimit=_LABEL_PIXELS),
    )


def _height(rows: Sequence[Effect]) -> int:
    return _ROW_PIXELS * max(1, len(rows)) + _AXIS_PIXELS


def _frame(rows: Sequence[Effect]) -> pd.DataFrame:
    columns = ["name", "effect", "low", "high", "share_selected", "share_rest"]
    return pd.DataFrame([[getattr(row, column) for column in columns] for row in rows], columns=columns)
