"""One value of a feature against how the feature was distributed when the model was trained."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import SKY, VERMILLION
from dashboard.charts.theme import themed
from dashboard.quantiles import shares_below

BINS: Final = 30
MOST_BARS: Final = 6
_LONGEST: Final = 24
OTHERS: Final = "(others)"


def density(quantiles: Sequence[float], bins: int = BINS) -> list[tuple[float, float, float]]:
    """A histogram of what evenly spaced quantiles describe: (from, to, share of the rows), between the 1 % tails.

    Args:
        quantiles: from the least to the greatest, ascending; at least two.
        bins: how many, of equal width; a single one where all values are the same.
    """
    last = len(quantiles) - 1
    tail = max(0, round(last * 0.01))
    low, high = quantiles[tail], quantiles[last - tail]
    if low == high:
        low, high = quantiles[0], quantiles[-1]
    if low == high:
        return [(low, high, 1.0)]
    width = (high - low) / bins
    edges = [low + width * place for place in range(bins)] + [high]
    below = [shares_below(quantiles, edge)[0] for edge in edges[:-1]] + [shares_below(quantiles, high)[1]]
    shares = [max(0.0, after - before) for before, after in pairwise(below)]
    return [(edges[place], edges[place + 1], shares[place]) for place in range(bins)]


def number_against(quantiles: Sequence[float], value: float | None, *, height: int = 110) -> alt.LayerChart:
    """Draw the distribution of a number, and the value across it.

    Args:
        quantiles: of the training rows, evenly spaced, ascending; at least two.
        value: the prediction's; None where it has no number.
        height: of the picture in pixels.
    """
    parts = density(quantiles)
    frame = pd.DataFrame(parts, columns=["start", "end", "share"]).astype("float64")
    if len(parts) == 1:  # a single value has no width
        frame["end"] = frame["start"] + (abs(frame["start"]) * 0.02 + 0.02)
    ends = [parts[0][0], parts[-1][1], *([value] if value is not None else [])]
    scale = alt.Scale(domain=[min(ends), max(ends)], nice=True, zero=False, padding=4)
    axis = alt.Axis(title=None, tickCount=4, format=".6~g", labelFlush=False)
    bars = (
        alt.Chart(frame)
        .mark_rect(color=SKY, opacity=0.75)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=axis),
            x2="end:Q",
            y=alt.Y("share:Q", axis=None, scale=alt.Scale(domainMin=0)),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("start:Q", title="From", format=".6~g"),
                alt.Tooltip("end:Q", title="To", format=".6~g"),
                alt.Tooltip("share:Q", title="Of training rows", format=".1%"),
            ],
        )
    )
    layers = [bars]
    if value is not None:
        mark = alt.Chart(pd.DataFrame({"value": [value]})).encode(
            x=alt.X("value:Q", scale=scale), tooltip=alt.Tooltip("value:Q", title="This prediction", format=".6~g")
        )
        layers.append(mark.mark_rule(color=VERMILLION, strokeWidth=2.5))
    return themed(cast("alt.LayerChart", alt.layer(*layers)), height=height)


def category_against(
    shares: Mapping[str, float], other_share: float, value: str | None, *, height: int = 110
) -> alt.LayerChart:
    """Draw the shares of the commonest categories and of the prediction's own, which stands out.

    Args:
        shares: category -> share of the training rows.
        other_share: share of the rows whose category is not among them.
        value: the prediction's; None where it has none.
        height: of the picture in pixels.
    """
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    shown = dict(ranked[:MOST_BARS])
    if value is not None and value not in shown:
        shown = dict(ranked[: MOST_BARS - 1])
        shown[value] = shares.get(value, 0.0)
    rest = other_share + sum(share for name, share in ranked if name not in shown)
    titles = _distinct(list(shown))
    rows = [
        {"name": titles[name], "share": share, "mine": "this prediction" if name == value else "others"}
        for name, share in shown.items()
    ]
    if rest > 0:
        rows.append({"name": OTHERS, "share": rest, "mine": "others"})
    frame = pd.DataFrame(rows, columns=["name", "share", "mine"]).astype({"share": "float64"})
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    base = alt.Chart(frame).encode(
        x=alt.X(
            "name:N", sort=None, scale=alt.Scale(domain=names), axis=alt.Axis(title=None, labelAngle=0, labelLimit=60)
        ),
    )
    bars = base.mark_bar(opacity=0.85).encode(
        y=alt.Y("share:Q", axis=None, scale=alt.Scale(domainMin=0)),
        color=alt.Color(
            "mine:N", scale=alt.Scale(domain=["this prediction", "others"], range=[VERMILLION, SKY]), legend=None
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Value"),
            alt.Tooltip("share:Q", title="Of training rows", format=".2%"),
            alt.Tooltip("mine:N", title="Is"),
        ],
    )
    # A bar of no height can't be seen.
    mark = base.transform_filter("datum.mine == 'this prediction'").mark_point(
        shape="triangle-down", filled=True, size=70, color=VERMILLION, opacity=1, yOffset=-8
    )
    layered = cast("alt.LayerChart", alt.layer(bars, mark.encode(y="share:Q")))
    return themed(layered, height=height)


def _distinct(names: Sequence[str]) -> dict[str, str]:
    """A short title for each name; names that begin alike are numbered."""
    titles: dict[str, str] = {}
    for name in names:
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        taken = [short, OTHERS] if short == OTHERS else [short]
        count = sum(title in taken or title.startswith(f"{short} (") for title in titles.values())
        titles[name] = f"{short} ({count + 1})" if count or short == OTHERS else short
    return titles
