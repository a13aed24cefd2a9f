"""The earlier range that a range is compared with."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

_WEEK = timedelta(days=7)


class Compare(StrEnum):
    """What to compare with."""

    NONE = "none"
    PREVIOUS = "previous"
    WEEK = "week"


def compared(buckets: Buckets, compare: Compare) -> Buckets | None:
    """The range to compare with, cut by the same step; None when there is nothing before 1970, or nothing is asked.

    A week ago means the same time by the clock, also where clocks changed in between. Of whole local days the previous
    ones are as many days before; of any other range it is the time just before, as long.
    """
    span, tz = buckets.span, buckets.tz
    starts, ends = (_local(at, buckets) for at in (span.start_ns, span.end_ns))
    match compare:
        case Compare.NONE:
            return None
        case Compare.WEEK:
            shift: timedelta | None = _WEEK
        case Compare.PREVIOUS:
            whole_days = buckets.step.days and starts.time() == ends.time() == time()
            shift = timedelta(days=(ends.date() - starts.date()).days) if whole_days else None
    if shift is None:
        earlier = TimeRange(2 * span.start_ns - span.end_ns, span.start_ns)
    else:
        earlier = TimeRange(*(_shifted(at, shift, buckets) for at in (span.start_ns, span.end_ns)))
    if earlier.start_ns < 0 or earlier.start_ns >= earlier.end_ns:
        return None
    return Buckets(earlier, buckets.step, tz)


def _local(at_ns: int, buckets: Buckets) -> datetime:
    return datetime.fromtimestamp(at_ns // NANOSECONDS, buckets.tz)


def _shifted(at_ns: int, shift: timedelta, buckets: Buckets) -> int:
    # Arithmetic on an aware time is by its clock on the wall.
    earlier = (_local(at_ns, buckets) - shift).astimezone(UTC)
    return int(earlier.timestamp()) * NANOSECONDS + at_ns % NANOSECONDS
