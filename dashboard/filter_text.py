"""Filters as the API's searches read them, spelled from findings and from attributes."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard.explain_answers import Part, value_text

_OPERATORS: Final = re.compile(r'[=<>!^"]')
# Without quotes these are no texts: an absent feature, numbers and constants.
_MEANS_SOMETHING_ELSE: Final = re.compile(r"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null", re.ASCII)
_LIST: Final = re.compile(r"in\(.*\)", re.DOTALL)
# What the search for spans can ask for of what the explainer calls segments.
_SEGMENT_ATTRIBUTES: Final = {
    "model_version": "ml.model.version",
    "features_source": "ml.features.source",
    "service": "resource.service.name",
    "service_instance": "resource.service.instance.id",
}

# And the search for predictions.
_SEGMENT_PARAMETERS: Final = {"model_version": "version", "features_source": "features_source", "label": "label"}


@dataclass(frozen=True)
class Filtered:
    """What a search can ask for of what cases have in common.

    Attributes:
        query: the state of the page that searches.
        left_out: what it cannot ask for.
    """

    query: Mapping[str, Sequence[str]]
    left_out: tuple[Part, ...] = ()


def attribute_filter(name: str, value: str) -> str:
    """The filter of a search for spans that means just this value of an attribute."""
    if _LIST.fullmatch(value):
        # It would be read as a list of values: it becomes a list of one.
        value = "in({})".format(value.replace(",", "\\,"))
    return f"{_key(name)}={value}"


def attribute_prefix(name: str, beginning: str) -> str:
    """The filter of a search for spans that means values of an attribute with this beginning."""
    return f"{_key(name)}^={beginning}"


def feature_filter(name: str, value: Any) -> str:
    """The filter of a search for predictions that means just this value of a feature."""
    if isinstance(value, str) and (_MEANS_SOMETHING_ELSE.fullmatch(value) or _is_quoted(value)):
        value = json.dumps(value, ensure_ascii=False)  # a text that looks like a number stays a text
    return f"{_key(name)}={value_text(value)}"


def _is_quoted(text: str) -> bool:
    """Whether the API would take the quotes off."""
    try:
        read = json.loads(text)
    except ValueError:
        return False
    return isinstance(read, str) and read.isprintable()


def span_filters(parts: Sequence[Part]) -> dict[str, list[str]] | None:
    """The state of the traces page that shows the spans with all of these; None where a search cannot ask for it."""
    query: dict[str, list[str]] = {}
    for part in parts:
        if part.kind in {"child_operation", "self_time"} and len(parts) == 1:
            return {"service": [part.field or ""], "name": [str(part.value)]}
        name = part.field if part.kind == "attribute" else _SEGMENT_ATTRIBUTES.get(part.field or "")
        if part.kind not in {"attribute", "segment"} or name is None or part.bounds is not None:
            return None
        query.setdefault("attr", []).append(attribute_filter(name, str(part.value)))
    return query


def prediction_filters(parts: Sequence[Part]) -> dict[str, list[str]] | None:
    """The state of the predictions page that shows those with all of these; None where a search cannot ask for it."""
    query: dict[str, list[str]] = {}
    for part in parts:
        name = part.field or ""
        if part.kind == "segment" and name in _SEGMENT_PARAMETERS:
            query[_SEGMENT_PARAMETERS[name]] = [str(part.value)]
        elif part.kind == "feature" and part.bounds is None:
            query.setdefault("feature", []).append(feature_filter(name, part.value))
        elif part.kind == "feature" and part.bounds is not None:
            low, high = part.bounds
            ends = [] if low is None else [f"{_key(name)}>={low:.17g}"]
            ends += [] if high is None else [f"{_key(name)}<{high:.17g}"]
            query.setdefault("feature", []).extend(ends)
        else:
            return None
    return query


def span_search(parts: Sequence[Part]) -> Filtered | None:
    """As much of `span_filters` as can be asked for; None where nothing can.

    A span that has the attributes tells more than one that is of an operation: of both the attributes are kept.
    """
    found = _search([part for part in parts if part.kind in {"attribute", "segment"}], parts, span_filters)
    return found or next((one for part in parts if (one := _search([part], parts, span_filters))), None)


def prediction_search(parts: Sequence[Part]) -> Filtered | None:
    """As much of `prediction_filters` as can be asked for; None where nothing can."""
    return _search(parts, parts, prediction_filters)


def _search(
    wanted: Sequence[Part], parts: Sequence[Part], filters: Callable[[Sequence[Part]], dict[str, list[str]] | None]
) -> Filtered | None:
    kept = [part for part in wanted if filters([part]) is not None]
    query = filters(kept) if kept else None
    return None if query is None else Filtered(query, tuple(part for part in parts if part not in kept))


def _key(name: str) -> str:
    """A name, in quotes where it holds what could be an operator."""
    if not _OPERATORS.search(name):
        return name
    return '"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))
