"""Counts what the pipeline stored, by identity, and waits until it has settled."""

import time
from dataclasses import dataclass
from typing import Any

from tests.integration.load import Answered

SERVER_SPANS = """
SELECT SpanAttributes['http.route'] AS route, uniqExact(TraceId, SpanId) AS spans
FROM otel_traces
WHERE ServiceName = 'ml-api'
  AND SpanKind = 'Server'
  AND Timestamp >= fromUnixTimestamp64Milli({since:Int64})
GROUP BY route
"""
PREDICTIONS = """
SELECT uniqExact(PredictionId) AS ids, count() AS rows
FROM predictions
WHERE ServiceName = 'ml-api'
  AND Variant = 'champion'
  AND Timestamp >= fromUnixTimestamp64Milli({since:Int64})
"""
LABELS = """
SELECT uniqExact(PredictionId) AS ids, count() AS rows
FROM labels
WHERE ServiceName = 'ml-api'
  AND ArrivedAt >= fromUnixTimestamp64Milli({since:Int64})
"""
UNNAMED_EVENTS = "SELECT count() FROM otel_logs WHERE EventName = '' AND LogAttributes['ml.prediction.id'] != ''"


@dataclass(frozen=True)
class Counts:
    """Server spans by route, predictions and labels: distinct identities, and rows as the views return them."""

    server_spans: dict[str, int]
    predictions: tuple[int, int]
    labels: tuple[int, int]


def expected(answered: Answered) -> Counts:
    """What must be stored after these answers: every request one server span, every prediction and label one row."""
    predictions, labels = len(answered.prediction_ids), len(answered.labelled)
    return Counts(dict(answered.requests), (predictions, predictions), (labels, labels))


def stored(stack: Any, since_ms: int) -> Counts:
    """What is stored from `since_ms` (epoch milliseconds) on."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return list(stack.clickhouse(sql.replace("{since:Int64}", str(since_ms))))

    spans = {route: count for route, count in ask(SERVER_SPANS) if route in {"/v1/predict", "/v1/labels"}}
    return Counts(spans, tuple(ask(PREDICTIONS)[0]), tuple(ask(LABELS)[0]))


def settled(stack: Any, since_ms: int, wanted: Counts, *, patience_seconds: float = 60) -> Counts:
    """Poll until `wanted` is stored or the patience ends; return what is stored then."""
    deadline = time.monotonic() + patience_seconds
    found = None
    while time.monotonic() < deadline:
        try:
            found = stored(stack, since_ms)
        except Exception:  # ClickHouse may just be coming back
            found = None
        if found == wanted:
            return found
        time.sleep(0.5)
    assert found is not None, "ClickHouse did not answer"
    return found
