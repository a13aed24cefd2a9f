"""Decisions against what was true, and what other thresholds would give."""

from collections.abc import Sequence
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import BLUE, HEAT, INK, MUTED, PAPER, VERMILLION
from dashboard.charts.theme import themed

MOST_CLASSES: Final = 20
_WITH_TEXT: Final = 8
_CELL_PIXELS: Final = 74
_SMALL_CELL_PIXELS: Final = 22
# From this share on a cell is so dark that its text must be light.
_DARK_FROM: Final = 0.6


def confusion_matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> alt.LayerChart:
    """Draw a row for each class that was true, its cells by the share of the row that was decided so.

    Args:
        classes: their names, distinct; at most `MOST_CLASSES`.
        counts: for each true class, how many were decided to be of each.
    """
    rows = []
    for true, line in zip(classes, counts, strict=True):
        total = sum(line)
        for decided, count in zip(classes, line, strict=True):
            share = count / total if total else 0.0
            rows.append(
                {
                    "true": true,
                    "decided": decided,
                    "count": float(count),
                    "share": share,
                    "text": f"{count:,}",
                    "percent": f"{share:.1%}" if total else "–",
                    "what": "right" if true == decided else "wrong",
                }
            )
    frame = pd.DataFrame(rows, columns=["true", "decided", "count", "share", "text", "percent", "what"])
    base = alt.Chart(frame).encode(
        x=alt.X(
            "decided:N",
            sort=None,
            scale=alt.Scale(domain=list(classes)),
            axis=alt.Axis(title="Decided", orient="top", labelAngle=0, labelLimit=120, domain=False),
        ),
        y=alt.Y(
            "true:N", sort=None, scale=alt.Scale(domain=list(classes)), axis=alt.Axis(title="Was true", labelLimit=160)
        ),
    )
    cells = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=list(HEAT)), legend=None),
        tooltip=[
            alt.Tooltip("true:N", title="Was true"),
            alt.Tooltip("decided:N", title="Decided"),
            alt.Tooltip("count:Q", title="Predictions", format=","),
            alt.Tooltip("share:Q", title="Of those that were true", format=".1%"),
            alt.Tooltip("what:N", title="Is"),
        ],
    )
    layers = [cells]
    if len(classes) <= _WITH_TEXT:
        ink = alt.condition(f"datum.share > {_DARK_FROM}", alt.value(PAPER), alt.value(INK))
        layers.append(base.mark_text(fontSize=15, fontWeight="bold", dy=-8).encode(text="text:N", color=ink))
        layers.append(base.mark_text(fontSize=12, dy=10).encode(text="percent:N", color=ink))
    pixels = _CELL_PIXELS if len(classes) <= _WITH_TEXT else _SMALL_CELL_PIXELS
    return themed(cast("alt.LayerChart", alt.layer(*layers)), height=pixels * len(classes) + 60)


def threshold_curves(
    points: Sequence[tuple[float, float | None, float | None]], *, chosen: float | None = None, height: int = 220
) -> alt.LayerChart:
    """Draw precision and recall over the threshold, and where the chosen one lies.

    Args:
        points: (threshold, precision, recall), ascending.
        chosen: the threshold to mark.
        height: of the picture in pixels.
    """
    rows = [
        {"threshold": threshold, "value": value, "what": what}
        for threshold, precision, recall in points
        for what, value in (("precision", precision), ("recall", recall))
    ]
    frame = pd.DataFrame(rows, columns=["threshold", "value", "what"])
    frame = frame.astype({"threshold": "float64", "value": "float64"})
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X(
                "threshold:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(title="Threshold", format=".1f", values=[place / 10 for place in range(11)]),
            ),
            y=alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=None, format="%")),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=["precision", "recall"], range=[BLUE, VERMILLION]),
                legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke"),
            ),
            tooltip=[
                alt.Tooltip("what:N", title="Figure"),
                alt.Tooltip("threshold:Q", title="Threshold", format=".2f"),
                alt.Tooltip("value:Q", title="Value", format=".1%"),
            ],
        )
    )
    layers = [lines]
    if chosen is not None:
        mark = alt.Chart(pd.DataFrame({"threshold": [chosen]})).mark_rule(color=MUTED, strokeDash=[5, 4])
        layers.append(mark.encode(x="threshold:Q"))
    return themed(cast("alt.LayerChart", alt.layer(*layers)), height=height)
