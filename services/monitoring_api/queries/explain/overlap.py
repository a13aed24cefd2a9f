"""Which findings are other names, or mere shadows, of stronger ones, and examples of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain import parts
from services.monitoring_api.queries.explain.candidate import Candidate
from services.monitoring_api.queries.explain.cases import Cases, Kind, Reading
from services.monitoring_api.queries.explain.contingency import Contingency, combined_z

EXAMPLES: Final = 3
# What is left of a finding beside another one must be as certain as this (a chance of one in a thousand).
_LEFT_Z: Final = 3.1
_WIDTH: Final = 1024
# Candidates are places in their own right here, behind everybody and the traced.
_FIRST: Final = parts.FIRST_VALUE
_NO_NUMBER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Example:
    """A selected case; either id may be empty."""

    trace_id: str
    prediction_id: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """How often candidates come together, and examples of each.

    Args:
        together: Selected and others by two places, the smaller first.
        examples: By the place of a candidate, the best first.
    """

    together: Mapping[tuple[int, int], tuple[int, int]]
    examples: Mapping[int, Sequence[Example]]

    def alone(self, place: int) -> tuple[int, int]:
        """Selected and others that have it."""
        return self.together.get((place, place), (0, 0))

    def table(self, place: int, *, of_spans: bool) -> Contingency:
        """How many cases have a candidate: of all, or of those whose trace is stored."""
        within = parts.TRACED if of_spans else parts.EVERYBODY
        return Contingency(*self.together.get((within, place), (0, 0)), *self.alone(within))

    def of(self, nth: int, candidate: Candidate) -> Contingency:
        """How many cases have the nth candidate."""
        return self.table(nth + _FIRST, of_spans=candidate.of_spans)

    def z_beside(self, place: int, other: int, *, of_spans: bool) -> float:
        """What is left of one candidate among cases that have another and among those that do not."""
        whole = self.table(place, of_spans=of_spans)
        given = self.table(other, of_spans=of_spans)
        both = self.together.get((min(place, other), max(place, other)), (0, 0))
        inside = Contingency(*both, given.selected_with, given.rest_with)
        return combined_z(inside, whole.over(inside))


def overlap_query(cases: Cases, candidates: Sequence[Candidate]) -> Query:
    """How many selected cases and others have each two of the candidates, with examples."""
    used = list(dict.fromkeys(part for each in candidates for part in each.compared))
    # Predictions are wanted in any case: their ids go with the examples.
    kinds = {Kind.SEGMENT, *(part.kind for part in used)}
    values = [part for part in used if part.text is not None]
    ranges = [part for part in used if part.text is None]
    fields = list(dict.fromkeys(part.key for part in ranges))
    # Ranges stand behind values, as places of parts.
    place = {part: parts.FIRST_VALUE + nth for nth, part in enumerate([*values, *ranges])}
    # (nothing else) a first range that no field has, so that no list is empty.
    lows = [_NO_NUMBER, *(-_NO_NUMBER if part.low is None else part.low for part in ranges)]
    highs = [_NO_NUMBER, *(_NO_NUMBER if part.high is None else part.high for part in ranges)]
    sql = f"""SELECT
    intDiv(Code, {_WIDTH}) AS First,
    Code % {_WIDTH} AS Second,
    countIf(Selected),
    countIf(NOT Selected),
    groupArraySortedIf({EXAMPLES})(tuple(-Weight, TraceId, PredictionId), Selected AND First = Second)
