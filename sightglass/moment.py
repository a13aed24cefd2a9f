"""Moments as OTLP has them: nanoseconds since the epoch."""

import operator
import time
from datetime import UTC, datetime
from typing import Any, Final

_NANOSECONDS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The year 2262, where a signed count of nanoseconds ends, and ClickHouse's DateTime64(9) with it.
_END: Final = 2**63
# A smaller number counts seconds, milliseconds or microseconds: those of the year 2100 are 4.1e15 microseconds.
_LEAST: Final = 5 * 10**15


def to_nanoseconds(moment: datetime | int) -> int:
    """Nanoseconds since the epoch; a datetime without a zone is in UTC.

    Raises:
        TypeError: It is neither a datetime nor a whole number; seconds come as floats.
        ValueError: The moment lies before 1970 or after 2262, or the number counts seconds, milliseconds or
            microseconds.
    """
    if isinstance(moment, datetime):
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        since = aware - _EPOCH
        nanoseconds = (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1_000
        least = 0
    else:
        nanoseconds = operator.index(moment)
        least = _LEAST
    if not least <= nanoseconds < _END:
        raise ValueError(f"{nanoseconds} ns is no moment between 1970 and 2262")
    return nanoseconds


def moment_or_now(moment: Any) -> tuple[int, bool]:
    """Nanoseconds since the epoch, and whether now had to stand in for an unusable `moment`.

    One timestamp out of range would make the whole batch around it unsendable.
    """
    if moment is None:
        return time.time_ns(), False
    try:
        return to_nanoseconds(moment), False
    except Exception:
        return time.time_ns(), True


def to_text(nanoseconds: int) -> str:
    """RFC 3339 in UTC with nine digits, which sorts as text and keeps every nanosecond."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
