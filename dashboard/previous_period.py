"""The stretch of time just before another one, of the same length."""

import re
from datetime import datetime
from typing import Final

from dashboard.time_range import PRESETS, TimeRange, rfc3339

_RELATIVE: Final = re.compile(r"now-(\d{1,5})([smhdw])")


def previous(period: TimeRange, now: datetime) -> TimeRange:
    """The range before, said relatively where the range is, so that the same question is asked again and again.

    Raises:
        ValueError: an end cannot be read.
    """
    match = _RELATIVE.fullmatch(period.start)
    if match and period.end == "now":
        return TimeRange(f"now-{2 * int(match[1])}{match[2]}", period.start)
    start, end = period.bounds(now)
    return TimeRange(rfc3339(start - (end - start)), rfc3339(start))


def period_words(period: TimeRange) -> str:
    """A range within a sentence, such as `the last 24 hours`."""
    name = PRESETS.get(period.start) if period.end == "now" else None
    return f"the {name[:1].lower()}{name[1:]}" if name else "this range"


def previous_words(period: TimeRange) -> str:
    """The range before, within a sentence, such as `the 24 hours before`."""
    name = PRESETS.get(period.start) if period.end == "now" else None
    return f"the {name.removeprefix('Last ')} before" if name else "the time before, as long"
