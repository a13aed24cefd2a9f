"""What a fake monitoring API answers when it is asked why requests were slow or predictions wrong."""

from typing import Any

PATHS = ("/api/v1/traces/slow/explain", "/api/v1/predictions/wrong/explain")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PREDICTION = "01a21097-47a0-71a5-9c01-7a5d79609d08"


def finding(kind: str, field: str | None, **other: Any) -> dict[str, Any]:
    """A finding with plausible figures."""
    return {
        "kind": kind,
        "field": field,
        "share_selected": 0.82,
        "share_rest": 0.066,
        "effect": 0.494,
        "low": 0.461,
        "high": 0.525,
        "unit": "share",
        "odds_ratio": 2.4,
        "q_value": 2.2e-114,
        "examples": [TRACE],
        "example_predictions": [PREDICTION],
        "same": [],
        **other,
    }


def explanation(hostile: str | None = None) -> dict[str, Any]:
    """An explanation that has every kind of finding.

    Args:
        hostile: stands in every text that comes from data.
    """
    findings = [
        finding(
            "attribute",
            hostile or "enduser.airport",
            value=hostile or "JFK",
            same=[{"kind": "segment", "field": "features_source", "value": hostile or "fallback"}],
        ),
        finding("feature", hostile or "departure_hour", range=[10.0, None]),
        finding("child_operation", hostile or "ml-api", value=hostile or "weather.lookup"),
        finding(
            "interaction",
            None,
            parts=[
                {"kind": "feature", "field": "carrier", "value": hostile or "EV"},
                {"kind": "feature", "field": "humidity", "range": [None, 52.79]},
            ],
        ),
        finding(
            "self_time",
            hostile or "ml-api",
            value=hostile or "weather.lookup",
            effect=15.03,
            low=12.2,
            high=17.8,
            unit="ms",
            example_predictions=[],
        ),
    ]
    return {
        "from": "2026-11-26T12:00:00Z",
        "to": "2026-11-26T18:00:00Z",
        "selected": 534,
        "rest": 10427,
        "sampled": [1.0, 0.62],
        "searched": 33384,
        "findings": findings,
        "message": hostile or "Among 534 slow requests and 10,427 others, attribute enduser.airport = JFK accounts.",
    }


def nothing() -> dict[str, Any]:
    """An explanation in which nothing stands out."""
    return explanation() | {
        "findings": [],
        "message": "Nothing stands out among 534 slow requests and 10,427 others; 33,384 possible causes were "
        "looked at, at a false discovery rate of 5%.",
    }


class FakeExplaining:
    """Answers of the explainer.

    Attributes:
        hostile: a text that stands in every place for texts; None for ordinary ones.
        empty: whether nothing stands out.
    """

    def __init__(self) -> None:
        self.hostile: str | None = None
        self.empty = False

    def answer(self, path: str, _: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Status and body of a GET; None when it is no question for the explainer."""
        if path not in PATHS:
            return None
        return 200, nothing() if self.empty else explanation(self.hostile)
