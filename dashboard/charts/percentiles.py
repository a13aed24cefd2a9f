"""Percentiles of one thing as bands: how wide the middle and the tail are, at a look."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import altair as alt
import pandas as pd

from dashboard.charts.palette import PERCENTILES
from dashboard.charts.rows import Row

_LEVEL: Final = re.compile(r"p(\d{1,2})")
_OPACITY: Final = 0.22


def in_order(names: Sequence[str]) -> list[str]:
    """Names of percentiles such as `p95`, the lowest first; an empty list when one is none."""
    levels = {name: match for name in names if (match := _LEVEL.fullmatch(name))}
    return sorted(levels, key=lambda name: int(levels[name][1])) if len(levels) == len(names) else []


def percentile_colours(names: Sequence[str]) -> dict[str, str]:
    """One hue, darker towards the tail."""
    return {name: PERCENTILES.get(name, PERCENTILES["p95"]) for name in names}


def band_layers(
    rows: Sequence[Row], names: Sequence[str], *, factor: float, x: alt.X, value: alt.Y, colours: Mapping[str, str]
) -> list[alt.Chart]:
    """An area between each percentile and the next; where one of both is missing there is a gap.

    Args:
        rows: of the percentiles' lines, unscaled.
        names: of the percentiles, the lowest first.
        factor: from the metric's unit to the axis' one.
        x: the time axis.
        value: the value axis.
        colours: name -> colour; an area has that of its upper end.
    """
    values = {(row["series"], row["time"]): row["value"] for row in rows}
    times = sorted({row["time"] for row in rows})
    layers = []
    for lower, upper in pairwise(names):
        table = [
            (
                float(at),
                *(None if one is None else one * factor for one in (values.get((lower, at)), values.get((upper, at)))),
            )
            for at in times
        ]
        frame = pd.DataFrame(
            [row if None not in row else (row[0], None, None) for row in table], columns=["time", "value", "upper"]
        ).astype("float64")
        area = alt.Chart(frame).mark_area(color=colours[upper], opacity=_OPACITY)
        layers.append(area.encode(x=x, y=value, y2="upper:Q"))
    return layers
