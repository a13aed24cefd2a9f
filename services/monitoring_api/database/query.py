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
