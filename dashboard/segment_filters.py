"""Segments of a model's predictions, in words, and as the conditions that mean just them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dashboard.explain_answers import Part
from dashboard.filter_text import feature_filter, prediction_filters
from dashboard.model_answers import SegmentName
from dashboard.plain_text import one_line

# Columns that predictions are told apart by, and that everything can be narrowed to; each with the parameter by which
# predictions are searched, where they can be.
_COLUMNS: Final[Mapping[str, str]] = {
    "model_version": "version",
    "features_source": "features_source",
    "label": "label",
    "service": "",
}
NO_FEATURES: Final = frozenset({*_COLUMNS, "entity", "variant", "trace_path"})
_FEATURE: Final = "feature."
_WORDS: Final[Mapping[str, str]] = {"null": "null", "missing": "not given", "other": "all other values"}


@dataclass(frozen=True)
class Narrowed:
    """A segment as conditions.

    Attributes:
        features: conditions on features.
        filters: conditions on columns.
        search: the state of the predictions page that shows it; None where no search can ask for it.
    """

    features: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    search: Mapping[str, list[str]] | None = field(default=None)


def segment_title(segment: SegmentName, limit: int = 60) -> str:
    """A segment in a few words: one line of text from data."""
    if segment.kind == "range":
        if segment.start is None:
            return f"below {segment.end:.6g}" if segment.end is not None else "any number"
        if segment.end is None:
            return f"{segment.start:.6g} and more"
        return f"{segment.start:.6g} to {segment.end:.6g}"
    if segment.kind in _WORDS:
        return _WORDS[segment.kind]
    text = segment.value if isinstance(segment.value, str) else json.dumps(segment.value)
    return one_line(text, limit) or "(empty)"


def is_feature(asked: str) -> bool:
    """Whether what predictions are told apart by is a feature, and no column."""
    return asked.startswith((_FEATURE, '"')) or asked.partition(":")[0] not in NO_FEATURES


def asked_by(feature: str, bins: int | None = None) -> str:
    """How the API is asked to tell predictions apart by a feature.

    Args:
        feature: its name.
        bins: into how many parts of equal size numbers are cut; as the API thinks best without.
    """
    spelled = f"{_FEATURE}{feature}" if feature in NO_FEATURES else feature
    if ":" in feature or feature.startswith((_FEATURE, '"')):
        spelled = '"{}"'.format(feature.replace("\\", "\\\\").replace('"', '\\"'))
    return spelled if bins is None else f"{spelled}:{bins}"


def narrowed_to(segment: SegmentName, *, of_feature: bool) -> Narrowed | None:
    """The conditions that mean just this segment; None where there are none.

    Args:
        segment: of an answer.
        of_feature: whether its field is a feature, and no column of the same name.
    """
    if segment.kind == "other":
        return None
    if of_feature:
        conditions = _of_feature(segment)
        return Narrowed(conditions, search={"feature": list(conditions)})
    if segment.kind != "value" or segment.field not in _COLUMNS:
        return None
    text, name = str(segment.value), _COLUMNS[segment.field]
    return Narrowed(filters=(f"{segment.field}={text}",), search={name: [text]} if name else None)


def _of_feature(segment: SegmentName) -> tuple[str, ...]:
    if segment.kind == "range":
        part = Part(kind="feature", field=segment.field, bounds=(segment.start, segment.end))
        return tuple((prediction_filters([part]) or {}).get("feature", ()))
    if segment.kind in {"missing", "nonfinite"}:
        name = feature_filter(segment.field, None).removesuffix("null")
        return (f"{name}{segment.value if segment.kind == 'nonfinite' else ''}",)
    return (feature_filter(segment.field, None if segment.kind == "null" else segment.value),)
