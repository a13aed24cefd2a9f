"""What the arguments of a call say about the prediction it makes."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

_FEATURES: Final = "features"
_RECEIVERS: Final = frozenset({"self", "cls"})
# What is taken for a feature when every argument counts as one; a database session is none.
_PLAIN_TYPES: Final = (str, int, float, Decimal, date, time, timedelta, UUID, Enum, Mapping, list, tuple, type(None))
# A request is a mapping too, of its connection's scope.
_FRAMEWORKS: Final = frozenset({"starlette", "fastapi"})


def find_features(bound: inspect.BoundArguments, wanted: str | Callable[..., Any] | None) -> Mapping[str, Any] | None:
    """A copy of the features; None when there are none to be seen.

    Args:
        bound: The arguments, defaults applied.
        wanted: Name of the argument that holds them, or a function of the arguments; None to look for them.
    """
    if callable(wanted):
        return _named(_FEATURES, wanted(*bound.args, **bound.kwargs))
    arguments = {name: value for name, value in bound.arguments.items() if name not in _RECEIVERS}
    name = wanted or _FEATURES
    if name in arguments:
        return _named(name, arguments[name])
    if wanted is not None:
        return None
    gathered: Mapping[str, Any] = arguments.pop(_gatherer(bound.signature), {})
    found = next((found for value in arguments.values() if (found := as_mapping(value)) is not None), None)
    if found is not None:
        return found
    return {name: value for name, value in {**arguments, **gathered}.items() if _is_plain(value)} or None


def _gatherer(signature: inspect.Signature) -> str:
    """The name of `**kwargs`, empty when there is none: those are arguments, and no mapping that was given."""
    kinds = signature.parameters.items()
    return next((name for name, parameter in kinds if parameter.kind is parameter.VAR_KEYWORD), "")


def _named(name: str, value: Any) -> Mapping[str, Any]:
    found = as_mapping(value)
    return {name: value} if found is None else found


def as_mapping(value: Any) -> Mapping[str, Any] | None:
    """A copy of a mapping, pydantic model or dataclass; None of anything else."""
    if _is_of_framework(value) or isinstance(value, type):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(type(value), "model_dump", None)
    if callable(dump):
        dumped = dump(value)
        return dumped if isinstance(dumped, Mapping) else None
    return dataclasses.asdict(cast("Any", value)) if dataclasses.is_dataclass(value) else None


def _is_plain(value: Any) -> bool:
    if _is_of_framework(value):
        return False
    # Numpy and its like by their own words.
    return isinstance(value, _PLAIN_TYPES) or callable(getattr(type(value), "tolist", None))


def _is_of_framework(value: Any) -> bool:
    return any(kind.__module__.partition(".")[0] in _FRAMEWORKS for kind in type(value).__mro__)


def find_entity(
    bound: inspect.BoundArguments, wanted: str | Callable[..., Any] | None, features: Mapping[str, Any]
) -> Any:
    """The id of what the prediction is about.

    Args:
        bound: The arguments, defaults applied.
        wanted: Name of an argument or feature, or a function of the arguments; None for no id.
        features: What `find_features` found.
    """
    if callable(wanted):
        return wanted(*bound.args, **bound.kwargs)
    if wanted is None:
        return None
    return bound.arguments[wanted] if wanted in bound.arguments else features.get(wanted)
