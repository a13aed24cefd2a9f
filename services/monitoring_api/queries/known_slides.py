"""Sliding windows of which each counts only what was known by its own time: one statement for all of them.

A row is known from one time until another, so it counts in the windows that its time lies in and that are judged
meanwhile. These are windows in a row, but not those of its neighbours in time. It is put into the fewest blocks of
windows that make them up, each block twice as long as those below it (a segment tree), and every window merges the
states of the blocks that it lies in: of n windows a row is counted 2 log2(n) times at most, and not anew in each.
"""

from dataclasses import dataclass
from typing import Final

from services.monitoring_api.queries.known_rows import PATIENCE_US
from services.monitoring_api.queries.sliding import Slides

# A block is its level, times this, and its number there.
_LEVEL: Final = 1 << 16


def _reached(time_us: str) -> str:
    """SQL for the first window that is judged at a time (microseconds) or later."""
    since = f"({time_us}) * 1000 - {{judged_ns:Int64}}"
    return f"if({since} <= 0, 0, intDiv({since} + {{apart_ns:Int64}} - 1, {{apart_ns:Int64}}))"


# The first window that a row counts in, and the first after these.
_FIRST: Final = f"""greatest(
    if({{at}} < {{first_end_ns:Int64}}, 0, intDiv({{at}} - {{first_end_ns:Int64}}, {{apart_ns:Int64}}) + 1),
    {_reached("FromUs")},
    {_reached(f"MadeUs - {PATIENCE_US}")}
)"""
_LAST: Final = f"""least(
    {{slides:UInt32}},
    intDiv({{at}} - {{first_start_ns:Int64}}, {{apart_ns:Int64}}) + 1,
    {_reached("UntilUs")}
)"""
# On each level the blocks from one to another that no longer block holds all of: one at either end at most.
_BLOCKS: Final = f"""arrayJoin(arrayFilter(
    block -> block >= 0,
    arrayFlatten(arrayMap(
        (level, size, begin, end) -> [
            if(intDiv(begin + size - 1, size) < intDiv(end, size) AND intDiv(begin + size - 1, size) % 2 = 1,
                level * {_LEVEL} + intDiv(begin + size - 1, size), -1),
            if(intDiv(begin + size - 1, size) < intDiv(end, size) AND intDiv(end, size) % 2 = 1,
                level * {_LEVEL} + intDiv(end, size) - 1, -1)
        ],
        range({{levels:UInt32}}),
        arrayMap(level -> bitShiftLeft(toInt64(1), level), range({{levels:UInt32}})),
        arrayResize([toInt64({_FIRST})], {{levels:UInt32}}, toInt64({_FIRST})),
        arrayResize([toInt64({_LAST})], {{levels:UInt32}}, toInt64({_LAST}))
    ))
))"""
# The windows themselves.
_EACH: Final = f"arrayJoin(range(toUInt32({_FIRST}), toUInt32(greatest(toInt64(0), {_LAST}))))"
_WINDOWS: Final = f"""range(
    toUInt32(bitShiftLeft(toUInt64(Bucket % {_LEVEL}), intDiv(Bucket, {_LEVEL}))),
    toUInt32(least({{slides:UInt32}}, bitShiftLeft(toUInt64(Bucket % {_LEVEL} + 1), intDiv(Bucket, {_LEVEL}))))
)"""


@dataclass(frozen=True, slots=True)
class KnownSlides(Slides):
    """Windows that are each judged at a time of their own, over rows as `known_rows.known` asks for them.

    Args:
        judged_ns: How long after its beginning a window is judged.
    """

    judged_ns: int = 0

    @property
    def pieces_each(self) -> int:
        """Of how many blocks each is merged: one of each length."""
        return self.levels

    @property
    def levels(self) -> int:
        """How many lengths blocks have."""
        return self.count.bit_length() + 1

    @property
    def windows(self) -> str:
        """SQL for the numbers of the windows that a block is made of."""
        return _WINDOWS

    def expression(self, column: str) -> str:
        """SQL for the blocks of windows that a row counts in."""
        return _BLOCKS.replace("{at}", f"toUnixTimestamp64Nano({column})")

    def parameters(self) -> dict[str, int]:
        """The values that it needs."""
        return {
            "first_start_ns": self.first.start_ns,
            "first_end_ns": self.first.end_ns,
            "apart_ns": self.interval_ns,
            "judged_ns": self.first.start_ns + self.judged_ns,
            "levels": self.levels,
            "slides": self.count,
        }


@dataclass(frozen=True, slots=True)
class EachKnownSlide(KnownSlides):
    """The same, where a figure needs all rows of a window at once: every row is put into each window it counts in."""

    def expression(self, column: str) -> str:
        """SQL for the windows that a row counts in."""
        return _EACH.replace("{at}", f"toUnixTimestamp64Nano({column})")
