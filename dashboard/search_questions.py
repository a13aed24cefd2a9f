"""What the search box asks of the monitoring API: whether there is something under an id."""

from typing import Any, Final
from urllib.parse import quote

from dashboard.answers import Answer
from dashboard.api_client import Question
from dashboard.api_client import alerts as every_alert
from dashboard.search_box import Candidate, Kind

_ENTITY_RANGE: Final = (("from", "now-7d"), ("to", "now"), ("limit", "1"))
_SPAN_RANGE: Final = (("from", "now-24h"), ("to", "now"))


class SpanPlace(Answer):
    """In which trace a span lies."""

    trace_id: str = ""


class Found(Answer):
    """A list of predictions, of which only matters whether it is empty."""

    predictions: tuple[dict[str, Any], ...] = ()


def looked_for(candidate: Candidate) -> Question[Any]:
    """The question whose answer tells whether a candidate is there."""
    part = quote(candidate.value, safe="")
    match candidate.kind:
        case Kind.TRACE:
            return Question(f"/api/v1/traces/{part}", Answer)
        case Kind.SPAN:
            return Question(f"/api/v1/spans/{part}", SpanPlace, _SPAN_RANGE)
        case Kind.PREDICTION:
            return Question(f"/api/v1/predictions/{part}", Answer)
        case Kind.ENTITY:
            return Question("/api/v1/predictions", Found, (("entity", candidate.value), *_ENTITY_RANGE))
        case Kind.ALERT:
            return every_alert()
