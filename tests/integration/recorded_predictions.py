"""A process that records predictions of every kind with the library, for a test to find them stored.

Its arguments are what the ids begin with, and the cases; none means all. It prints one JSON object: trace and span of
each prediction, by its id.
"""

import json
import math
import sys
from typing import Any

import sightglass

VERSION = "9f2c"
ENTITY = "customer-4711-raw"
DENIED = "hunter2-denied"
ATTRIBUTE = "h" * 1_000_000

SIX = {"number": {"x": 1}, "text": {"x": "1"}, "true": {"x": True}, "null": {"x": None}, "nan": {"x": math.nan}} | {
    "absent": {}
}
TWO_HUNDRED = {f"feature_{place:03}": place / 7 for place in range(200)}


class Unprintable:
    """No value of any kind."""

    def __repr__(self) -> str:
        raise RuntimeError("no text either")


def recursive() -> list[Any]:
    """A list within itself."""
    found: list[Any] = []
    found.append(found)
    return found


CASES: dict[str, dict[str, Any]] = {
    **{f"six-{name}": {"features": features, "score": 0.5} for name, features in SIX.items()},
    "two-hundred": {"features": TWO_HUNDRED, "score": 0.25, "label": "late", "positive": False},
    "binary": {
        "features": {"distance": 1400, "carrier": "UA"},
        "score": 0.75,
        "label": "late",
        "positive": True,
        "entity_id": ENTITY,
        "duration_seconds": 0.002,
        "features_source": "fallback",
    },
    "shadow": {"features": {"distance": 1400}, "score": 0.5, "variant": "shadow", "entity_id": ENTITY},
    "classes": {
        "features": {},
        "model": sightglass.Model("kind", "3", "multiclass"),
        "label": "cat",
        "score": 0.5,
        "scores": {"cat": 0.5, "dog": 0.375, "ö": 0.125},
    },
    "regression": {"features": {"a": 1}, "model": sightglass.Model("price", "7", "regression"), "value": -12.5},
    "denied": {"features": {"password": DENIED, "Salary": DENIED, "distance": 1}},
    "ten-thousand": {"features": {f"f{place}": place for place in range(10_000)}},
    "megabyte": {"features": {"a": "x" * 1_000_000}},
    "too-much": {"features": {f"f{place}": "y" * 4_000 for place in range(100)}},
    "recursive": {"features": {"a": recursive()}},
    "not-utf8": {"features": {"a": "\ud800", "b": b"\xff\xfe", "c\udcff": 1}},
    "unreadable": {"features": {"a": Unprintable(), "b": 2**70}, "score": math.nan, "timestamp": -1},
    "no-mapping": {"features": [1, 2, 3]},
}


def main() -> None:
    """Record every case in a span of its own."""
    prefix, *wanted = sys.argv[1:]
    telemetry = sightglass.start("recorder", model=sightglass.Model("flight-delay", VERSION))
    spans = {}
    for name in wanted or CASES:
        with telemetry.tracer.start_as_current_span(name) as span:
            span.set_attribute("x.large", ATTRIBUTE)
            identifier = sightglass.record_prediction(prediction_id=prefix + name, **CASES[name])
            context = span.get_span_context()
            spans[identifier] = [f"{context.trace_id:032x}", f"{context.span_id:016x}"]
    assert sightglass.flush()
    print(json.dumps(spans))


if __name__ == "__main__":
    main()
