"""One look at all cases: what there is to test, by itself and in pairs, and how often each was seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.monitoring_api.database import Database
from services.monitoring_api.queries.explain import parts
from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.cases import Cases
from services.monitoring_api.queries.explain.contingency import Contingency
from services.monitoring_api.queries.explain.counting import QUARTERS, Counted, Counts, count
from services.monitoring_api.queries.explain.ranges import best_range
from services.monitoring_api.queries.explain.screening import BINS, Screened, Value, screen

# Values that are counted with each other: the likeliest by themselves, and those that most cases differ in.
_LEADING: Final = 40
_MOST_VALUES: Final = 120
_MOST_QUARTERED: Final = 15


class Pair(NamedTuple):
    """Two things, and how many cases have both, the first, and the second."""

    parts: tuple[Part, Part]
    both: Contingency
    first: Contingency
    second: Contingency


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Args:
        screened: What there is to test.
        paired: Values that were counted with each other.
        counted: How often everything was seen.
    """

    screened: Screened
    paired: Sequence[Value]
    counted: Counted

    def values(self) -> list[Candidate]:
        """Every value, tested on all cases that were looked at."""
        return [Candidate((_part(value),), value.table, value.table.p()) for value in self.screened.values]

    def ranges(self) -> list[Candidate]:
        """Of each field of numbers the range that one half of the cases chooses, tested on the other."""
        found = []
        for place, field in enumerate(self.screened.numeric, start=1):
            within = parts.TRACED if field.kind.of_spans else parts.EVERYBODY
            bins = [self.counted.bins.get((place, number), (0, 0, 0, 0)) for number in range(BINS)]
            candidate = best_range(field, bins, self._alone(within, within))
            if candidate is not None:
                found.append(candidate)
        return found

    def pairs(self) -> Iterator[Pair]:
        """Every two things of different fields that come together often enough."""
        known = self._known()
        for (one, two), counts in self.counted.together.items():
            first, second = known.get(one), known.get(two)
            if first is None or second is None or (first.kind, first.field) == (second.kind, second.field):
                continue
            within = parts.TRACED if first.kind.of_spans or second.kind.of_spans else parts.EVERYBODY
            yield Pair(
                (first, second),
                self._table(within, counts),
                self._table(within, self._alone(within, one)),
                self._table(within, self._alone(within, two)),
            )

    @property
    def singles_searched(self) -> int:
        """How many hypotheses about one thing there were."""
        return len(self.screened.values) + len(self.screened.numeric)

    @property
    def pairs_searched(self) -> int:
        """How many hypotheses about two things there were, also of values that were left out for there are too many."""
        everything = len(self.screened.values) + _quartered(self.screened) * len(QUARTERS)
        return everything * (everything - 1) // 2

    def _known(self) -> dict[int, Part]:
        known = {parts.FIRST_VALUE + nth: _part(value) for nth, value in enumerate(self.paired)}
        for field in self.screened.numeric[: _quartered(self.screened)]:
            for low, high in QUARTERS:
                known[parts.FIRST_VALUE + len(known)] = Part(
                    field.kind,
                    field.name,
                    field.key,
                    low=None if low == 0 else field.edges[low - 1],
                    high=None if high == BINS else field.edges[high - 1],
                )
        return known

    def _alone(self, within: int, place: int) -> Counts:
        return self.counted.together.get((within, place), (0, 0, 0, 0))

    def _table(self, within: int, having: Counts) -> Contingency:
        """Both halves together."""
        of = self._alone(within, within)
        return Contingency(having[0] + having[2], having[1] + having[3], of[0] + of[2], of[1] + of[3])


async def look(database: Database, cases: Cases) -> Look:
    """Screen the fields, then count."""
    screened = await screen(database, cases)
    if not screened.values and not screened.numeric:
        return Look(screened, [], Counted({}, {}))
    paired = _to_be_paired(screened.values)
    counted = await count(database, cases, paired, screened.numeric, _quartered(screened))
    return Look(screened, paired, counted)


def _quartered(screened: Screened) -> int:
    return min(len(screened.numeric), _MOST_QUARTERED)


def _part(value: Value) -> Part:
    return Part(value.kind, value.field, value.key, value.text)


def _to_be_paired(values: Sequence[Value]) -> list[Value]:
    """Values to count with each other; which of them, the groups decide only where there are too many."""
    leading = sorted(values, key=lambda value: value.table.p())[:_LEADING]
    chosen = {value.key: value for value in leading}
    for value in sorted(values, key=lambda value: -min(value.table.support, _without(value.table))):
        if len(chosen) >= _MOST_VALUES:
            break
        chosen.setdefault(value.key, value)
    return list(chosen.values())


def _without(table: Contingency) -> int:
    return table.selected + table.rest - table.support
