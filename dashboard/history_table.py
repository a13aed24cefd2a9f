"""Histories as rows: a summary of each line, and a file for a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from dashboard.answers import Point
from dashboard.charts.units import figure, unit_of
from dashboard.history_answers import ComparedHistory


def summary(lines: Sequence[tuple[str, ComparedHistory, Sequence[Point]]]) -> pd.DataFrame:
    """Each line's lowest, highest and last value, as text with its unit.

    Args:
        lines: name of each line, the answer it is of, and its points.
    """
    rows = []
    for name, answer, points in lines:
        values = [value for _, value in points if value is not None]
        low, high, last = (min(values), max(values), values[-1]) if values else (None, None, None)
        rows.append((name, *(figure(value, unit_of(answer.metric, answer.unit)) for value in (low, high, last))))
    return pd.DataFrame(rows, columns=["Line", "Lowest", "Highest", "Last"])


def csv_of(answers: Sequence[ComparedHistory]) -> bytes:
    """A row for each bucket of each line, times in UTC, values in the metric's unit; of an earlier range as well."""
    keys = list(dict.fromkeys(key for answer in answers for series in answer.series for key in series.labels))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["time", "range", "metric", "unit", *keys, "value"])
    for answer in answers:
        ranges = [("asked", answer.series), *([("compare", answer.compare.series)] if answer.compare else [])]
        for name, many in ranges:
            for series in many:
                for at, value in series.points:
                    labels = [series.labels.get(key, "") for key in keys]
                    shown = "" if value is None else repr(value)
                    writer.writerow([_clock(at), name, answer.metric, answer.unit, *labels, shown])
    return out.getvalue().encode()


def width_in_words(seconds: float) -> str:
    """How long a bucket is."""
    for width, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= width and seconds % width == 0:
            count = round(seconds / width)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
