"""The one explainer: what selected cases have more often than the rest, and what that accounts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.explain import parts
from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.cases import Cases
from services.monitoring_api.queries.explain.contingency import Contingency
from services.monitoring_api.queries.explain.counting import QUARTERS, Counted, Counts, count
from services.monitoring_api.queries.explain.false_discovery import q_values
from services.monitoring_api.queries.explain.overlap import Example, fold, overlap
from services.monitoring_api.queries.explain.pairs import pair_p
from services.monitoring_api.queries.explain.ranges import best_range
from services.monitoring_api.queries.explain.screening import BINS, Screened, Value, screen

# Fewer selected cases, or others, say nothing.
LEAST_CASES: Final = 20
Q: Final = 0.05
MOST_FINDINGS: Final = 20
# Values that are counted with each other: the likeliest by themselves, and those that most cases differ in.
_LEADING: Final = 40
_MOST_VALUES: Final = 120
_MOST_QUARTERED: Final = 15
# Believed candidates that are compared with each other.
_COMPARED: Final = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """What the selected cases have more often than the rest."""

    candidate: Candidate
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found.

    Args:
        findings: The one that accounts for most of the selected cases first, by the lower bound of that.
        searched: How many hypotheses there were, also those that were screened out.
    """

    findings: Sequence[Finding]
    searched: int


async def explain(database: Database, cases: Cases) -> Explained:
    """Look for what is over-represented among the selected cases.

    Values are chosen whatever the groups are and tested on all cases that are looked at; ranges of numbers are chosen
    on one half and tested on the other. Half of the false discovery rate is for things by themselves, half for two of
    them together, and each test is judged by how many there are of its sort.
    """
    screened = await screen(database, cases)
    chosen = _for_pairs(screened.values)
    quartered = min(len(screened.numeric), _MOST_QUARTERED)
    counted = await count(database, cases, chosen, screened.numeric, quartered)
    alone = [Candidate((_part(value),), value.table, value.table.p()) for value in screened.values]
    alone += _ranges(screened, counted)
    together, pairs = _pairs(screened, chosen, quartered, counted, cases.sampled)
    singles = len(screened.values) + len(screened.numeric)
    searched = singles + pairs
    if not searched:
        return Explained([], 0)
    weights = (searched / (2 * max(singles, 1)), searched / (2 * max(pairs, 1)))
    candidates = [*alone, *together]
    found = q_values(
        [each.p for each in candidates],
        [weights[len(each.parts) - 1] for each in candidates],
        searched,
    )
    for each, q in zip(candidates, found, strict=True):
        each.q = q
    believed = sorted((each for each in candidates if each.q <= Q), key=lambda each: (each.p, each.plainness))
    return Explained(await _findings(database, cases, believed[:_COMPARED]), searched)


async def _findings(database: Database, cases: Cases, believed: Sequence[Candidate]) -> list[Finding]:
    if not believed:
        return []
    found = await overlap(database, cases, believed)
    kept = [Finding(believed[nth], found.examples.get(nth + parts.FIRST_VALUE, ())) for nth in fold(believed, found)]
    kept.sort(key=lambda each: -each.candidate.table.attributable()[1])
    return kept[:MOST_FINDINGS]


def _part(value: Value) -> Part:
    return Part(value.kind, value.field, value.key, value.text)


def _for_pairs(values: Sequence[Value]) -> list[Value]:
    """Values to count with each other; which of them, the groups decide only where there are too many."""
    leading = sorted(values, key=lambda value: value.table.p())[:_LEADING]
    chosen = {value.key: value for value in leading}
    even = sorted(values, key=lambda value: -min(value.table.support, _without(value.table)))
    for value in even:
        if len(chosen) >= _MOST_VALUES:
            break
        chosen.setdefault(value.key, value)
    return list(chosen.values())


def _without(table: Contingency) -> int:
    return table.selected + table.rest - table.support


def _ranges(screened: Screened, counted: Counted) -> list[Candidate]:
    found = []
    for place, field in enumerate(screened.numeric, start=1):
        within = parts.TRACED if field.kind.of_spans else parts.EVERYBODY
        universe = _alone(counted, within, within)
        bins = [counted.bins.get((place, number), (0, 0, 0, 0)) for number in range(BINS)]
        candidate = best_range(field, bins, universe)
        if candidate is not None:
            found.append(candidate)
    return found


def _pairs(
    screened: Screened, chosen: Sequence[Value], quartered: int, counted: Counted, sampled: tuple[float, float]
) -> tuple[list[Candidate], int]:
    """Pairs that are worth a test, and how many pairs there are of all that was looked at."""
    known: dict[int, Part] = {parts.FIRST_VALUE + nth: _part(value) for nth, value in enumerate(chosen)}
    first_quarter = parts.FIRST_VALUE + len(chosen)
    for nth, field in enumerate(screened.numeric[:quartered]):
        for quarter, (low, high) in enumerate(QUARTERS):
            edges = field.edges
            known[first_quarter + nth * len(QUARTERS) + quarter] = Part(
                field.kind,
                field.name,
                field.key,
                low=None if low == 0 else edges[low - 1],
                high=None if high == BINS else edges[high - 1],
            )
    found = []
    for (one, two), counts in counted.together.items():
        first, second = known.get(one), known.get(two)
        if first is None or second is None or (first.kind, first.field) == (second.kind, second.field):
            continue
        within = parts.TRACED if first.kind.of_spans or second.kind.of_spans else parts.EVERYBODY
        table = _table(counted, within, counts)
        p = pair_p(
            table,
            _table(counted, within, _alone(counted, within, one)),
            _table(counted, within, _alone(counted, within, two)),
            sampled,
        )
        if p < 1:
            found.append(Candidate((first, second), table, p))
    everything = len(screened.values) + quartered * len(QUARTERS)
    return found, everything * (everything - 1) // 2


def _alone(counted: Counted, within: int, place: int) -> Counts:
    return counted.together.get((within, place), (0, 0, 0, 0))


def _table(counted: Counted, within: int, having: Counts) -> Contingency:
    """Both halves together, of all or of the traced."""
    of = _alone(counted, within, within)
    return Contingency(having[0] + having[2], having[1] + having[3], of[0] + of[2], of[1] + of[3])
