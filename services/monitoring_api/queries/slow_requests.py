"""The share of requests slower than a threshold: one metric for each threshold, named after it: `slow_ratio_300ms`."""

import re
from dataclasses import replace
from typing import Final

from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import REQUESTS

# Up to an hour.
NAME: Final = re.compile(r"slow_ratio_(?P<ms>[1-9]\d{0,6})ms")
# Sketches hold percentiles, not shares, so these are counted in spans.
_SPANS: Final = replace(REQUESTS, name="request spans", rollup=None)
_REQUESTS: Final = Measure("events", "count()")


def metric_name(threshold_seconds: float) -> str:
    """What the metric of a threshold is called; thresholds are whole milliseconds."""
    return f"slow_ratio_{max(1, round(threshold_seconds * 1000))}ms"


def threshold_ms(name: str) -> int | None:
    """The threshold in milliseconds of the metric of that name; None when it is none of these."""
    match = NAME.fullmatch(name)
    return None if match is None else int(match["ms"])


def slow_requests(name: str) -> Metric | None:
    """The metric of that name; None when it is none of these."""
    milliseconds = threshold_ms(name)
    if milliseconds is None:
        return None
    slow = Measure(f"slow_{milliseconds}", f"countIf(Duration > {milliseconds * 1_000_000})")
    description = f"Share of requests that took longer than {milliseconds} ms."
    return Metric(name, "1", description, Kind.RATIO, _SPANS, slow, _REQUESTS)
