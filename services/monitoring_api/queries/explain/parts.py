"""Which of some things each case has, told by the engine, and how often they come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.queries.explain.screening import BINS

# Two of these stand for everybody, and for those whose trace is stored.
EVERYBODY: Final = 1
TRACED: Final = 2
FIRST_VALUE: Final = 3

# A value is its place among the keys, behind the two above; what no place is known for is 0.
_VALUES: Final = """arrayMap(
        item -> transform(
            cityHash64(item.1, item.2, item.3), {value_keys:Array(UInt64)}, {value_places:Array(UInt64)}, toUInt64(0)
        ),
        Items
    )"""
_NUMBERS: Final = """arrayFilter(
        number -> number.1 > 0 AND isFinite(number.2),
        arrayMap(
            item -> (
                transform(
                    cityHash64(item.1, item.2), {field_keys:Array(UInt64)}, {field_places:Array(UInt64)}, toUInt64(0)
                ),
                ifNull(toFloat64OrNull(item.3), nan)
            ),
            Items
        )
    )"""


@dataclass(frozen=True, slots=True)
class Places:
    """What the engine is to look for.

    Args:
        value_keys: Keys of values.
        field_keys: Keys of fields of numbers.
    """

    value_keys: Sequence[int]
    field_keys: Sequence[int]

    def parameters(self) -> dict[str, Any]:
        """The values that the expressions of this module need; never an empty list, which would have no type."""
        return {
            "value_keys": [0, *self.value_keys],
            "value_places": [0, *range(FIRST_VALUE, FIRST_VALUE + len(self.value_keys))],
            "field_keys": [0, *self.field_keys],
            "field_places": [0, *range(1, 1 + len(self.field_keys))],
        }


def numbers() -> str:
    """SQL of a case's numbers: tuples of the place of a field, from 1, and the number."""
    return _NUMBERS


def values() -> str:
    """SQL of the places of a case's values, from `FIRST_VALUE`, and of the two for everybody and the traced."""
    return f"""arrayConcat(
        [toUInt64({EVERYBODY})],
        if(Traced, [toUInt64({TRACED})], []),
        arrayFilter(place -> place > 0, {_VALUES})
    )"""


def bins() -> str:
    """SQL of a case's bins: tuples of the place of a field, and how many edges are no greater than its number."""
    width = BINS - 1
    return f"""arrayMap(
        number -> (
            number.1,
            arrayCount(
                edge -> edge <= number.2,
                arraySlice({{edges:Array(Float64)}}, (number.1 - 1) * {width} + 1, {width})
            )
        ),
        Numbers
    )"""


def flat(edges: Sequence[Sequence[float]]) -> list[float]:
    """The edges of all fields, one after the other; never an empty list."""
    return [edge for each in edges for edge in each] or [0.0]
