"""Counting in the engine: each bin of numbers, each value, and each two of them, by group and half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain import parts
from services.monitoring_api.queries.explain.cases import Cases, Reading
from services.monitoring_api.queries.explain.screening import BINS, LEAST_SUPPORT, NumericField, Value

# Coarse ranges of a field of numbers, as parts of pairs: the quarter and the half at either end, by bins.
QUARTERS: Final = ((0, BINS // 4), (0, BINS // 2), (BINS // 2, BINS), (3 * BINS // 4, BINS))
# Two places make a code; the bins' codes lie above all of these.
_WIDTH: Final = 4096
_FIRST_BIN: Final = _WIDTH * _WIDTH

# Selected and rest of the first half, selected and rest of the second.
Counts = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """How often things were seen.

    Args:
        together: By two places (of a value: from `parts.FIRST_VALUE`, then the quarters of each field); the smaller
            first, and one alone with `parts.EVERYBODY`.
        bins: By the place of a field of numbers, from 1, and the number of edges below.
    """

    together: Mapping[tuple[int, int], Counts]
    bins: Mapping[tuple[int, int], Counts]


def counting_query(cases: Cases, values: Sequence[Value], numeric: Sequence[NumericField], quartered: int) -> Query:
    """Codes and their counts.

    Args:
        cases: What is compared.
        values: Values that are counted with each other.
        numeric: Fields of numbers, whose bins are counted.
        quartered: How many of these, from the first, are also parts of pairs.
    """
    lows, highs = [low for low, _ in QUARTERS], [high for _, high in QUARTERS]
    kinds = {value.kind for value in values} | {field.kind for field in numeric}
    quarters = f"""arrayFlatten(arrayMap(bin -> arrayMap(
                quarter -> toUInt16({{first_quarter:UInt16}} + (bin.1 - 1) * {len(QUARTERS)} + quarter - 1),
                arrayFilter(
                    quarter -> bin.2 >= {lows}[quarter] AND bin.2 < {highs}[quarter],
                    range(1, {len(QUARTERS) + 1})
                )
            ), arrayFilter(bin -> bin.1 <= {{quartered:UInt64}}, Bins)))"""
    sql = f"""SELECT
    Code,
    countIf(Selected AND Half = 0),
    countIf(NOT Selected AND Half = 0),
    countIf(Selected AND Half = 1),
    countIf(NOT Selected AND Half = 1)
FROM
(
    SELECT
        Selected,
        Half,
        arrayJoin(arrayConcat(
            arrayFlatten(arrayMap(
                (first, nth) -> arrayMap(second -> toUInt32(toUInt32(first) * {_WIDTH} + second),
                    arraySlice(Places, nth)),
                Places,
                arrayEnumerate(Places)
            )),
            arrayMap(bin -> toUInt32({_FIRST_BIN} + bin.1 * {BINS} + bin.2), Bins)
        )) AS Code
    FROM
    (
        SELECT
            Selected,
            Half,
            {parts.NUMBERS} AS Numbers,
            {parts.bins()} AS Bins,
            arraySort(arrayConcat(
            {parts.VALUES},
            {quarters}
            )) AS Places
        FROM {cases.rows(Reading(parts.places, kinds))}
    )
)
GROUP BY Code
HAVING count() >= {{least:UInt64}} OR intDiv(Code, {_WIDTH}) <= {parts.TRACED} OR Code >= {_FIRST_BIN}"""  # noqa: S608  (texts of ours; what people give is bound)
    places = parts.Places([value.key for value in values], [field.key for field in numeric])
    return Query(
        sql,
        {
            **cases.parameters,
            **places.parameters(),
            "edges": parts.flat([field.edges for field in numeric]),
            "first_quarter": parts.FIRST_VALUE + len(values),
            "quartered": quartered,
            "least": LEAST_SUPPORT,
        },
    )


async def count(
    database: Database, cases: Cases, values: Sequence[Value], numeric: Sequence[NumericField], quartered: int
) -> Counted:
    """Count (see `counting_query`)."""
    together: dict[tuple[int, int], Counts] = {}
    bins: dict[tuple[int, int], Counts] = {}
    for code, *counts in await database.fetch(counting_query(cases, values, numeric, quartered)):
        if int(code) >= _FIRST_BIN:
            bins[divmod(int(code) - _FIRST_BIN, BINS)] = _counts(counts)
        else:
            together[divmod(int(code), _WIDTH)] = _counts(counts)
    return Counted(together, bins)


def _counts(found: Sequence[int]) -> Counts:
    a, b, c, d = map(int, found)
    return a, b, c, d
