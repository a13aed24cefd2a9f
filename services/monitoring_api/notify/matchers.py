"""Label matchers as Alertmanager writes them: `severity=page`, `team!=x`, `severity=~page|ticket`, `route!~/health.*`.

A label that an alert does not have counts as empty text. Expressions are RE2's and match the whole value: no pattern
takes more than linear time, whoever wrote it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

import re2
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

MAXIMUM_CHARACTERS = 1_000
_FORM = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_.]{0,127})\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class Operator(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    name: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels meets it."""
        present = labels.get(self.name, "")
        if self.operator in {Operator.EQUAL, Operator.NOT_EQUAL}:
            met = present == self.value
        else:
            met = _expression(self.value).fullmatch(_utf8(present)) is not None
        return met is (self.operator in {Operator.EQUAL, Operator.MATCHES})

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{self.operator}"{quoted}"'


def parse_matcher(text: object) -> Matcher:
    """Read `name=value`; the value may stand in double quotes, where a backslash takes the next as it is.

    Raises:
        ValueError: When it is no matcher, or its expression is none.
    """
    if not isinstance(text, str) or len(text) > MAXIMUM_CHARACTERS or not (form := _FORM.fullmatch(text)):
        raise ValueError("not a matcher: write a label, one of = != =~ !~, and a value, like severity=~page|ticket")
    value = form["value"]
    if quoted := _QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
    operator = Operator(form["operator"])
    if operator in {Operator.MATCHES, Operator.MATCHES_NOT}:
        _expression(value)
    return Matcher(form["name"], operator, value)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether an alert with these labels meets every one."""
    return all(matcher.matches(labels) for matcher in matchers)


def first_unmet(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> Matcher | None:
    """The first that an alert with these labels does not meet."""
    return next((matcher for matcher in matchers if not matcher.matches(labels)), None)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(_utf8(pattern), options)
    except re2.error as error:
        why = error.args[0] if error.args else "not valid"
        said = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"the expression {pattern!r} is wrong: {said}") from None


def _utf8(text: str) -> bytes:
    """Text as RE2 takes it; half characters, which UTF-8 does not have, become the sign for what is none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _parsed(value: object) -> object:
    return value if isinstance(value, Matcher) else parse_matcher(value)


MatcherText = Annotated[InstanceOf[Matcher], BeforeValidator(_parsed), PlainSerializer(str)]
