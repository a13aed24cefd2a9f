"""What is compared: cases that were selected and the rest, each with everything that may be a cause."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

# Of each group so many are looked at; the rate at which a group is sampled is stated with the answer.
MOST_CASES: Final = 20_000
# A case is looked at when the hash of its id is no greater than its group's; this is everybody's.
EVERY_HASH: Final = 2**64 - 1


class Kind(IntEnum):
    """What kind of thing a cause is; the order is that in which one of two names for the same cases is preferred."""

    SEGMENT = 1
    FEATURE = 2
    ATTRIBUTE = 3
    CHILD_OPERATION = 4

    @property
    def of_spans(self) -> bool:
        """Whether it is only known of cases whose trace is stored."""
        return self in {Kind.ATTRIBUTE, Kind.CHILD_OPERATION}


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be known of items, said where they are read: nothing longer is carried through sorts and joins.

    Args:
        of: From SQL of an array of items to SQL of an array of what is to be known of each.
        kinds: The kinds of items that are wanted at all.
    """

    of: Callable[[str], str]
    kinds: Collection[Kind]

    @property
    def of_spans(self) -> bool:
        """Whether anything is wanted that spans say."""
        return any(kind.of_spans for kind in self.kinds)

    @property
    def of_predictions(self) -> bool:
        """Whether anything is wanted that predictions say."""
        return any(not kind.of_spans for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases of two groups.

    Args:
        rows: From what is to be known of items to SQL after FROM; the columns are Half (0 or 1, drawn by the id),
            Selected, Weight (the greater, the better an example), TraceId, PredictionId, Traced (whether its request's
            span is stored), and Items: what is to be known of tuples of `Kind`, field and value, where a feature's
            value is JSON and all others are text.
        parameters: The values that ``rows`` needs.
        selected: How many selected cases there are, also those that are not looked at.
        rest: How many others there are.
        sampled: Which part of each group is looked at, by the hash of its id.
    """

    rows: Callable[[Reading], str]
    parameters: Mapping[str, Any]
    selected: int
    rest: int
    sampled: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Up to which hash a case of each group is looked at."""

    selected: int
    rest: int

    @classmethod
    def of(cls, selected: int, rest: int, *, most: int = MOST_CASES) -> "Sampling":
        """So that about so many of each group are looked at, at most.

        Never a larger part of the rest than of the selected: of a trace with two requests the one that decides its
        group could be left out, and the other would then stand in the wrong group.
        """
        ours = min(1.0, most / max(selected, 1))
        theirs = min(ours, 1.0, most / max(rest, 1))
        return cls(_hash(ours), _hash(theirs))

    def parameters(self) -> dict[str, int]:
        """The values that `SAMPLED` needs."""
        return {"selected_hash": self.selected, "rest_hash": self.rest}

    def rates(self) -> tuple[float, float]:
        """Which part of each group is looked at."""
        return self.selected / EVERY_HASH, self.rest / EVERY_HASH


# Everything, as it is.
AS_THEY_ARE: Final = Reading(lambda items: items, frozenset(Kind))


def sampled(identity: str, selected: str) -> str:
    """The condition that a case is looked at.

    Args:
        identity: SQL of what is hashed.
        selected: SQL that says whether it is selected.
    """
    return f"cityHash64({identity}) <= if({selected}, {{selected_hash:UInt64}}, {{rest_hash:UInt64}})"


def half(identity: str) -> str:
    """SQL of the half that a case belongs to; whether it was sampled says nothing of that."""
    return f"cityHash64({identity}, 'half') % 2"


def _hash(rate: float) -> int:
    return EVERY_HASH if rate >= 1 else int(rate * EVERY_HASH)
