"""Conditions like `> 0.05`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_TEXT = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with a fixed threshold, in the metric's unit."""

    comparison: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether the value breaches."""
        return _OPERATORS[self.comparison](value, self.threshold)

    def ended_by(self, other: "Condition") -> bool:
        """Whether another condition can end what this one began: the other way round, and no value meets both."""
        way, back = self.comparison[0], other.comparison[0]
        if {way, back} != {"<", ">"} or "!" in self.comparison:
            return False
        apart = self.threshold - other.threshold if way == ">" else other.threshold - self.threshold
        both_include = self.comparison.endswith("=") and other.comparison.endswith("=")
        return apart > 0 or (apart == 0 and not both_include)

    def __str__(self) -> str:
        return f"{self.comparison} {self.threshold:.10g}"


def parse_condition(text: object) -> Condition:
    """Read `> 0.05`, or `> 5%` for the same.

    Raises:
        ValueError: When it isn't a comparison with a number.
    """
    if isinstance(text, Condition):
        return text
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('not a condition: write a comparison (>, >=, <, <=, ==, !=) and a number, like "> 0.05"')
    threshold = float(match[2])
    return Condition(match[1], threshold / 100 if match[3] else threshold)


ConditionText = Annotated[
    Condition, BeforeValidator(parse_condition), WithJsonSchema({"type": "string", "pattern": f"^{_TEXT.pattern}$"})
]
