"""The time axis that charts share: it shows a wall clock, counted in milliseconds."""

from datetime import UTC, datetime
from typing import Final

import altair as alt

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


def _iso(milliseconds: int) -> str:
    """A moment as Vega-Lite's scales read it; of plain numbers they make nonsense."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")
