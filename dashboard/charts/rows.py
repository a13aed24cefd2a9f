"""Rows of a chart: one per bucket, marked finished or not, with gaps kept."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

MOST_POINTS: Final = 2000
"""Of one line; of more than that a screen shows no more, see `times_kept`."""
MOST_POINTED: Final = 480
"""So many values of a chart can be pointed at: each has a dot, which a browser takes its time to lay out."""
_FEWEST_POINTED: Final = 60


class Row(TypedDict):
    """One bucket of one series.

    Attributes:
        time: the bucket's start in milliseconds of the wall clock that the axis shows.
        value: in the metric's unit; None breaks the line.
        series: the line's name, as shown.
        state: `final`, or `unfinished` where rows may still arrive.
        alone: true when both neighbours are missing, so that a line would not show the value.
    """

    time: int
    value: float | None
    series: str
    state: str
    alone: bool


def series_name(labels: Mapping[str, str], fallback: str) -> str:
    """A line's name from its labels: the values, in the order of the keys; the fallback without labels."""
    return " · ".join(value or f"(no {key})" for key, value in labels.items()) or fallback


def until_now(points: Sequence[tuple[float, float | None]], now: float) -> Sequence[tuple[float, float | None]]:
    """The points without the empty buckets at the end that have not begun yet: nothing was counted there, not zero.

    A value after now is kept, with all before it: then somebody's clock is ahead.

    Args:
        points: (start of the bucket in epoch seconds, value or None), ascending.
        now: epoch seconds.
    """
    end = len(points)
    while end and points[end - 1][0] >= now and not points[end - 1][1]:
        end -= 1
    return points[:end]


def times_kept(
    lines: Sequence[Sequence[tuple[float, float | None]]], most: int = MOST_POINTS
) -> frozenset[float] | None:
    """Which buckets are drawn of lines with more points than pixels; None where all are.

    Of each column about a pixel wide these are the lowest and the highest value of each line, so that peaks stay, and
    one that is missing, so that gaps stay.

    Args:
        lines: the points of lines that need the same buckets, such as the ends of a band.
        most: so many points a line need no thinning.
    """
    if max(map(len, lines), default=0) <= most:
        return None
    columns = most // 2
    first = min(line[0][0] for line in lines if line)
    wide = (max(line[-1][0] for line in lines if line) - first) / columns or 1.0
    kept: set[float] = set()
    for line in lines:
        lowest: dict[int, tuple[float, float]] = {}
        highest: dict[int, tuple[float, float]] = {}
        missing: dict[int, float] = {}
        for at, value in line:
            column = min(int((at - first) / wide), columns - 1)
            if value is None:
                missing.setdefault(column, at)
                continue
            if column not in lowest or value < lowest[column][0]:
                lowest[column] = (value, at)
            if column not in highest or value > highest[column][0]:
                highest[column] = (value, at)
        kept |= {at for found in (lowest, highest) for _, at in found.values()} | set(missing.values())
    return frozenset(kept)


def rows_of(
    name: str,
    points: Sequence[tuple[float, float | None]],
    *,
    step_seconds: float,
    complete_until: float | None,
    offset_seconds: float = 0.0,
    kept: frozenset[float] | None = None,
) -> list[Row]:
    """The rows of one series.

    Args:
        name: of the line.
        points: (start of the bucket in epoch seconds, value or None), ascending.
        step_seconds: width of a bucket.
        complete_until: epoch seconds up to which nothing more arrives; None when all is complete.
        offset_seconds: the wall clock's offset from UTC.
        kept: the buckets to draw, see `times_kept`; None finds them for this line alone.
    """
    kept = times_kept([points]) if kept is None else kept
    if kept is not None:
        points = [point for point in points if point[0] in kept]
    rows: list[Row] = []
    for place, (at, value) in enumerate(points):
        before = points[place - 1][1] if place else None
        after = points[place + 1][1] if place + 1 < len(points) else None
        finished = complete_until is None or at + step_seconds <= complete_until
        rows.append(
            Row(
                time=round((at + offset_seconds) * 1000),
                value=value,
                series=name,
                state="final" if finished else "unfinished",
                alone=value is not None and before is None and after is None,
            )
        )
    return rows


def pointed_at(rows: Sequence[Row]) -> set[tuple[str, int]]:
    """The values that can be pointed at, by series and time: all, or of long lines the extremes of every few pixels.

    Args:
        rows: of all series of a chart.
    """
    lines: dict[str, list[tuple[float, float | None]]] = {}
    for row in rows:
        if row["value"] is not None:
            lines.setdefault(row["series"], []).append((row["time"], row["value"]))
    most = max(_FEWEST_POINTED, MOST_POINTED // max(1, len(lines)))
    pointed: set[tuple[str, int]] = set()
    for name, points in lines.items():
        kept = times_kept([points], most)
        pointed |= {(name, int(at)) for at, _ in points if kept is None or at in kept}
    return pointed


def largest(rows: Sequence[Row]) -> float | None:
    """The largest absolute value, None when no row has one."""
    return max((abs(row["value"]) for row in rows if row["value"] is not None), default=None)


def positive(rows: Sequence[Row]) -> list[Row]:
    """The rows without the values that a logarithmic axis has no place for."""
    return [row if (row["value"] or 0) > 0 else Row(**{**row, "value": None}) for row in rows]
