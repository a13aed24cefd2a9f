"""What a function's returned value says about the prediction it made."""

import functools
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "score": ("score", "probability"),
    "label": ("label",),
    "value": ("value",),
    "scores": ("scores", "probabilities"),
    "positive": ("positive",),
}


def find_outcome(returned: Any, task: str) -> dict[str, Any]:
    """Arguments of `record_prediction` for the outcome; none when there is nothing to see in it.

    Args:
        returned: What the function returned.
        task: The model's task: a lone number is the value of a regression, else a score if it is a float, else a label.
    """
    value = _as_scalar(returned)
    if isinstance(value, bool):
        return {"label": value, "positive": value} if task == "binary" else {"label": value}
    if isinstance(value, str):
        return {"label": value}
    if isinstance(value, int | float):
        name = "value" if task == "regression" else "score" if isinstance(value, float) else "label"
        return {name: value}
    match value:
        case tuple() if not hasattr(value, "_fields"):
            return _find_pair(value, task)
        case None | list() | set() | bytes():
            return {}
        case Mapping():
            read = value.get
        case _:
            read = functools.partial(_read_attribute, value)
    named = {
        argument: found
        for argument, names in _NAMES.items()
        if (found := next((it for it in map(read, names) if it is not None), None)) is not None
    }
    return {**find_outcome(named["label"], task), **named} if isinstance(named.get("label"), bool) else named


def _find_pair(pair: tuple[Any, ...], task: str) -> dict[str, Any]:
    if len(pair) != 2:  # noqa: PLR2004  # a pair
        return {}
    label, score = (_as_scalar(value) for value in pair)
    if not isinstance(label, str | int | float) or isinstance(score, bool) or not isinstance(score, int | float):
        return {}
    if task == "regression":
        return {"value": label}
    decided = find_outcome(label, task) if isinstance(label, bool) else {"label": label}
    return {**decided, "score": score}


def _as_scalar(value: Any) -> Any:
    """The plain value of an enumeration's member, or of what numpy and its like hold one of."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float | Mapping | tuple) or not hasattr(value, "tolist"):
        return value
    try:
        return value.item()
    except Exception:  # an array of several
        return value


def _read_attribute(value: Any, name: str) -> Any:
    found = getattr(value, name, None)
    return None if callable(found) else found
