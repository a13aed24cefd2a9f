"""What a fake monitoring API answers about traces."""

import re
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LARGE = "1" * 32
"""A trace of 5,000 spans: one request that asks another service again and again, in groups."""
BARE = "3" * 32
"""A trace of which logs are stored and no span."""
LARGE_SPANS = 5_000
HOSTILE_VALUE_LENGTH = 1_000_000
_START = 1_795_000_000.0


class FakeTracing:
    """Traces from a formula.

    Attributes:
        hostile: a text that stands in every place for texts; None for ordinary ones.
        empty: whether there is nothing at all.
    """

    def __init__(self) -> None:
        self.hostile: str | None = None
        self.empty = False

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Status and body of a GET; None when it is no question about traces."""
        answers: dict[str, Any] = {
            "/api/v1/traces": lambda: self._list(query),
            "/api/v1/traces/heatmap": self._heat_map,
            "/api/v1/traces/exceptions": self._exceptions,
        }
        if path in answers:
            return 200, answers[path]()
        if found := re.fullmatch(r"/api/v1/traces/([0-9a-f]{32})", path):
            if self.empty:
                detail = f"There is no trace {found[1]}; one made just now may still be on its way."
                return 404, {"title": "Not Found", "status": 404, "detail": detail}
            if found[1] == BARE:
                return 200, {**small_trace(), "trace_id": BARE, "spans": []}
            return 200, large_trace() if found[1] == LARGE else small_trace(self.hostile)
        if re.fullmatch(r"/api/v1/traces/[0-9a-f]{32}/linked", path):
            return 200, {"spans": [] if self.empty else [self._linked()], "truncated": False}
        return None

    def _linked(self) -> dict[str, Any]:
        return {
            "trace_id": "2" * 32,
            "span_id": f"{9:016x}",
            "service": self.hostile or "labels",
            "name": self.hostile or "join labels",
            "start": text_of(_START + 3600),
            "to_spans": [f"{3:016x}"],
        }

    def _list(self, query: dict[str, list[str]]) -> dict[str, Any]:
        now = time.time()
        second = query.get("cursor") == ["page-2"]
        texts = self.hostile
        rows = [
            {
                "trace_id": TRACE if place == 0 else f"{place:032x}",
                "start": text_of(now - 10 * place - 1),
                "duration_ms": 250.0 / (place + 1),
                "service": texts or "ml-api",
                "name": texts or "POST /v1/predict",
                "route": texts or "/v1/predict",
                "status": "error" if place == 1 else "ok",
                "status_code": 503 if place == 1 else 200,
                "root_missing": place == 2,
                "span_count": 7,
                "error_count": int(place == 1),
                "services": [texts or "ml-api"],
                "matching_spans": 1,
                "matched": None,
            }
            for place in range(3)
        ]
        return {
            "from": text_of(now - 3600),
            "to": text_of(now),
            "traces": [] if self.empty else rows[:1] if second else rows,
            "next_cursor": None if second or self.empty else "page-2",
        }

    def _heat_map(self) -> dict[str, Any]:
        end = 1_795_003_600
        times = list(range(end - 3600, end, 60))
        cells = [
            {"time": at, "bucket": bucket, "count": 10 * (5 - abs(bucket - 2)), "errors": int(bucket == 9)}
            for at in times
            for bucket in (1, 2, 3, *([9] if at >= end - 600 else []))
        ]
        edges = [10 ** (number / 5) for number in range(12)]
        return {
            "from": text_of(end - 3600),
            "to": text_of(end),
            "step_seconds": 60,
            "times": times,
            "buckets": [{"from_ms": low, "to_ms": high} for low, high in pairwise(edges)],
            "count": sum(cell["count"] for cell in cells),
            "errors": sum(cell["errors"] for cell in cells),
            "cells": [] if self.empty else cells,
        }

    def _exceptions(self) -> dict[str, Any]:
        now = time.time()
        text = self.hostile
        row = {
            "type": text or "ConnectionError",
            "message": text or "connection refused by 10.0.0.7",
            "stack": text or 'Traceback (most recent call last):\n  File "app.py", line 3, in lookup\nConnectionError',
            "stack_truncated": False,
            "count": 41,
            "traces": 40,
            "first_seen": text_of(now - 3000),
            "last_seen": text_of(now - 30),
            "services": [text or "ml-api"],
            "operations": [text or "weather.lookup"],
            "examples": [TRACE],
        }
        rows = [] if self.empty else [row]
        return {
            "from": text_of(now - 3600),
            "to": text_of(now),
            "count": 41 * len(rows),
            "groups": len(rows),
            "exceptions": rows,
        }


def span(number: int, parent: int | None, start: float, duration: float, **other: Any) -> dict[str, Any]:
    """A span; times in milliseconds after the trace's start."""
    return {
        "span_id": f"{number:016x}",
        "parent_span_id": None if parent is None else f"{parent:016x}",
        "name": "weather.lookup",
        "kind": "Internal",
        "service": "ml-api",
        "start": text_of(_START + start / 1000),
        "duration_ms": duration,
        "self_time_ms": duration,
        "status": "Unset",
        "status_message": "",
        "attributes": {"weather.origin": "EWR"},
        "resource": {"service.name": "ml-api"},
        "events": [],
        "links": [],
        **other,
    }


