"""What was brushed in the heat map: a stretch of time and one of durations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dashboard.states.reader import number_from_zero
from dashboard.time_range import TimeRange, rfc3339
from dashboard.trace_answers import HeatMap

BRUSH: Final = "brush"
UNTOUCHED: Final = "untouched"
TIME: Final = "time"
DURATION: Final = "duration"
_LEAST_MS: Final = 0.001
_YEARS: Final = range(1970, 9999)
# A brush that was drawn at given values tells them off by what a pixel's position rounds away.
_NEARLY: Final = 1e-6


@dataclass(frozen=True)
class Region:
    """A part of the heat map.

    Attributes:
        period: its time, to the second, outwards.
        min_ms: its least duration; None where it begins at the bottom.
        max_ms: its greatest duration; None where it reaches the top.
    """

    period: TimeRange
    min_ms: float | None
    max_ms: float | None

    @classmethod
    def read(cls, text: str, now: datetime) -> "Region":
        """The region that a URL spells.

        Args:
            text: begin, end, least and greatest duration, with strokes between; no duration where it has no bound.
            now: the end of relative times.

        Raises:
            ValueError: it is none.
        """
        parts = text.split("/")
        if len(parts) != 4:  # noqa: PLR2004  # as above
            raise ValueError(f"{text[:60]!r} is not begin/end/least/greatest.")
        start, end = TimeRange(parts[0], parts[1]).bounds(now)
        if start.year not in _YEARS or end.year not in _YEARS:
            raise ValueError("Its time is none that could be stored.")
        period = TimeRange(rfc3339(start), rfc3339(max(end, start + timedelta(seconds=1))))
        low, high = number_from_zero(parts[2]), number_from_zero(parts[3])
        if low is not None and high is not None and low >= high:
            raise ValueError("Its durations end before they begin.")
        return cls(period, low, high)

    def spelled(self) -> str:
        """As a URL spells it."""
        durations = ("" if value is None else repr(value) for value in (self.min_ms, self.max_ms))
        return "/".join((self.period.start, self.period.end, *durations))

    def ends(self) -> tuple[datetime, datetime]:
        """Both ends of its time."""
        return datetime.fromisoformat(self.period.start), datetime.fromisoformat(self.period.end)


def touched(event: Any) -> bool:
    """Whether a chart has told of its brush, be it of none.

    Streamlit names every selection, each empty, until the chart tells of those that changed: the brush alone.

    Args:
        event: what `st.altair_chart` returned for the selections `BRUSH` and `UNTOUCHED`.
    """
    selection = event.get("selection") if isinstance(event, Mapping) else None
    return isinstance(selection, Mapping) and BRUSH in selection and UNTOUCHED not in selection


def region_of(event: Any, heat: HeatMap, offset_seconds: float) -> Region | None:
    """The region that a chart's selection means; None while nothing is brushed.

    Args:
        event: what `st.altair_chart` returned.
        heat: what is drawn.
        offset_seconds: of the wall clock that the axis shows from UTC.
    """
    brush = _brush(event)
    times, durations = _ends(brush.get(TIME)), _ends(brush.get(DURATION))
    if times is None or durations is None or not heat.buckets:
        return None
    seconds = [round(moment) / 1000 - offset_seconds for moment in times]
    start = max(heat.start, datetime.fromtimestamp(math.floor(seconds[0]), UTC))
    end = min(heat.end + timedelta(seconds=1), datetime.fromtimestamp(math.ceil(seconds[1]), UTC))
    if start >= end:
        return None
    low, high = durations
    bottom, top = edges(heat)[0][0], edges(heat)[-1][1]
    return Region(
        TimeRange(rfc3339(start), rfc3339(max(end, start + timedelta(seconds=1)))),
        None if low <= bottom * (1 + _NEARLY) else _three_digits(low),
        None if high >= top * (1 - _NEARLY) else _three_digits(high),
    )


def brush_of(
    region: Region, heat: HeatMap, offset_seconds: float
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Where a region lies on the map, as both ends on each axis; None where no part of it does.

    Args:
        region: may reach beyond the map.
        heat: what is drawn.
        offset_seconds: of the wall clock that the axis shows from UTC.
    """
    if not heat.buckets:
        return None
    start, end = region.ends()
    start, end = max(start, heat.start), min(end, heat.end)
    bottom, top = edges(heat)[0][0], edges(heat)[-1][1]
    low = bottom if region.min_ms is None else max(bottom, region.min_ms)
    high = top if region.max_ms is None else min(top, region.max_ms)
    if start >= end or low >= high:
        return None
    return (
        ((start.timestamp() + offset_seconds) * 1000, (end.timestamp() + offset_seconds) * 1000),
        (low, high),
    )


def edges(heat: HeatMap) -> list[tuple[float, float]]:
    """Both ends of each duration bucket as a logarithmic axis can show them, in milliseconds."""
    fifth = 10**0.2
    found = []
    for bucket in heat.buckets:
        end = bucket.end if bucket.end is not None else bucket.start * fifth
        found.append((max(bucket.start, _LEAST_MS / fifth), max(end, _LEAST_MS)))
    return found


def spans_within(heat: HeatMap, region: Region) -> tuple[int, int]:
    """How many spans the cells hold that the region touches, and how many of them failed."""
    start, end = (moment.timestamp() for moment in region.ends())
    low, high = region.min_ms or 0.0, region.max_ms if region.max_ms is not None else math.inf
    bounds = edges(heat)
    touched = [
        cell
        for cell in heat.cells
        if cell.time < end
        and cell.time + heat.step_seconds > start
        and bounds[cell.bucket][0] < high
        and bounds[cell.bucket][1] > low
    ]
    return sum(cell.count for cell in touched), sum(cell.errors for cell in touched)


def _brush(event: Any) -> Mapping[str, Any]:
    selection = event.get("selection") if isinstance(event, Mapping) else None
    brush = selection.get(BRUSH) if isinstance(selection, Mapping) else None
    return brush if isinstance(brush, Mapping) else {}


def _ends(values: Any) -> tuple[float, float] | None:
    if not isinstance(values, Sequence) or len(values) != 2:  # noqa: PLR2004  # both ends
        return None
    first, last = sorted(float(value) for value in values)
    return first, last


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
