"""Rows of a chart: one per bucket, marked finished or not, with gaps kept."""

from collections.abc import Mapping, Sequence
from typing import TypedDict


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


def rows_of(
    name: str,
    points: Sequence[tuple[float, float | None]],
    *,
    step_seconds: float,
    complete_until: float | None,
    offset_seconds: float = 0.0,
) -> list[Row]:
    """The rows of one series.

    Args:
        name: of the line.
        points: (start of the bucket in epoch seconds, value or None), ascending.
        step_seconds: width of a bucket.
        complete_until: epoch seconds up to which nothing more arrives; None when all is complete.
        offset_seconds: the wall clock's offset from UTC.
    """
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


def largest(rows: Sequence[Row]) -> float | None:
    """The largest absolute value, None when no row has one."""
    return max((abs(row["value"]) for row in rows if row["value"] is not None), default=None)


def positive(rows: Sequence[Row]) -> list[Row]:
    """The rows without the values that a logarithmic axis has no place for."""
    return [row if (row["value"] or 0) > 0 else Row(**{**row, "value": None}) for row in rows]
