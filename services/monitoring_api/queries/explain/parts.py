"""Which of some things each case has, told by the engine, and how often they come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.queries.explain.screening import BINS

# Two of these stand for everybody, and for those whose trace is stored.
EVERYBODY: Final = 1
TRACED: Final = 2
FIRST_VALUE: Final = 3

# Of an item: the place of its value, the place of its field among those of numbers, and its number. What has no place
# has 0.
_ITEM: Final = """(
                    transform(
                        cityHash64(item.1, item.2, item.3),
                        {value_keys:Array(UInt64)}, {value_places:Array(UInt16)}, toUInt16(0)
                    ),
                    transform(
                        cityHash64(item.1, item.2),
                        {field_keys:Array(UInt64)}, {field_places:Array(UInt16)}, toUInt16(0)
                    ),
                    ifNull(toFloat64OrNull(item.3), nan)
                )"""
# Of a case, from its items.
NUMBERS: Final = "arrayMap(item -> (item.2, item.3), arrayFilter(item -> item.2 > 0 AND isFinite(item.3), Items))"
VALUES: Final = f"""arrayConcat(
                [toUInt16({EVERYBODY})],
                if(Traced, [toUInt16({TRACED})], []),
                arrayFilter(place -> place > 0, arrayDistinct(arrayMap(item -> item.1, Items)))
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


def places(items: str) -> str:
    """SQL of what of items has a place, from SQL of items (a `Reading`)."""
    return f"""arrayFilter(
                place -> place.1 > 0 OR place.2 > 0,
                arrayMap(item -> {_ITEM}, {items})
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
