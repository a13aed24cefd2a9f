"""A question to ClickHouse as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Query:
    """SQL and the values that belong to it.

    Args:
        sql: The statement; every value in it is a ``{name:Type}`` placeholder that the server binds.
        parameters: The values by placeholder name.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def parameter_text(value: Any) -> str:
    """A placeholder's value as ClickHouse's `SET param_name = '...'` takes it, before that is quoted."""
    if isinstance(value, list | tuple):
        return "[{}]".format(
            ",".join(_quoted(item) if isinstance(item, str) else parameter_text(item) for item in value)
        )
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))
