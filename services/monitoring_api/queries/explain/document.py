"""An explanation as an answer, and in words."""

import json
from collections.abc import Sequence
from typing import Any, Final

from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.cases import Cases, Kind
from services.monitoring_api.queries.explain.explainer import LEAST_CASES, Explained, Finding
from services.monitoring_api.queries.explain.false_discovery import Q
from services.monitoring_api.queries.explain.selftimes import SelfTime

_NAMES: Final = {
    Kind.SEGMENT: "segment",
    Kind.FEATURE: "feature",
    Kind.ATTRIBUTE: "attribute",
    Kind.CHILD_OPERATION: "child_operation",
}
_PAIR: Final = "interaction"
# Other names for the same cases that are shown with a finding.
_MOST_NAMES: Final = 5


def finding_document(found: Finding) -> dict[str, Any]:
    """A finding as a part of an answer."""
    candidate = found.candidate
    effect, low, high = candidate.table.attributable()
    return {
        **candidate_document(candidate),
        "share_selected": candidate.table.share_selected,
        "share_rest": candidate.table.share_rest,
        "effect": effect,
        "low": low,
        "high": high,
        "unit": "share",
        "odds_ratio": candidate.table.odds_ratio(),
        "q_value": candidate.q,
        "examples": list(dict.fromkeys(each.trace_id for each in found.examples if each.trace_id)),
        "example_predictions": [each.prediction_id for each in found.examples if each.prediction_id],
        "same": [candidate_document(each) for each in candidate.same[:_MOST_NAMES]],
    }


def self_time_document(found: SelfTime) -> dict[str, Any]:
    """An operation with extra self time as a part of an answer; its effect is in milliseconds."""
    return {
        "kind": "self_time",
        "field": found.service,
        "value": found.operation,
        "share_selected": found.share_selected,
        "share_rest": found.share_rest,
        "effect": found.extra_ms,
        "low": found.low,
        "high": found.high,
        "unit": "ms",
        "q_value": found.q,
        "examples": list(found.examples),
        "example_predictions": [],
        "same": [],
    }


def candidate_document(candidate: Candidate) -> dict[str, Any]:
    """What a finding is about."""
    if len(candidate.parts) == 1:
        return _part_document(candidate.parts[0])
    return {"kind": _PAIR, "field": None, "parts": [_part_document(part) for part in candidate.parts]}


def in_words(
    cases: Cases, explained: Explained, what: str, spent: Sequence[SelfTime] = (), *, rest: str = "others"
) -> str:
    """What the answer says, as a sentence or two.

    Args:
        cases: What was compared.
        explained: What was found.
        what: What selected cases are called, in the plural.
        spent: Where they spend more time.
        rest: What the others are called, in the plural.
    """
    compared = _compared(cases, explained, what, rest)
    if not spent:
        return compared
    most = spent[0]
    return f"{compared} They spend {_milliseconds(most.extra_ms)} ms more in {most.operation} of {most.service}."


def _compared(cases: Cases, explained: Explained, what: str, rest: str) -> str:
    groups = f"{cases.selected:,} {what} and {cases.rest:,} {rest}"
    if min(cases.selected, cases.rest) < LEAST_CASES:
        return f"There are {groups}: too few to compare ({LEAST_CASES} of each are the fewest that say anything)."
    if min(cases.sampled) < 1:
        mine, theirs = cases.sampled
        groups += f" (a sample by id: {mine:.1%} of the former, {theirs:.1%} of the latter)"
    searched = f"{explained.searched:,} possible causes were looked at"
    if not explained.findings:
        return f"Nothing stands out among {groups}; {searched}, at a false discovery rate of {Q:.0%}."
    first = explained.findings[0].candidate
    effect, low, high = first.table.attributable()
    return (
        f"Among {groups}, {candidate_words(first)} accounts for {effect:.0%} of the former ({low:.0%} to {high:.0%}): "
        f"{first.table.share_selected:.1%} of them have it, and {first.table.share_rest:.1%} of the others. "
        f"{len(explained.findings)} stood out in all; {searched}, at a false discovery rate of {Q:.0%}."
    )


def _milliseconds(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004  # .3g would write 1.5e+03


def candidate_words(candidate: Candidate) -> str:
    """What a finding is about, in words."""
    return " together with ".join(_part_words(part) for part in candidate.parts)


def _part_document(part: Part) -> dict[str, Any]:
    named = {"kind": _NAMES[part.kind], "field": part.field}
    return named | ({"range": [part.low, part.high]} if part.text is None else {"value": _value(part)})


def _part_words(part: Part) -> str:
    if part.kind is Kind.CHILD_OPERATION:
        return f"operation {part.text} of {part.field}"
    named = f"{_NAMES[part.kind]} {part.field}"
    if part.text is not None:
        return f"{named} = {part.text}"
    if part.low is None:
        return f"{named} below {part.high:g}"
    return f"{named} from {part.low:g}" + ("" if part.high is None else f" to {part.high:g}")


def _value(part: Part) -> Any:
    """A feature's value with its type; of all else, the text."""
    if part.kind is not Kind.FEATURE or part.text is None:
        return part.text
    try:
        return json.loads(part.text)
    except ValueError:
        return part.text
