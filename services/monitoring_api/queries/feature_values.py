"""Features of predictions in SQL: number 1, "1", true, null, NaN and absent stay six different things."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.filters import MOST_FILTERS

LONGEST_NAME_BYTES: Final = 512
_LONGEST_BYTES: Final = 4096
_QUOTED_KEY: Final = re.compile(r'"(?P<key>(?:[^"\\]|\\.)+)"(?P<operator>>=|<=|!=|\^=|=|<|>)(?P<value>.*)', re.DOTALL)
_PLAIN_KEY: Final = re.compile(r'(?P<key>[^"=<>!^][^=<>!^]*)(?P<operator>>=|<=|!=|\^=|=|<|>)(?P<value>.*)', re.DOTALL)
_FORMS: Final = "not of the form key=value, key!=value, key^=prefix, key>=1, key>1, key<=1 or key<1"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_NONFINITE: Final = {"nan": "nan", "inf": "inf", "infinity": "inf", "-inf": "-inf", "-infinity": "-inf"}


def feature_number(name: str) -> str:
    """SQL for a feature as a number; NULL where it is none, or none that is finite.

    Args:
        name: SQL for the feature's name.
    """
    return f"if(JSONType(Features, {name}) IN ('Int64', 'UInt64', 'Double'), JSONExtractFloat(Features, {name}), NULL)"


def feature_text(name: str) -> str:
    """SQL for a feature as it is told apart: JSON, or nan, inf, -inf, which JSON can't say; empty where it is absent.

    Args:
        name: SQL for the feature's name.
    """
    return f"if(mapContains(FeaturesNonfinite, {name}), FeaturesNonfinite[{name}], JSONExtractRaw(Features, {name}))"


class FeatureOperator(StrEnum):
    """How a condition on a feature compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    PREFIX = "^="
    AT_LEAST = ">="
    GREATER = ">"
    AT_MOST = "<="
    LESS = "<"


_NUMERIC: Final = frozenset(
    {FeatureOperator.AT_LEAST, FeatureOperator.GREATER, FeatureOperator.AT_MOST, FeatureOperator.LESS}
)


class Absent(Enum):
    """What is asked for where a feature is not there at all."""

    ABSENT = ""


Value = str | float | bool | None | Absent


@dataclass(frozen=True, slots=True)
class FeatureCondition:
    """One condition on one feature.

    Args:
        key: The feature's name.
        operator: How to compare.
        value: A text, a number, True, False, None for null, ``nan``/``inf``/``-inf`` as a float, or `Absent`.
    """

    key: str
    operator: FeatureOperator
    value: Value

    def sql(self, number: int) -> str:
        """The condition over the view ``predictions``; its parameters are those of `parameters` for this number."""
        name = f"{{feature_{number}:String}}"
        if self.operator in _NUMERIC:
            return f"ifNull({feature_number(name)} {self.operator} {{feature_{number}_number:Float64}}, false)"
        if self.operator is FeatureOperator.PREFIX:
            text = f"JSONExtractString(Features, {name})"
            return f"(JSONType(Features, {name}) = 'String' AND startsWith({text}, {{feature_{number}_text:String}}))"
        found = self._equal(number, name)
        return f"NOT ({found})" if self.operator is FeatureOperator.NOT_EQUAL else f"({found})"

    def parameters(self, number: int) -> dict[str, Any]:
        """The values that `sql` needs."""
        values: dict[str, Any] = {f"feature_{number}": self.key}
        if isinstance(self.value, Absent):
            values[f"feature_{number}_text"] = self.value.value
        elif isinstance(self.value, bool) or self.value is None:
            values[f"feature_{number}_text"] = json.dumps(self.value)
        elif isinstance(self.value, str):
            values[f"feature_{number}_text"] = self.value
        elif math.isfinite(self.value):
            values[f"feature_{number}_number"] = self.value
        else:
            values[f"feature_{number}_text"] = str(self.value)
        return values

    def _equal(self, number: int, name: str) -> str:
        text = f"{{feature_{number}_text:String}}"
        if isinstance(self.value, bool | Absent) or self.value is None:
            return f"{feature_text(name)} = {text}"
        if isinstance(self.value, str):
            return f"JSONType(Features, {name}) = 'String' AND JSONExtractString(Features, {name}) = {text}"
        if math.isfinite(self.value):
            return f"ifNull({feature_number(name)} = {{feature_{number}_number:Float64}}, false)"
        return f"FeaturesNonfinite[{name}] = {text}"


_WORDS: Final[Mapping[str, Value]] = {"": Absent.ABSENT, "true": True, "false": False, "null": None}


def parse_features(texts: Sequence[str], *, field: str = "feature") -> tuple[FeatureCondition, ...]:
    r"""Read ``carrier=UA``, ``distance>=500``, ``code="1"``, ``wind=null``, ``gust=nan``, ``wind=`` (absent).

    A value that is JSON (a number, true, false, null, a text in double quotes) means just that; any other is a text. A
    name that holds an operator stands in double quotes (``"a=b"=value``), where ``\"`` is a quote.

    Raises:
        BadInput: Naming ``field``.
    """
    if len(texts) > MOST_FILTERS:
        raise bad_field(field, f"more than {MOST_FILTERS} conditions")
    return tuple(_parse(text, field) for text in texts)


def _parse(text: str, field: str) -> FeatureCondition:
    if "\0" in text:
        raise bad_field(field, "holds a NUL character")
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES:
        raise bad_field(field, f"longer than {_LONGEST_BYTES} bytes")
    quoted = _QUOTED_KEY.fullmatch(text)
    found = quoted or _PLAIN_KEY.fullmatch(text)
    if found is None:
        raise bad_field(field, _FORMS)
    key = re.sub(r"\\(.)", r"\1", found["key"], flags=re.DOTALL) if quoted else found["key"]
    operator = FeatureOperator(found["operator"])
    if operator is FeatureOperator.PREFIX:
        return FeatureCondition(key, operator, found["value"])
    value = _value(found["value"])
    if operator in _NUMERIC and not (isinstance(value, float) and math.isfinite(value)):
        raise bad_field(field, f"{operator} takes a number")
    return FeatureCondition(key, operator, value)


def _value(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if text.lower() in _NONFINITE:
        return float(_NONFINITE[text.lower()])
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return _unquoted(text) if text.startswith('"') else text


def _unquoted(text: str) -> str:
    try:
        read = json.loads(text)
    except ValueError:
        return text
    # JSON's escapes can say what ClickHouse can't be told.
    return read if isinstance(read, str) and read.isprintable() else text
