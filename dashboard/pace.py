"""How soon a chart whose range ends now is asked for again: when there may be something new to see, and no sooner."""

from datetime import datetime, timedelta
from typing import Final

from dashboard.time_range import STEPS, TimeRange, fitting_step

SLOW_SECONDS: Final = 60.0
_LONG: Final = timedelta(hours=24)
_LOOKS_A_BUCKET: Final = 4


def moves(period: TimeRange) -> bool:
    """Whether a range goes on, so that what is seen of it grows old."""
    return period.end == "now"


def asked_every(period: TimeRange, step: str, now: datetime, *, usual: float) -> float | None:
    """After how many seconds a range is asked for again; None where it stands still.

    A bucket is looked at four times at most while it fills, of a day or more once a minute.

    Args:
        period: what is shown; one that can be read.
        step: a bucket's length by name, or `auto`.
        now: the end of relative ranges.
        usual: seconds that a page waits at least.
    """
    if not moves(period):
        return None
    start, end = period.bounds(now)
    if end - start >= _LONG:
        return max(usual, SLOW_SECONDS)
    bucket = STEPS.get(step) or STEPS[fitting_step(start, end)]
    return max(usual, min(SLOW_SECONDS, bucket / _LOOKS_A_BUCKET))


def lasts(every: float | None) -> bool:
    """Whether what is asked again so seldom may be half a minute old for whoever comes to see it."""
    return every is None or every >= SLOW_SECONDS
