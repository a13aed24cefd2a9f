"""Which span of time a page shows, as people choose it and as the URL and the API spell it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PRESETS: Final[dict[str, str]] = {
    "now-15m": "Last 15 minutes",
    "now-1h": "Last hour",
    "now-6h": "Last 6 hours",
    "now-24h": "Last 24 hours",
    "now-2d": "Last 2 days",
    "now-7d": "Last 7 days",
    "now-30d": "Last 30 days",
    "now-90d": "Last 90 days",
}
STEPS: Final[dict[str, int]] = {"10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86400}

_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_RELATIVE: Final = re.compile(r"now(?:-(\d{1,6})([smhdw]))?")
_MOST_POINTS: Final = 750  # about one per pixel of a chart that fills half a wide screen


@dataclass(frozen=True)
class TimeRange:
    """A half-open range [start, end), each end relative (`now-24h`) or RFC 3339."""

    start: str = "now-24h"
    end: str = "now"

    @property
    def preset(self) -> str | None:
        """The preset's start, if this is one."""
        return self.start if self.end == "now" and self.start in PRESETS else None

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Both ends as instants.

        Raises:
            ValueError: an end cannot be read, or the range is empty or runs backwards.
        """
        start, end = instant(self.start, now), instant(self.end, now)
        if start >= end:
            raise ValueError("The range ends before it begins.")
        return start, end

    def in_words(self, now: datetime, zone: tzinfo) -> str:
        """The range for people, such as `Last 24 hours` or both ends with their time zone."""
        if self.preset:
            return PRESETS[self.preset]
        start, end = (moment.astimezone(zone) for moment in self.bounds(now))
        return f"{start:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M} ({zone_name(zone, end)})"


def instant(text: str, now: datetime) -> datetime:
    """Read a relative or RFC 3339 time or epoch seconds.

    Raises:
        ValueError: it is none of these.
    """
    if match := _RELATIVE.fullmatch(text):
        amount, unit = match.groups()
        return now - timedelta(seconds=int(amount) * _UNIT_SECONDS[unit]) if amount else now
    try:
        if re.fullmatch(r"\d{1,11}(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:40]!r} is not a time.") from error


def rfc3339(moment: datetime) -> str:
    """Spell an instant as the URL and the API want it, in UTC and to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name.

    Raises:
        ValueError: there is none.
    """
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name[:40]!r} is not a time zone.") from error


def zone_name(zone: tzinfo, at: datetime) -> str:
    """The zone with its offset at a time, such as `Europe/Berlin, UTC+01:00`."""
    if zone is UTC:
        return "UTC"
    offset = f"{at.astimezone(zone):%z}"
    return f"{getattr(zone, 'key', zone)}, UTC{offset[:3]}:{offset[3:5]}"


def fitting_step(start: datetime, end: datetime) -> str:
    """The finest step that draws no more points than a chart has pixels."""
    seconds = (end - start).total_seconds()
    return next((name for name, width in STEPS.items() if seconds / width <= _MOST_POINTS), "1d")


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest fitting unit, such as `3 min`."""
    seconds = max(0, round((now - moment).total_seconds()))
    for width, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * width or (seconds >= width and unit == "min"):
            return f"{seconds // width} {unit}"
    return f"{seconds} s"


def utc_offset_seconds(zone: str, at: datetime) -> float:
    """The zone's offset from UTC at a time; one offset for a whole chart keeps its time axis even."""
    offset = at.astimezone(zone_of(zone)).utcoffset()
    return offset.total_seconds() if offset else 0.0


def epoch_milliseconds(moment: datetime, offset_seconds: float) -> int:
    """A moment as the chart's axis counts it: milliseconds of the wall clock shown."""
    return round((moment.astimezone(UTC).timestamp() + offset_seconds) * 1000)
