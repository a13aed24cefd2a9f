"""Times as people write them, and half-open ranges of them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from services.monitoring_api.errors import bad_field

NANOSECONDS: Final = 1_000_000_000
# ClickHouse's DateTime, which minutes are kept in, ends in 2106.
_LATEST_SECONDS: Final = 4_102_444_800  # 2100-01-01T00:00:00Z
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RELATIVE: Final = re.compile(r"now(?:(?P<sign>[-+ ])(?P<amount>\d{1,10})(?P<unit>[smhdw]))?")
_NUMBER: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?")
_DURATION: Final = re.compile(r"(?P<amount>\d{1,10})(?P<unit>[smhdw])")
_UNREADABLE: Final = "not a time: give RFC 3339 (2026-11-23T10:00:00Z), epoch seconds, now, or relative to it (now-24h)"


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """Everything from ``start_ns`` on and before ``end_ns``, in nanoseconds since 1970 UTC."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_ns - self.start_ns) / NANOSECONDS


def epoch_ns(at: datetime) -> int:
    """Nanoseconds since 1970 UTC of an aware time, exact to its microsecond."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def rfc3339(at_ns: int) -> str:
    """A time as RFC 3339 in UTC, with as many fractional digits (none, 3, 6) as it needs, truncated to microseconds."""
    micros = at_ns // 1000
    at = _EPOCH + timedelta(microseconds=micros)
    if micros % 1_000_000 == 0:
        spec = "seconds"
    elif micros % 1000 == 0:
        spec = "milliseconds"
    else:
        spec = "microseconds"
    return at.isoformat(timespec=spec).replace("+00:00", "Z")


def parse_time(text: str, *, now: datetime, field: str) -> int:
    """Read a time, in nanoseconds since 1970 UTC.

    Args:
        text: RFC 3339 (without an offset: UTC), epoch seconds, ``now``, ``now-24h``.
        now: What ``now`` means.
        field: The parameter's name, for the problem.

    Raises:
        BadInput: When it is none, or outside 1970 to 2100.
    """
    at_ns = _read_time(text.strip(), now=now)
    if at_ns is None:
        raise bad_field(field, _UNREADABLE)
    if not 0 <= at_ns <= _LATEST_SECONDS * NANOSECONDS:
        raise bad_field(field, "outside the years 1970 to 2100")
    return at_ns


def parse_as_of(text: str, *, now: datetime) -> int:
    """Read the time as of which something is asked, in nanoseconds since 1970.

    Raises:
        BadInput: Naming ``as_of``, when it is no time, or has not come yet: the answer would still change.
    """
    at = parse_time(text, now=now, field="as_of")
    if at > epoch_ns(now):
        raise bad_field("as_of", "lies in the future: give a time until now")
    return at


def parse_range(start: str, end: str, *, now: datetime) -> TimeRange:
    """Read ``from`` and ``to``.

    Raises:
        BadInput: When one is no time, or the range is empty or backwards.
    """
    found = TimeRange(parse_time(start, now=now, field="from"), parse_time(end, now=now, field="to"))
    if found.start_ns >= found.end_ns:
        raise bad_field("from", "not before to")
    return found


def parse_seconds(text: str, *, field: str) -> int:
    """Read a duration such as ``30s``, ``5m``, ``1h``, ``2d``, ``1w``, in seconds.

    Raises:
        BadInput: When it is none, or zero.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise bad_field(field, "not a duration such as 30s, 5m, 1h or 1d")
    seconds = int(match["amount"]) * _UNIT_SECONDS[match["unit"]]
    if seconds == 0:
        raise bad_field(field, "must be longer than nothing")
    return seconds


def _read_time(text: str, *, now: datetime) -> int | None:
    relative = _RELATIVE.fullmatch(text)
    if relative:
        offset = int(relative["amount"] or 0) * _UNIT_SECONDS[relative["unit"] or "s"] * NANOSECONDS
        return epoch_ns(now) + (-offset if relative["sign"] == "-" else offset)
    if _NUMBER.fullmatch(text):
        return int(Decimal(text) * NANOSECONDS)
    # In a query string an unescaped plus sign arrives as a space.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text) if "T" in text.upper() else text
    try:
        at = datetime.fromisoformat(text)
        return epoch_ns(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
