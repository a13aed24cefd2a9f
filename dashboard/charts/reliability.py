"""Whether scores mean what they say: the share of positives among predictions of similar scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import MUTED, SCORE
from dashboard.charts.theme import themed


@dataclass(frozen=True, slots=True)
class ScoreBin:
    """Predictions of similar scores.

    Attributes:
        score: their mean score.
        share: which part of them is of the positive class.
        low: lower end of that part's interval.
        high: upper end.
        n: how many.
        start: their least score.
        end: their greatest.
    """

    score: float
    share: float
    low: float | None
    high: float | None
    n: int
    start: float
    end: float


def reliability_curve(bins: Sequence[ScoreBin], *, height: int = 340) -> alt.LayerChart:
    """Draw shares over scores, with intervals, and the diagonal that well calibrated scores lie on.

    Args:
        bins: in order of their scores.
        height: of the picture in pixels.
    """
    columns = ["score", "share", "low", "high", "n", "start", "end"]
    frame = pd.DataFrame([{name: getattr(each, name) for name in columns} for each in bins], columns=columns)
    frame = frame.astype("float64")
    # Half as much again as is needed, so that bins of low scores do not huddle in a corner.
    most = min(1.0, max([0.1, *(max(each.score, each.high or each.share) for each in bins)]) * 1.08)
    scale = alt.Scale(domain=[0, most], nice=False)
    x = alt.X("score:Q", scale=scale, axis=alt.Axis(title="Mean score of a bin", format="%", grid=True))
    y = alt.Y("share:Q", scale=scale, axis=alt.Axis(title="Share that was positive", format="%"))
    diagonal = (
        alt.Chart(pd.DataFrame({"score": [0.0, most], "share": [0.0, most]}))
        .mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1)
        .encode(x=x, y=y)
    )
    base = alt.Chart(frame).encode(x=x)
    intervals = base.mark_rule(color=SCORE, strokeWidth=2, opacity=0.6).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=SCORE, strokeWidth=1.5, opacity=0.5).encode(y=y)
    dots = base.mark_point(color=SCORE, filled=True, size=80, opacity=1).encode(
        y=y,
        tooltip=[
            alt.Tooltip("score:Q", title="Mean score", format=".1%"),
            alt.Tooltip("share:Q", title="Was positive", format=".1%"),
            alt.Tooltip("low:Q", title="95 % interval from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
            alt.Tooltip("n:Q", title="Predictions", format=","),
            alt.Tooltip("start:Q", title="Scores from", format=".4f"),
            alt.Tooltip("end:Q", title="to", format=".4f"),
        ],
    )
    return themed(cast("alt.LayerChart", alt.layer(diagonal, intervals, line, dots)), height=height)
