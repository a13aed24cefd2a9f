"""A first look: which fields there are, their most common values, and where numbers can be cut.

What is decided here, without regard to the groups, is what will be tested: values that enough cases have, and
quantiles of numbers. A field whose values hardly ever return (ids, times, addresses with ids in them) drops out by
itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain.cases import AS_THEY_ARE, Cases, Kind
from services.monitoring_api.queries.explain.contingency import Contingency

# A value that fewer cases have is not looked at.
LEAST_SUPPORT: Final = 20
BINS: Final = 128
_MOST_FIELDS: Final = 300
_MOST_VALUES: Final = 100
# A field with more different numbers than this is cut into ranges; with more than that its numbers are no categories.
_FEW_NUMBERS: Final = 8
_MANY_NUMBERS: Final = 50
_MOSTLY: Final = 0.9
_MOST_NUMERIC: Final = 40
_DIGITS: Final = 6

_LEVELS: Final = ", ".join(str(level / BINS) for level in range(1, BINS))
# Besides the fields themselves: how many cases there are, and how many with a stored trace, as values of a field of
# no kind.
_SCREENING: Final = """SELECT
    Kind,
    Field,
    cityHash64(Kind, Field) AS FieldKey,
    sum(Total) AS Cases,
    countIf(Number IS NOT NULL) AS Numbers,
    sumIf(Total, Number IS NOT NULL) AS Numeric,
    quantilesExactWeightedIf({levels})(ifNull(Number, 0), Total, Number IS NOT NULL) AS Edges,
    groupArraySortedIf({most})(
        tuple(-toInt64(Total), Value, Key, Wrong, Number IS NOT NULL),
        Total >= {{least:UInt64}} OR Kind = 0
    ) AS Common
FROM
(
    SELECT
        cityHash64(item.1, item.2, item.3) AS Key,
        any(item) AS known,
        known.1 AS Kind,
        known.2 AS Field,
        known.3 AS Value,
        count() AS Total,
        countIf(Selected) AS Wrong,
        if(isFinite(toFloat64OrNull(Value)), toFloat64OrNull(Value), NULL) AS Number
    FROM
    (
        SELECT Selected, arrayJoin(arrayConcat(Items, {universes})) AS item
        FROM {rows}
    )
    GROUP BY Key
)
GROUP BY Kind, Field
ORDER BY Kind > 0, Cases DESC, Kind, Field
LIMIT {{most_fields:UInt64}}"""
_UNIVERSES: Final = "[(toUInt8(0), '', if(Traced, 'traced', 'untraced'))]"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a field that enough cases have.

    Args:
        kind: What kind of field it is.
        field: The field's name.
        text: The value: of a feature as JSON.
        key: What the engine calls this value of this field.
        table: How many cases have it.
    """

    kind: Kind
    field: str
    text: str
    key: int
    table: Contingency


@dataclass(frozen=True, slots=True)
class NumericField:
    """A field that is cut into ranges.

    Args:
        kind: What kind of field it is.
        name: Its name.
        key: What the engine calls it.
        edges: Where it is cut into `BINS`: quantiles of all cases, ascending; a number that many have stands there
            several times.
    """

    kind: Kind
    name: str
    key: int
    edges: Sequence[float]


@dataclass(frozen=True, slots=True)
class Screened:
    """What there is to test.

    Args:
        universe: Cases of each group that were looked at.
        traced: Those of them whose trace is stored.
        values: Values, whatever the groups.
        numeric: Fields of numbers.
    """

    universe: Contingency
    traced: Contingency
    values: Sequence[Value]
    numeric: Sequence[NumericField]

    def of(self, kind: Kind) -> Contingency:
        """The cases among which a field of this kind can be known."""
        return self.traced if kind.of_spans else self.universe


def screening_query(cases: Cases) -> Query:
    """Every field with its common values and its quantiles."""
    sql = _SCREENING.format(levels=_LEVELS, most=_MOST_VALUES, universes=_UNIVERSES, rows=cases.rows(AS_THEY_ARE))
    return Query(sql, {**cases.parameters, "least": LEAST_SUPPORT, "most_fields": _MOST_FIELDS})


async def screen(database: Database, cases: Cases) -> Screened:
    """Look at the fields of all cases."""
    rows = await database.fetch(screening_query(cases))
    universes = {
        str(value): (-int(less), int(selected)) for row in rows if row[0] == 0 for less, value, _, selected, _ in row[7]
    }
    traced, untraced = universes.get("traced", (0, 0)), universes.get("untraced", (0, 0))
    selected, rest = traced[1] + untraced[1], traced[0] + untraced[0] - traced[1] - untraced[1]
    stored, stored_rest = traced[1], traced[0] - traced[1]
    everything = Contingency(selected, rest, selected, rest)
    with_trace = Contingency(stored, stored_rest, stored, stored_rest)
    values: list[Value] = []
    numeric: list[NumericField] = []
    for row in rows:
        if row[0] == 0:
            continue
        kind = Kind(int(row[0]))
        among = with_trace if kind.of_spans else everything
        cut = _cut(kind, row)
        if cut is not None:
            numeric.append(cut)
        for less, text, key, having, is_number in row[7]:
            # A map that holds a key twice counts a case twice.
            counted, others = min(int(having), among.selected), min(-int(less) - int(having), among.rest)
            table = Contingency(counted, others, among.selected, among.rest)
            many = cut is not None and int(row[4]) > _MANY_NUMBERS
            if table.says_something and not (many and is_number):
                values.append(Value(kind, str(row[1]), str(text), int(key), table))
    return Screened(everything, with_trace, values, numeric[:_MOST_NUMERIC])


def _cut(kind: Kind, row: Sequence[Any]) -> NumericField | None:
    _, name, key, cases, numbers, numeric, edges, common = row
    nothing = sum(-int(less) for less, text, _, _, _ in common if kind is Kind.FEATURE and text == "null")
    if int(numbers) <= _FEW_NUMBERS or int(numeric) < _MOSTLY * (int(cases) - nothing):
        return None
    exact = [float(edge) for edge in edges]
    # Shorter numbers cut as well, unless they cut elsewhere at all; a field of times keeps its digits.
    short = [float(f"{edge:.{_DIGITS}g}") for edge in exact]
    return NumericField(kind, str(name), int(key), short if len(set(short)) == len(set(exact)) else exact)
