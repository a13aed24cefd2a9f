"""Filters of one page as another page asks for the same, and by name those that it cannot ask for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from dashboard.filter_text import attribute_filter
from dashboard.metric_filter import MetricFilter, read_filter
from dashboard.model_questions import CHAMPION
from dashboard.states.models import ModelsState
from dashboard.states.predictions import PredictionsState
from dashboard.states.traces import TracesState

S = TypeVar("S", TracesState, ModelsState, PredictionsState)
M = TypeVar("M", ModelsState, PredictionsState)

_LIST: Final = re.compile(r"in\(.*\)", re.DOTALL)
_STATUS: Final = re.compile(r"[1-5]xx")
# Of spans: the attribute that is a dimension of metrics and predictions.
_ATTRIBUTES: Final = {
    "service": "resource.service.name",
    "route": "http.route",
    "status_code": "http.response.status_code",
    "error_type": "error.type",
    "model": "ml.model.name",
    "model_version": "ml.model.version",
    "variant": "ml.variant",
    "features_source": "ml.features.source",
}
_OF_TRACES: Final = {"service": "service", "route": "route", "status_class": "status"}
_OF_MODELS: Final = {"model": "model", "model_version": "version", "variant": "variant"}
_OF_PREDICTIONS: Final = {**_OF_MODELS, "features_source": "features_source", "label": "label"}
# What the models page can be narrowed to by a filter of any form.
_COLUMNS: Final = frozenset({"service", "model_version", "features_source", "label"})


@dataclass(frozen=True)
class Carried(Generic[S]):
    """A page's state with the filters that it can have.

    Attributes:
        state: the page's.
        left_out: the filters that it cannot ask for, as written.
    """

    state: S
    left_out: tuple[str, ...] = ()


def to_traces(filters: Iterable[str], state: TracesState) -> Carried[TracesState]:
    """The traces page narrowed by filters: by its own fields, else by attributes."""
    left_out: list[str] = []
    for text in filters:
        key, operator, value = _read(text)
        field = _OF_TRACES.get(key, "")
        fits = key != "status_class" or _STATUS.fullmatch(value) is not None
        if field and fits and _is_one(operator, value) and getattr(state, field) in {"", value}:
            state = replace(state, **_as(field, value))
        elif key in _ATTRIBUTES:
            attributes = dict.fromkeys((*state.attributes, f"{_ATTRIBUTES[key]}{operator}{value}"))
            state = replace(state, attributes=tuple(attributes))
        else:
            left_out.append(text)
    return Carried(state, tuple(left_out))


def to_models(filters: Iterable[str], state: ModelsState) -> Carried[ModelsState]:
    """The models page narrowed by filters: by its own fields, else by its filters."""
    found = _by_fields(filters, state, _OF_MODELS)
    taken = [text.strip() for text in found.left_out if _read(text).key in _COLUMNS]
    left_out = tuple(text for text in found.left_out if _read(text).key not in _COLUMNS)
    return Carried(replace(found.state, filters=tuple(dict.fromkeys((*state.filters, *taken)))), left_out)


def to_predictions(filters: Iterable[str], state: PredictionsState) -> Carried[PredictionsState]:
    """The predictions page narrowed by filters: it can ask for one value of a field."""
    return _by_fields(filters, state, _OF_PREDICTIONS)


def predictions_of(state: ModelsState, *, outcome: str = "") -> Carried[PredictionsState]:
    """The search for the predictions that the models page speaks of.

    Args:
        state: of the models page.
        outcome: what became of them; empty for any.
    """
    search = PredictionsState(
        model=state.model,
        version=state.version,
        variant=state.variant,
        outcome=outcome,
        features=state.features,
        period=state.period,
        zone=state.zone,
    )
    return to_predictions(state.filters, search)


def requests_of(state: ModelsState) -> Carried[TracesState]:
    """The search for the requests in which these predictions were made."""
    said = {"model": state.model, "model_version": state.version}
    if state.variant != CHAMPION:
        # The champion answers every request: only what ran beside it tells some apart.
        said["variant"] = state.variant
    attributes = tuple(attribute_filter(_ATTRIBUTES[key], value) for key, value in said.items() if value)
    found = to_traces(state.filters, TracesState(attributes=attributes, period=state.period, zone=state.zone))
    return replace(found, left_out=(*found.left_out, *state.features))


def _by_fields(filters: Iterable[str], state: M, fields: Mapping[str, str]) -> Carried[M]:
    """A page narrowed by its fields, each of which asks for one value; the filters that it has none for are left out.

    Args:
        filters: of another page.
        state: the page's.
        fields: key of a filter -> the field of the state that asks for it.
    """
    named: set[str] = set()
    left_out: list[str] = []
    for text in filters:
        key, operator, value = _read(text)
        field = fields.get(key, "")
        if field and _is_one(operator, value) and _is_free(state, field, value, named):
            state = replace(state, **_as(field, value))
            named.add(field)
        else:
            left_out.append(text)
    return Carried(state, tuple(left_out))


def _read(text: str) -> MetricFilter:
    """Key, operator and value; empty texts where it is no filter."""
    return read_filter(text) or MetricFilter("", "", "")


def _as(field: str, value: str) -> dict[str, Any]:
    return {field: value}


def _is_one(operator: str, value: str) -> bool:
    """Whether a filter means just one value, which an empty field would not."""
    return operator == "=" and value != "" and _LIST.fullmatch(value) is None


def _is_free(state: ModelsState | PredictionsState, field: str, value: str, named: set[str]) -> bool:
    """Whether a field asks for no other value already."""
    # A variant is always given: only one that a filter said counts.
    held = "" if field == "variant" and field not in named else getattr(state, field)
    return held in {"", value}
