"""Which spans a search or a heat map is about: conditions that one span meets together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.filters import MOST_FILTERS, Filter, Operator, parse_filter
from services.monitoring_api.queries.promoted import PROMOTED, RESOURCE, STATUS_CODE_KEY
from services.monitoring_api.queries.question import condition_sql, condition_value
from services.monitoring_api.queries.sources import ERRORS
from services.monitoring_api.queries.synthetic import REAL

_QUOTED_KEY: Final = re.compile(r'"(?P<key>(?:[^"\\]|\\.)+)"(?P<rest>(?:!=|\^=|=).*)', re.DOTALL)
_PLAIN_KEY: Final = re.compile(r"(?P<key>.+?)(?P<rest>(?:!=|\^=|=).*)", re.DOTALL)
_STATUS: Final = re.compile(r"ok|error|[1-5]xx|[1-5][0-9][0-9]")
_CODE: Final = re.compile(r"[1-9][0-9]{0,3}")

_STATUS_CODE: Final = f"if({PROMOTED[STATUS_CODE_KEY]} = 0, '', toString({PROMOTED[STATUS_CODE_KEY]}))"


class SpanKind(StrEnum):
    """What part a span plays in a call."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class SpanSelection:
    """Conditions on one span; None asks for nothing.

    Args:
        service: The service's name.
        route: The HTTP route's template.
        name: The span's name.
        kind: The span's kind.
        min_duration_ns: Its least duration, in nanoseconds, inclusive.
        max_duration_ns: Its greatest duration, in nanoseconds, inclusive.
        status: ``ok``, ``error``, a class such as ``4xx``, or a code, as `parse_status` lets through.
        model: The model's name.
        model_version: The model's version.
        has_prediction: Whether a prediction was made in it.
        attributes: Filters on span attributes, or with the prefix ``resource.`` on those of its resource.
    """

    service: str | None = None
    route: str | None = None
    name: str | None = None
    kind: SpanKind | None = None
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    status: str | None = None
    model: str | None = None
    model_version: str | None = None
    has_prediction: bool | None = None
    attributes: tuple[Filter, ...] = ()

    def conditions(self) -> list[str]:
        """SQL conditions over otel_traces; the doctor's spans meet none of them."""
        columns = {
            "ServiceName = {service:String}": self.service,
            "HttpRoute = {route:String}": self.route,
            "SpanName = {name:String}": self.name,
            "SpanKind = {kind:String}": self.kind,
            "Duration >= {min_duration_ns:UInt64}": self.min_duration_ns,
            "Duration <= {max_duration_ns:UInt64}": self.max_duration_ns,
            "ModelName = {model:String}": self.model,
            "ModelVersion = {model_version:String}": self.model_version,
        }
        found = [REAL, "TraceId != ''", *(sql for sql, value in columns.items() if value is not None)]
        if self.status is not None:
            found.append(_status_sql(self.status))
        if self.has_prediction is not None:
            found.append("ModelName != ''" if self.has_prediction else "ModelName = ''")
        found += [
            condition_sql(_column(condition, number), condition, f"attr_{number}")
            for number, condition in enumerate(self.attributes)
        ]
        return found

    def parameters(self) -> dict[str, Any]:
        """The values that `conditions` needs."""
        values: dict[str, Any] = {
            "service": self.service,
            "route": self.route,
            "name": self.name,
            "kind": None if self.kind is None else self.kind.value.title(),
            "min_duration_ns": self.min_duration_ns,
            "max_duration_ns": self.max_duration_ns,
            "model": self.model,
            "model_version": self.model_version,
        }
        if self.status is not None and self.status[0].isdigit():
            values["status"] = int(self.status.removesuffix("xx"))
        for number, condition in enumerate(self.attributes):
            values[f"attr_{number}"] = condition_value(condition)
            if "_key:" in _column(condition, number):
                values[f"attr_{number}_key"] = condition.key.removeprefix(RESOURCE)
        return {name: value for name, value in values.items() if value is not None}


def parse_status(text: str) -> str:
    """Read a status: ``ok``, ``error``, ``4xx``, ``503``.

    Raises:
        BadInput: Naming ``status``.
    """
    if not _STATUS.fullmatch(text):
        raise bad_field("status", "not ok, error, a class such as 5xx or a code such as 404")
    return text


def parse_attributes(texts: Sequence[str]) -> tuple[Filter, ...]:
    r"""Read ``key=value``, ``key!=value``, ``key^=prefix``, ``key=in(a,b)``; an absent attribute is an empty text.

    A key may hold anything; one that holds an operator itself stands in double quotes (``"a=b"=value``), where ``\"``
    is a quote and ``\\`` a backslash.

    Raises:
        BadInput: Naming ``attr``.
    """
    if len(texts) > MOST_FILTERS:
        raise bad_field("attr", f"more than {MOST_FILTERS} filters")
    return tuple(_parse_attribute(text) for text in texts)


def _parse_attribute(text: str) -> Filter:
    if "\0" in text:
        raise bad_field("attr", "holds a NUL character")
    quoted = _QUOTED_KEY.fullmatch(text)
    found = quoted or _PLAIN_KEY.fullmatch(text)
    if found is None:
        raise bad_field("attr", "not of the form key=value, key!=value, key^=prefix or key=in(a,b)")
    key = re.sub(r"\\(.)", r"\1", found["key"], flags=re.DOTALL) if quoted else found["key"]
    # Operators and values are those of all filters; keys of attributes are freer than names of dimensions.
    return replace(parse_filter("key" + found["rest"], field="attr"), key=key)


def _status_sql(status: str) -> str:
    if status == "error":
        return f"({ERRORS})"
    if status == "ok":
        return f"NOT ({ERRORS})"
    column = "intDiv(HttpStatusCode, 100)" if status.endswith("xx") else "HttpStatusCode"
    return f"{column} = {{status:UInt16}}"


def _column(condition: Filter, number: int) -> str:
    # The column of the status holds numbers only: what is written in another way is looked for in the map.
    plain = condition.operator is not Operator.PREFIX and all(_CODE.fullmatch(value) for value in condition.values)
    if condition.key == STATUS_CODE_KEY and plain:
        return _STATUS_CODE
    if condition.key in PROMOTED and condition.key != STATUS_CODE_KEY:
        return PROMOTED[condition.key]
    attributes = "ResourceAttributes" if condition.key.startswith(RESOURCE) else "SpanAttributes"
    return f"{attributes}[{{attr_{number}_key:String}}]"
