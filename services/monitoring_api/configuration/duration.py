"""Durations as people write them in files: 15s, 5m, 1h30m, 2d."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d{1,9})(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d{1,9}(?:ms|[smhdw]))+")


def parse_duration(text: object) -> float:
    """Seconds of a duration like `1h30m`; 0 may stand without a unit.

    Raises:
        ValueError: When it isn't one.
    """
    if text == "0" or (text == 0 and type(text) is int):
        return 0.0
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise ValueError("not a duration: write a number with its unit, like 15s, 5m, 1h30m or 2d")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """A duration for people: 90.0 is `1m30s`; shorter than a second is `0s`."""
    rest = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": rf"^({_WHOLE.pattern}|0)$"}, {"const": 0}]}),
]
