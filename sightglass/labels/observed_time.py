"""The moment that a label describes, as files have it."""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

ACCEPTED: Final = (
    "accepted are RFC 3339 (2026-01-31T14:05:00Z, or +01:00 for Z; a time without zone is in UTC, a date is its "
    "midnight) and seconds since 1970"
)

_NANOSECONDS: Final = 1_000_000_000
# The store takes a time outside of these years for one that was not given, and would put the time of loading there.
_FIRST: Final = int(datetime(1971, 1, 1, tzinfo=UTC).timestamp())
_END: Final = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp())
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_RFC_3339: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9})\d*)?\s?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)


def observed_nanoseconds(cell: Any) -> int:
    """Nanoseconds since the epoch.

    Args:
        cell: Text, or a number of seconds since 1970.

    Raises:
        ValueError: It is neither, or lies outside of what can be stored; the message is a clause for a person.
    """
    if isinstance(cell, str):
        text = cell.strip()
        return _from_seconds(Decimal(text)) if _NUMBER.fullmatch(text) else _from_text(text)
    if isinstance(cell, float) and math.isfinite(cell):
        return _from_seconds(Decimal(repr(cell)))  # the shortest text, so that .1 s is 100,000,000 ns
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        return _from_seconds(Decimal(cell))
    raise ValueError(f"is no time; {ACCEPTED}")


def _from_seconds(seconds: Decimal) -> int:
    if not seconds.is_finite():
        raise ValueError(f"is no time; {ACCEPTED}")
    if seconds >= _END:
        raise ValueError("is too large for seconds since 1970: divide milli-, micro- or nanoseconds first")
    if seconds < _FIRST:
        raise ValueError(f"lies before 1971; {ACCEPTED}")
    return int((seconds * _NANOSECONDS).to_integral_value())


def _from_text(text: str) -> int:
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(f"is no time; {ACCEPTED}")
    zone = (found["zone"] or "Z").upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['clock'] or '00:00'}{zone}")
    except ValueError as error:
        raise ValueError(f"is no time ({error}); {ACCEPTED}") from None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (since.days * 86_400 + since.seconds) * _NANOSECONDS + int((found["fraction"] or "").ljust(9, "0"))
    if not _FIRST * _NANOSECONDS <= nanoseconds < _END * _NANOSECONDS:
        raise ValueError(f"lies outside of the years 1971 to 2199; {ACCEPTED}")
    return nanoseconds
