"""Durations at the command line: 30s, 15m, 24h, 90d, 1d12h."""

import re
from datetime import timedelta
from typing import Any, Final

import click

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WHOLE: Final = re.compile(r"(?:\d{1,5}[smhdw])+")
_PART: Final = re.compile(r"(\d+)([smhdw])")
_LONGEST: Final = timedelta(days=36_500)


class DurationType(click.ParamType[timedelta]):
    """A duration of whole seconds, up to a hundred years."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration of a text."""
        if isinstance(value, timedelta):
            return value
        if not _WHOLE.fullmatch(value):
            self.fail(f"{value!r} is not a duration: write a number with its unit, like 30s, 24h or 90d.", param, ctx)
        found = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(value)), timedelta())
        if found > _LONGEST:
            self.fail(f"{value!r} is longer than a hundred years.", param, ctx)
        return found


DURATION: Final = DurationType()
