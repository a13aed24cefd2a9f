"""Filters as people write them: ``key=value``, ``key!=value``, ``key^=prefix``, ``key=in(a,b)``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.monitoring_api.errors import bad_field

_FILTER: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_.]*)(?P<operator>!=|\^=|=)(?P<value>.*)", re.DOTALL)
_SEVERAL: Final = re.compile(r"in\((?P<values>.*)\)", re.DOTALL)
_LONGEST_BYTES: Final = 4096
MOST_FILTERS: Final = 20


class Operator(StrEnum):
    """How a filter compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    PREFIX = "^="
    IN = "in"
    NOT_IN = "not in"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one dimension.

    Args:
        key: The dimension's name, as people write it; whether a metric has it is judged later.
        operator: How to compare.
        values: One value, or several for `Operator.IN` and `Operator.NOT_IN`.
    """

    key: str
    operator: Operator
    values: tuple[str, ...]


def equal(key: str, value: str) -> Filter:
    """The filter ``key=value``, whatever the value looks like."""
    return Filter(key, Operator.EQUAL, (value,))


def any_of(key: str, values: str | Sequence[str]) -> Filter:
    """The filter of a rule: one value, or any of several."""
    return equal(key, values) if isinstance(values, str) else Filter(key, Operator.IN, tuple(values))


def parse_filter(text: str, *, field: str = "filter") -> Filter:
    r"""Read one filter.

    Quotes, percent signs and everything else in a value are ordinary characters. In ``in(a,b)`` the comma separates;
    ``\,`` is a comma of a value.

    Args:
        text: The filter as written.
        field: What to call it in the problem.

    Raises:
        BadInput: When it is none, naming ``field``.
    """
    if "\0" in text:
        raise bad_field(field, "holds a NUL character")
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES:
        raise bad_field(field, f"longer than {_LONGEST_BYTES} bytes")
    match = _FILTER.fullmatch(text)
    if match is None:
        raise bad_field(field, "not of the form key=value, key!=value, key^=prefix or key=in(a,b)")
    key, operator, value = match["key"], Operator(match["operator"]), match["value"]
    several = _SEVERAL.fullmatch(value)
    if several is None or operator is Operator.PREFIX:
        return Filter(key, operator, (value,))
    values = tuple(part.replace("\\,", ",") for part in re.split(r"(?<!\\),", several["values"]))
    return Filter(key, Operator.IN if operator is Operator.EQUAL else Operator.NOT_IN, values)


def parse_filters(texts: list[str], *, field: str = "filter") -> tuple[Filter, ...]:
    """Read all of a request's filters; they are and-ed.

    Raises:
        BadInput: When there are too many or one is none.
    """
    if len(texts) > MOST_FILTERS:
        raise bad_field(field, f"more than {MOST_FILTERS} filters")
    return tuple(parse_filter(text, field=field) for text in texts)