FROM
(
    SELECT
        Selected,
        Weight,
        TraceId,
        PredictionId,
        arrayJoin(arrayFlatten(arrayMap(
            (first, nth) -> arrayMap(second -> toUInt32(toUInt32(first) * {_WIDTH} + second), arraySlice(Places, nth)),
            Places,
            arrayEnumerate(Places)
        ))) AS Code
    FROM
    (
        SELECT
            Selected,
            Weight,
            TraceId,
            PredictionId,
            {parts.NUMBERS} AS Numbers,
            arrayConcat(
                {parts.VALUES},
                arrayFilter(
                    place -> arrayExists(
                        number -> number.1 = {{range_fields:Array(UInt64)}}[place - {{before_ranges:UInt64}}]
                            AND number.2 >= {{range_lows:Array(Float64)}}[place - {{before_ranges:UInt64}}]
                            AND number.2 < {{range_highs:Array(Float64)}}[place - {{before_ranges:UInt64}}],
                        Numbers
                    ),
                    {{range_places:Array(UInt16)}}
                )
            ) AS Parts,
            arrayConcat(
                arrayFilter(place -> place < {_FIRST}, Parts),
                arrayMap(
                    nth -> toUInt16(nth + {_FIRST} - 1),
                    arrayFilter(
                        nth -> has(Parts, {{first_parts:Array(UInt64)}}[nth])
                            AND has(Parts, {{second_parts:Array(UInt64)}}[nth]),
                        arrayEnumerate({{first_parts:Array(UInt64)}})
                    )
                )
            ) AS Places
        FROM {cases.rows(Reading(parts.places, kinds))}
    )
)
GROUP BY Code"""  # noqa: S608  (texts of ours; what people give is bound)
    before = parts.FIRST_VALUE + len(values) - 2
    return Query(
        sql,
        {
            **cases.parameters,
            **parts.Places([part.key for part in values], fields).parameters(),
            "before_ranges": before,
            "range_places": [before + 1, *(place[part] for part in ranges)],
            "range_fields": [0, *(fields.index(part.key) + 1 for part in ranges)],
            "range_lows": lows,
            "range_highs": highs,
            "first_parts": [place[each.compared[0]] for each in candidates],
            "second_parts": [place[each.compared[-1]] for each in candidates],
        },
    )


async def overlap(database: Database, cases: Cases, candidates: Sequence[Candidate]) -> Overlap:
    """Count the candidates together; the first has the place `parts.FIRST_VALUE`."""
    together: dict[tuple[int, int], tuple[int, int]] = {}
    examples: dict[int, list[Example]] = {}
    for first, second, selected, rest, shown in await database.fetch(overlap_query(cases, candidates)):
        together[int(first), int(second)] = int(selected), int(rest)
        if int(first) == int(second):
            examples[int(first)] = [Example(str(trace), str(prediction)) for _, trace, prediction in shown]
    return Overlap(together, examples)


def fold(candidates: Sequence[Candidate], found: Overlap) -> list[int]:
    """The candidates that stand for themselves, as their indexes; the others are added to the ``same`` of one of these.

    A candidate is folded into another one when nothing certain is left of it beside that one (Mantel and Haenszel
    1959) and more is left of the other beside it: a proxy says nothing more once the cause is known, the cause does.
    So each part of an interaction goes with the interaction, and all ranges that overlap go with the best of them.
    """
    likelihood = [found.of(nth, each).log_likelihood() for nth, each in enumerate(candidates)]
    order = sorted(range(len(candidates)), key=lambda nth: (-round(likelihood[nth], 6), candidates[nth].plainness))

    def shadows(nth: int, other: int, *, tied: bool) -> bool:
        of_spans = candidates[nth].of_spans or candidates[other].of_spans
        mine = found.z_beside(nth + _FIRST, other + _FIRST, of_spans=of_spans)
        its = found.z_beside(other + _FIRST, nth + _FIRST, of_spans=of_spans)
        return mine < _LEFT_Z and (its > mine or (tied and its >= mine))

    kept: list[int] = []
    for nth in order:
        stronger = next((other for other in kept if shadows(nth, other, tied=True)), None)
        if stronger is not None:
            candidates[stronger].same.append(candidates[nth])
            continue
        for other in [each for each in kept if shadows(each, nth, tied=False)]:
            kept.remove(other)
            candidates[nth].same += [candidates[other], *candidates[other].same]
            candidates[other].same = []
        kept.append(nth)
    return kept
