"""A figure with its interval for each of several parts: segments of predictions, or versions of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import BLUE, MUTED
from dashboard.charts.performance import IMMATURE, MATURE, faded
from dashboard.charts.theme import themed
from dashboard.charts.units import scale_of

_ROW_PIXELS: Final = 26
_AXIS_PIXELS: Final = 70


@dataclass(frozen=True, slots=True)
class Measured:
    """A part and its figure.

    Attributes:
        name: of the part, distinct.
        value: None where there is none.
        low: lower end of its interval.
        high: upper end.
        n: labelled predictions that it rests on.
        predictions: all of the part's.
        mature: whether nearly all labels are there that are to be expected.
        note: why there is no value; else empty.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    predictions: int
    mature: bool = True
    note: str = ""


def interval_bars(
    parts: Sequence[Measured],
    *,
    unit: str,
    title: str,
    whole: float | None = None,
    colours: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Draw a row for each part: a dot with its interval, hollow where labels still come, and the whole's line across.

    Args:
        parts: from the top; one without a value keeps its row.
        unit: of the values; `ratio` for shares.
        title: of the value axis.
        whole: the figure of all together.
        colours: part -> colour; one colour for all without.
    """
    sizes = [abs(each) for part in parts for each in (part.value, part.low, part.high) if each is not None]
    scale = scale_of(unit, max([*sizes, *([abs(whole)] if whole is not None else [])], default=None))
    names = [part.name for part in parts]
    palette = dict(colours) if colours is not None else dict.fromkeys(names, BLUE)
    rows = [
        {
            "name": part.name,
            "value": None if part.value is None else part.value * scale.factor,
            "low": None if part.low is None else part.low * scale.factor,
            "high": None if part.high is None else part.high * scale.factor,
            "n": part.n,
            "predictions": part.predictions,
            "state": MATURE if part.mature else IMMATURE,
            "note": part.note,
        }
        for part in parts
    ]
    columns = ["name", "value", "low", "high", "n", "predictions", "state", "note"]
    kinds = dict.fromkeys(("value", "low", "high", "n", "predictions"), "float64")
    frame = pd.DataFrame(rows, columns=columns).astype(kinds)
    across = alt.X(
        "value:Q",
        scale=alt.Scale(zero=False, nice=True, padding=8),
        axis=alt.Axis(
            title=title,
            format=scale.axis_format,
            labelExpr=f"datum.label + ' {scale.symbol}'" if scale.symbol else alt.Undefined,
            grid=True,
            tickCount=8,
        ),
    )
    order = alt.Y("name:N", sort=None, scale=alt.Scale(domain=names), axis=alt.Axis(title=None, labelLimit=240))
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(palette), range=list(palette.values())), legend=None)
    fade = faded(1.0, 0.55)
    base = alt.Chart(frame).encode(y=order, color=colour, opacity=fade)
    rules = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=alt.Scale(zero=False)), x2="high:Q")
    dots = (
        base.transform_filter("isValid(datum.value)")
        .transform_calculate(
            exact=f"format(datum.value, '{scale.exact_format}') + ' {scale.symbol}'",
            interval=(
                f"isValid(datum.low) ? format(datum.low, '{scale.exact_format}') + ' to ' + "
                f"format(datum.high, '{scale.exact_format}') : 'none'"
            ),
        )
        .mark_point(size=80, strokeWidth=2)
        .encode(
            x=across,
            fill=alt.condition(
                f"datum.state == '{MATURE}'",
                alt.Fill("name:N", scale=alt.Scale(domain=list(palette), range=list(palette.values())), legend=None),
                alt.value("transparent"),
            ),
            tooltip=[
                alt.Tooltip("name:N", title="Of"),
                alt.Tooltip("exact:N", title="Value"),
                alt.Tooltip("interval:N", title="95 % interval"),
                alt.Tooltip("n:Q", title="Labelled", format=","),
                alt.Tooltip("predictions:Q", title="Predictions", format=","),
                alt.Tooltip("state:N", title="Labels"),
            ],
        )
    )
    nothing = (
        base.transform_filter("!isValid(datum.value)")
        .mark_text(align="left", fontSize=12)
        .encode(text="note:N", x=alt.value(6), color=alt.value(MUTED), opacity=alt.value(1))
    )
    layers = [rules, dots, nothing]
    if whole is not None:
        line = alt.Chart(pd.DataFrame({"whole": [whole * scale.factor]})).mark_rule(color=MUTED, strokeDash=[5, 4])
        layers.insert(0, line.encode(x="whole:Q"))
    return themed(cast("alt.LayerChart", alt.layer(*layers)), height=_ROW_PIXELS * max(1, len(parts)) + _AXIS_PIXELS)
