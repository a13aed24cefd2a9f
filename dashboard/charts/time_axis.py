"""The time axis that charts share: it shows a wall clock, counted in milliseconds."""

from datetime import UTC, datetime
from typing import Final

import altair as alt
import pandas as pd

# A day's name at midnight, the time of day elsewhere.
TIME_LABEL: Final = (
    "utchours(datum.value) + utcminutes(datum.value) + utcseconds(datum.value) == 0 ? utcFormat(datum.value, '%d %b')"
    " : utcFormat(datum.value, utcseconds(datum.value) == 0 ? '%H:%M' : '%H:%M:%S')"
)


def time_scale(start: int, end: int) -> alt.Scale:
    """The scale of a range, which ends where the range does.

    Args:
        start: left end, in milliseconds of the wall clock shown.
        end: right end, likewise.
    """
    return alt.Scale(type="utc", domain=[_iso(start), _iso(end)], nice=False)


# The browser draws a chart anew when its description changes, and a drag that is being made is lost with the old one;
# where only data change it draws on. So the ends of an axis that moves on while people drag over it are data.
MOVING_SCALE: Final = alt.Scale(type="utc", nice=False)


def ends_as_data(start: int, end: int) -> alt.Chart:
    """An invisible layer that keeps both ends of a moving axis, beside layers that have nothing beyond them.

    Args:
        start: left end, in milliseconds of the wall clock shown.
        end: right end, likewise.
    """
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame({"time": [float(start), float(end)]}))
        .mark_point(size=0, opacity=0, aria=False, tooltip=None)
        .encode(x=alt.X("time:T", scale=MOVING_SCALE))
    )
    return chart


def _iso(milliseconds: int) -> str:
    """A moment as Vega-Lite's scales read it; of plain numbers they make nonsense."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")
