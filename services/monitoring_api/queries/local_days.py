"""Days as clocks on the wall count them: when they begin, and which one a time lies in, in Python and in SQL.

Python alone knows time zones. SQL gets what follows from them: between two clock changes days are equally long.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY_SECONDS: Final = 86_400
_EPOCH_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """Time in which keys follow from times by one rule.

    Args:
        start: From when on, in epoch seconds.
        shift: What has to be added to a time, so that divided by a bucket's length it gives the key plus one. (Plus
            one, for the first day of 1970 may begin before it, and SQL rounds towards 0.)
    """

    start: int
    shift: int


@dataclass(frozen=True, slots=True)
class LocalDays:
    """Time cut into so many days each, of a time zone, counted from 1970 on.

    Args:
        tz: The time zone.
        days: How many days make a bucket.
    """

    tz: ZoneInfo
    days: int

    def start_of(self, key: int) -> int:
        """When a bucket begins, in epoch seconds: at the first midnight where there are two."""
        day = _EPOCH_DAY + timedelta(days=key * self.days)
        # Where midnight does not exist because clocks jump over it, zoneinfo's earlier offset gives the jump itself.
        return int(datetime.combine(day, time(), self.tz).timestamp())

    def key_at(self, seconds: int) -> int:
        """The key of the bucket that a time lies in: of the last that has begun."""
        key = (datetime.fromtimestamp(seconds, self.tz).date() - _EPOCH_DAY).days // self.days
        # Clocks that are set back over midnight show yesterday's date again, and some days are left out altogether.
        while self.start_of(key + 1) <= seconds:
            key += 1
        while self.start_of(key) > seconds:
            key -= 1
        return key


@lru_cache(maxsize=64)
def pieces(local: LocalDays, first: int, last: int) -> tuple[Piece, ...]:
    """The time of these buckets in pieces, as many as there are clock changes and one more."""
    length = local.days * DAY_SECONDS
    found = [Piece(local.start_of(first), length + first * length - local.start_of(first))]
    before = found[0].start
    for key in range(first + 1, last + 2):
        start = local.start_of(key)
        shift = length + key * length - start
        if shift != found[-1].shift:
            # What a bucket has beyond its length belongs to it by the rule of those that follow.
            found.append(Piece(min(start, before + length), shift))
        before = start
    return tuple(found)


def expression(cut: tuple[Piece, ...], column: str) -> str:
    """SQL for the key of the bucket that a DateTime or DateTime64 column lies in."""
    seconds = f"toUnixTimestamp({column})"
    shifts = [f"{{days_{n}_shift:UInt32}}" for n, _ in enumerate(cut)]
    cases = [f"{seconds} < {{days_{n}_from:UInt64}}, {shift}" for n, shift in enumerate(shifts[:-1], start=1)]
    shift = f"multiIf({', '.join(cases)}, {shifts[-1]})" if cases else shifts[0]
    return f"toInt32(intDiv({seconds} + {shift}, {{step:UInt32}})) - 1"


def parameters(cut: tuple[Piece, ...], days: int) -> dict[str, int]:
    """The values that `expression` needs."""
    shifts = {f"days_{n}_shift": piece.shift for n, piece in enumerate(cut)}
    starts = {f"days_{n}_from": piece.start for n, piece in enumerate(cut) if n}
    return {"step": days * DAY_SECONDS, **shifts, **starts}
