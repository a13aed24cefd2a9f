"""Conditions on features, as conditions of what became of predictions."""

from collections.abc import Sequence
from typing import Any, Final

from services.monitoring_api.queries.feature_values import parse_features
from services.monitoring_api.queries.filters import Filter, equal

# A condition that is SQL already, as a filter on what it says.
_HOLDS: Final = equal("feature", "1")


def feature_conditions(texts: Sequence[str]) -> tuple[list[tuple[str, Filter]], dict[str, Any]]:
    """The conditions for `Outcomes`, and the values that they need besides its own.

    Raises:
        BadInput: Naming ``feature``.
    """
    conditions = []
    values: dict[str, Any] = {}
    for number, each in enumerate(parse_features(texts)):
        conditions.append((f"toString({each.sql(number)})", _HOLDS))
        values |= each.parameters(number)
    return conditions, values
