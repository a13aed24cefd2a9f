"""Ranges of time as conditions on stored rows, and the order in which a search for the newest reads them."""

from collections.abc import Iterator
from typing import Final

from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# The minute is implied by the time; said for the primary key, which knows minutes.
WITHIN: Final = (
    "Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')",
    "Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')",
    "Minute >= toStartOfMinute(fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC'))",
    "Minute <= toStartOfMinute(fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))",
)
# Reading an eighth more than needed at worst buys that a page of a long range with many rows is quick.
_FRACTIONS: Final = (64, 8, 1)
_MINUTE_NS: Final = 60 * NANOSECONDS


def within(span: TimeRange) -> dict[str, int]:
    """The values that `WITHIN` needs."""
    return {"from_ns": span.start_ns, "to_ns": span.end_ns}


def newest_first(span: TimeRange, newest_ns: int) -> Iterator[int]:
    """Where to begin reading, for a search that wants the newest rows before ``newest_ns``: closer first, all at last.

    Args:
        span: The whole range.
        newest_ns: The end of what is wanted, within the range.
    """
    length = span.end_ns - span.start_ns
    last = None
    for fraction in _FRACTIONS:
        start = (newest_ns - length // fraction) // _MINUTE_NS * _MINUTE_NS
        start = span.start_ns if fraction == 1 else max(span.start_ns, start)
        if start != last:
            yield start
        last = start
