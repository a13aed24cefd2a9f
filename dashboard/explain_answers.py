"""What the monitoring API's explainer answers: what the slow or the wrong have more often than the rest."""

import json
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from dashboard.answers import Answer

_KINDS: Final = {"segment": "", "feature": "feature ", "attribute": "attribute "}


class Part(Answer):
    """One thing that cases have in common: a value of a field, or a range of one.

    Attributes:
        kind: segment, feature, attribute, child_operation, interaction or self_time.
        field: the name; of an operation its service; None for an interaction.
        value: the value; of a feature with its type; of an operation its name.
        bounds: the first number and the first one after it, each None where there is no end; None for a value.
        parts: the things that come together, of an interaction.
    """

    kind: str
    field: str | None = None
    value: Any = None
    bounds: tuple[float | None, float | None] | None = Field(default=None, alias="range")
    parts: "tuple[Part, ...]" = ()

    @property
    def each(self) -> "tuple[Part, ...]":
        """The single things that it is made of."""
        return self.parts or (self,)

    @property
    def words(self) -> str:
        """What it is, such as `feature carrier = EV`; text from data, not yet safe for markdown."""
        return " together with ".join(_words(part) for part in self.each)


class Finding(Part):
    """Something that the selected have more often than the rest.

    Attributes:
        share_selected: of the selected, how many have it.
        share_rest: of the rest.
        effect: the share of the selected that it accounts for; of self time, milliseconds.
        low: lower end of the effect's 95 % interval.
        high: upper end.
        unit: of the effect: `share` or `ms`.
        q_value: the false discovery rate at which it is believed.
        examples: traces of selected cases that have it.
        example_predictions: predictions of such.
        same: other names for the same cases.
    """

    share_selected: float
    share_rest: float
    effect: float
    low: float
    high: float
    unit: str = "share"
    q_value: float
    examples: tuple[str, ...] = ()
    example_predictions: tuple[str, ...] = ()
    same: tuple[Part, ...] = ()


class Explanation(Answer):
    """An explanation.

    Attributes:
        start: first moment of the range.
        end: first moment after it.
        selected: how many were slow or wrong.
        rest: how many were not.
        sampled: which part of the selected and of the rest was looked at.
        searched: how many possible causes were looked at.
        findings: ranked.
        message: the same in words.
    """

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    selected: int
    rest: int
    sampled: tuple[float, float] = (1.0, 1.0)
    searched: int = 0
    findings: tuple[Finding, ...] = ()
    message: str = ""


def value_text(value: Any) -> str:
    """A value as a filter spells it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(part: Part) -> str:
    field = part.field or "?"
    match part.kind:
        case "child_operation":
            return f"operation {part.value} of {field}"
        case "self_time":
            return f"time of its own in {part.value} of {field}"
    named = f"{_KINDS.get(part.kind, f'{part.kind} ')}{field}"
    if part.bounds is None:
        return f"{named} = {value_text(part.value)}"
    low, high = part.bounds
    if low is None:
        return f"{named} < {high:g}" if high is not None else named
    return f"{named} ≥ {low:g}" if high is None else f"{named} from {low:g} to less than {high:g}"
