"""Predictions with what became of them as SQL after FROM, without a way through the tables."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

_COLUMNS = {
    "PredictionId": "String",
    "Label": "String",
    "Score": "Nullable(Float64)",
    "Value": "Nullable(Float64)",
    "Positive": "Nullable(Bool)",
    "Scores": "Map(String, Float64)",
    "Labelled": "Bool",
    "LabelValue": "String",
    "Correct": "Nullable(UInt8)",
    "Actual": "Nullable(UInt8)",
    "Truth": "Nullable(Float64)",
    "Segment": "String",
}


def as_rows(outcomes: Iterable[Mapping[str, Any]]) -> str:
    """SQL after FROM for rows given by their columns; those that are left out have their type's default."""
    told = ({name: value for name, value in outcome.items() if value not in (None, "")} for outcome in outcomes)
    lines = "\n".join(map(json.dumps, told))
    structure = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    escaped = lines.replace("\\", "\\\\").replace("'", "\\'")
    return f"(SELECT * FROM format(JSONEachRow, '{structure}', '{escaped}'))"


def binary_outcome(
    actual: bool | None, score: float | None, *, positive: bool | None = None, segment: str = ""
) -> dict[str, Any]:
    """A binary prediction; without a stored decision its score decides, without a label it only counts as made."""
    decided = positive if positive is not None else None if score is None else score >= 0.5
    return {
        "Score": score,
        "Positive": positive,
        "Labelled": actual is not None,
        "Actual": actual,
        "Correct": None if actual is None or decided is None else decided == actual,
        "Segment": segment,
    }


def many_binary(size: int, actual: str, score: str) -> str:
    """SQL after FROM: many labelled binary predictions, by SQL of their `number`."""
    return f"""(
    SELECT
        toString(number) AS PredictionId,
        true AS Labelled,
        toNullable({score}) AS Score,
        toNullable(toBool({actual})) AS Actual,
        CAST(NULL, 'Nullable(Bool)') AS Positive,
        toNullable((Score >= 0.5) = Actual) AS Correct
    FROM numbers({size})
)"""
