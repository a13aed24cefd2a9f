"""Where a pasted id leads: decided from what it looks like and from what the API knows of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST: Final = 200
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Kind(StrEnum):
    """What a text may be the id of."""

    TRACE = "trace"
    SPAN = "span"
    PREDICTION = "prediction"
    ALERT = "alert"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that the text may mean.

    Attributes:
        kind: of what it is the id.
        value: the id, as it is asked for.
        span: the span within a trace, where the text names both.
    """

    kind: Kind
    value: str
    span: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """A page and its state."""

    page: str
    query: dict[str, list[str]]


def candidates(text: str) -> list[Candidate]:
    """What a text may mean, the likeliest first; what is no id at all may still be somebody's.

    Args:
        text: as it was pasted: an id, perhaps in quotes, or a `traceparent` header.
    """
    pasted = text.strip().strip("\"'`<>()[],;").strip()
    if not pasted or len(pasted) > LONGEST:
        return []
    lower = pasted.lower()
    if whole := _TRACEPARENT.fullmatch(lower):
        return [Candidate(Kind.TRACE, whole["trace"], whole["span"])]
    found = []
    # Ids of predictions are the service's own and may look like anything, also like a trace's without dashes.
    if _TRACE.fullmatch(lower):
        found.append(Candidate(Kind.TRACE, lower))
    if _SPAN.fullmatch(lower):
        found.append(Candidate(Kind.SPAN, lower))
    if _FINGERPRINT.fullmatch(lower):
        found.append(Candidate(Kind.ALERT, lower))
    return [*found, Candidate(Kind.PREDICTION, pasted), Candidate(Kind.ENTITY, pasted)]


def destination(candidate: Candidate) -> Destination:
    """The page that shows something which is there."""
    match candidate.kind:
        case Kind.TRACE:
            span = {"span": [candidate.span]} if candidate.span else {}
            return Destination("traces", {"trace": [candidate.value], **span})
        case Kind.SPAN:
            raise ValueError("A span is shown in its trace, which must be known.")
        case Kind.PREDICTION:
            return Destination("predictions", {"prediction": [candidate.value]})
        case Kind.ALERT:
            return Destination("alerts", {"section": ["alerts"], "alert": [candidate.value]})
        case Kind.ENTITY:
            return Destination("predictions", {"entity": [candidate.value], "from": ["now-7d"], "to": ["now"]})


def best_guess(tried: Sequence[Candidate], unknown: Sequence[Kind]) -> Candidate | None:
    """Where to go when nobody could say what is there, but the text's form does: that page keeps asking by itself.

    Args:
        tried: what the text was taken for, the likeliest first.
        unknown: kinds that nobody could look for.
    """
    first = tried[0] if tried else None
    if first is None or first.kind not in unknown:
        return None
    is_plain = first.kind is Kind.TRACE or (first.kind is Kind.PREDICTION and _UUID.fullmatch(first.value))
    return first if is_plain else None


def not_found(text: str, tried: Sequence[Candidate], unknown: Sequence[Kind] = ()) -> str:
    """Say what was looked for and not found.

    Args:
        text: what was pasted, made plain.
        tried: what it was taken for.
        unknown: kinds that nobody could look for, because the API gave no answer.
    """
    if not tried:
        return f"Paste the id of a trace, a span, a prediction, an alert or an entity (at most {LONGEST} characters)."
    kinds = [_NAMES[candidate.kind] for candidate in tried if candidate.kind not in unknown]
    said = f"Nothing is stored under {text}: looked for {_listed(kinds)}." if kinds else f"{text} was not looked for."
    if unknown:
        said += f" The monitoring API did not say whether it is {_listed([_NAMES[kind] for kind in unknown])}."
    return said


_NAMES: Final = {
    Kind.TRACE: "a trace",
    Kind.SPAN: "a span of the last 24 hours",
    Kind.PREDICTION: "a prediction",
    Kind.ALERT: "an alert",
    Kind.ENTITY: "an entity with predictions in the last 7 days",
}


def _listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
