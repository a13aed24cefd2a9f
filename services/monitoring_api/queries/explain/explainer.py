"""The one explainer: what selected cases have more often than the rest, and what that accounts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.explain import parts
from services.monitoring_api.queries.explain.candidate import Candidate
from services.monitoring_api.queries.explain.cases import Cases
from services.monitoring_api.queries.explain.false_discovery import Q, q_values
from services.monitoring_api.queries.explain.look import Look, look
from services.monitoring_api.queries.explain.overlap import Example, fold, overlap
from services.monitoring_api.queries.explain.pairs import pair_p

# Fewer selected cases, or others, say nothing.
LEAST_CASES: Final = 20
_MOST_FINDINGS: Final = 20
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
    """Look for what is over-represented among the selected cases; nothing is found where there are too few.

    Values are chosen whatever the groups are and tested on all cases that are looked at; ranges of numbers are chosen
    on one half and tested on the other. Half of the false discovery rate is for things by themselves, half for two of
    them together, and each test is judged by how many there are of its sort.
    """
    if min(cases.selected, cases.rest) < LEAST_CASES:
        return Explained([], 0)
    return await conclude(database, cases, await look(database, cases))


async def conclude(database: Database, cases: Cases, seen: Look) -> Explained:
    """What follows from one look at all cases."""
    believed = believe(seen, cases)
    searched = seen.singles_searched + seen.pairs_searched
    if not believed:
        return Explained([], searched)
    found = await overlap(database, cases, believed)
    kept = sorted(fold(believed, found), key=lambda nth: -found.of(nth, believed[nth]).attributable()[1])
    findings = [Finding(believed[nth], found.examples.get(nth + parts.FIRST_VALUE, ())) for nth in kept]
    return Explained(findings[:_MOST_FINDINGS], searched)


def believe(seen: Look, cases: Cases) -> list[Candidate]:
    """The candidates that stand out at the false discovery rate, the likeliest first, as many as can be compared."""
    singles, pairs = seen.singles_searched, seen.pairs_searched
    alone = [*seen.values(), *seen.ranges()]
    together = []
    for pair in seen.pairs():
        p = pair_p(pair.both, pair.first, pair.second, cases.sampled)
        if p < 1:
            together.append(Candidate(pair.parts, pair.both, p))
    searched = singles + pairs
    candidates = [*alone, *together]
    weights = [searched / (2 * max(singles, 1))] * len(alone) + [searched / (2 * max(pairs, 1))] * len(together)
    for each, q in zip(candidates, q_values([each.p for each in candidates], weights, searched), strict=True):
        each.q = q
    believed = [each for each in candidates if each.q <= Q]
    return sorted(believed, key=lambda each: (each.p, each.plainness))[:_COMPARED]