def small_trace(hostile: str | None = None) -> dict[str, Any]:
    """A request with a lookup that fails, a model, an event, a log, a prediction and a link."""
    text = hostile
    predicted = {"ml.prediction.id": "p-1", "ml.prediction.label": text or "late", "ml.prediction.score": "0.83"}
    failed = {"exception.type": "ConnectionError", "exception.message": text or "refused", "exception.stacktrace": "s"}
    long = {text or "http.route": "/v1/predict", "big": "x" * HOSTILE_VALUE_LENGTH if text else "x", "k": text or "v"}
    spans = [
        span(
            1,
            None,
            0,
            100,
            name=text or "POST /v1/predict",
            kind="Server",
            self_time_ms=30,
            attributes={"http.route": "/v1/predict", **long},
        ),
        span(
            2,
            1,
            10,
            40,
            name=text or "weather.lookup",
            status="Error",
            status_message=text or "refused",
            events=[{"at": text_of(_START + 0.02), "name": text or "exception", "attributes": failed}],
            links=[{"trace_id": LARGE, "span_id": f"{7:016x}", "attributes": {}}],
        ),
        span(3, 1, 60, 30, name=text or "model.predict", service=text or "model"),
    ]
    logs = [
        {
            "timestamp": text_of(_START + 0.03),
            "service": "ml-api",
            "severity": text or "WARN",
            "event": None,
            "body": text or "no weather",
            "span_id": f"{2:016x}",
            "attributes": {},
        },
        {
            "timestamp": text_of(_START + 0.095),
            "service": "ml-api",
            "severity": "",
            "event": "ml.prediction",
            "body": {"features": {text or "carrier": text or "EV"}},
            "span_id": f"{1:016x}",
            "attributes": predicted,
        },
        {
            "timestamp": text_of(_START + 0.099),
            "service": "ml-api",
            "severity": "INFO",
            "event": None,
            "body": text or "written beside every span",
            "span_id": None,
            "attributes": {},
        },
    ]
    return _trace(TRACE, spans, logs, ["p-1"])


def large_trace(spans: int = LARGE_SPANS) -> dict[str, Any]:
    """A root, fifty groups one after the other, and in each a hundred lookups; one lookup failed and one was slow."""
    groups = 50
    each = (spans - 1 - groups) // groups
    made = [span(1, None, 0, groups * 100.0, name="GET /report", kind="Server")]
    number = 2
    for group in range(groups):
        parent = number
        made.append(span(parent, 1, group * 100.0, 99.0, name=f"group {group}", service="reports", self_time_ms=1.0))
        number += 1
        count = each + (spans - 1 - groups - each * groups if group == groups - 1 else 0)
        for place in range(count):
            broken = {"status": "Error"} if (group, place) == (30, 77) else {}
            slow = (group, place) == (40, 50)
            start = group * 100.0 + place * 95.0 / count
            made.append(
                span(number, parent, start, 40.0 if slow else 0.9, name="slow one" if slow else "lookup", **broken)
            )
            number += 1
    return _trace(LARGE, made, [], [])


def _trace(trace_id: str, spans: list[Any], logs: list[Any], predictions: list[str]) -> dict[str, Any]:
    return {
        "trace_id": trace_id,
        "start": spans[0]["start"],
        "duration_ms": spans[0]["duration_ms"],
        "services": sorted({each["service"] for each in spans}),
        "spans": spans,
        "logs": logs,
        "predictions": predictions,
        "kept_for": "slow",
        "truncated": False,
    }


def text_of(at: float) -> str:
    """A moment as the API spells it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
