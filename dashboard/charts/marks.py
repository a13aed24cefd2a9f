"""What happened at a moment, drawn across a chart's lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import altair as alt
import pandas as pd

from dashboard.charts.palette import GREEN, INDIGO, SKY, VERMILLION

COLOURS: Final = {"model_version": INDIGO, "service_version": SKY, "promotion": GREEN, "alert": VERMILLION}
KINDS: Final = {
    "model_version": "model version first seen",
    "service_version": "service version first seen",
    "promotion": "promoted",
    "alert": "alert fired",
}
# A version's arrival and its promotion both have the version's colour.
_SHAPES: Final = {"promotion": "diamond"}
_SHAPE_SIZE: Final = 70


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened.

    Attributes:
        kind: a key of `KINDS`; anything else is drawn like an alert.
        at: when, in milliseconds of the wall clock that the axis shows.
        text: what exactly, one line of plain text.
        colour: where it is of something with a colour of its own, such as a version; else its kind's.
    """

    kind: str
    at: int
    text: str
    colour: str = ""


def marks_across(marks: Sequence[Mark], scale: alt.Scale) -> list[alt.Chart]:
    """A dotted line over the whole height for each, with a shape at its top that says what it is.

    Args:
        marks: to draw.
        scale: of the time axis.
    """
    layers: list[alt.Chart] = []
    looks: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        kind = mark.kind if mark.kind in COLOURS else "alert"
        looks.setdefault((kind, mark.colour or COLOURS[kind]), []).append(mark)
    for (kind, colour), mine in sorted(looks.items(), key=lambda look: (list(COLOURS).index(look[0][0]), look[0][1])):
        tooltip = [alt.Tooltip("what:N", title="What"), alt.Tooltip("when:N", title="When")]
        base = alt.Chart(_frame(mine)).encode(x=alt.X("at:T", scale=scale), tooltip=tooltip)
        layers.append(base.mark_rule(color=colour, strokeDash=[2, 3], strokeWidth=1.2))
        named = _SHAPES.get(kind, "triangle-down")
        shape = base.mark_point(shape=named, filled=True, color=colour, size=_SHAPE_SIZE, yOffset=5)
        layers.append(shape.encode(y=alt.value(0)))
    return layers


def _frame(marks: Sequence[Mark]) -> pd.DataFrame:
    rows = [
        {
            "at": float(mark.at),
            "what": f"{KINDS.get(mark.kind, mark.kind)}: {mark.text}",
            "when": f"{datetime.fromtimestamp(mark.at / 1000, UTC):%a %d %b %Y %H:%M:%S}",
        }
        for mark in marks
    ]
    return pd.DataFrame(rows, columns=["at", "what", "when"])
