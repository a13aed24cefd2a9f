"""What a fake monitoring API answers about logs, the pipeline's details, the map of services and the audit log."""

import time
from datetime import UTC, datetime
from typing import Any

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PREDICTION = "0198f1c2-7d3e-7c55-9c9a-2f4f6a3b9f10"
STEP_SECONDS = 30


class FakePipeline:
    """Logs by a formula: a record every two seconds, the same whenever it is asked.

    Attributes:
        hostile: a text that stands in every place for texts; None for ordinary ones.
        empty: whether there is nothing at all.
        slower: slow statements, by fingerprint, that come before the first.
    """

    def __init__(self) -> None:
        self.hostile: str | None = None
        self.empty = False
        self.slower: list[str] = []

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Status and body of a GET; None when it is no business of these."""
        now = time.time()
        answers: dict[str, Any] = {
            "/api/v1/logs": lambda: self._logs(now, query),
            "/api/v1/logs/volume": lambda: self._volume(now),
            "/api/v1/pipeline/slow-queries": lambda: self._slow(now),
            "/api/v1/services/map": self._map,
            "/api/v1/audit": lambda: self._audit(now),
        }
        if path == f"/api/v1/spans/{SPAN}" and not self.empty:
            return 200, {"span_id": SPAN, "trace_id": TRACE}
        return (200, answers[path]()) if path in answers else None

    def details(self) -> dict[str, Any]:
        """What pipeline health has besides."""
        name = self.hostile or "ml-api"
        if self.empty:
            return {"ingest": [], "cardinality": []}
        return {
            "ingest": [
                {"signal": signal, "service": name, "rows_per_second": 4.5, "bytes_per_second": 5200.0}
                for signal in ("spans", "logs", "metrics")
            ],
            "cardinality": [
                {"signal": "spans", "service": name, "key": key, "distinct_values": values, "rows": 700}
                for key, values in ((self.hostile or "ml.prediction.id", 698), ("http.route", 3))
            ],
        }

    def _logs(self, now: float, query: dict[str, list[str]]) -> dict[str, Any]:
        limit = int(query.get("limit", ["100"])[0])
        before = int(query["cursor"][0]) if "cursor" in query else int(now) // 2
        least = query.get("severity", [""])[0]
        rows: list[dict[str, Any]] = []
        for number in range(before, before - 4 * limit, -1):
            severity = "ERROR" if number % 17 == 0 else "WARN" if number % 5 == 0 else "INFO"
            if (least == "error" and severity != "ERROR") or len(rows) == limit:
                continue
            rows.append(self._record(number, severity))
        text = query.get("q", [""])[0]
        found = [row for row in rows if text.lower() in row["body"].lower()]
        end = rows[-1]["number"] - 1 if rows else before
        return {
            "from": text_of(now - 3600),
            "to": text_of(now),
            "logs": [] if self.empty else found,
            "next_cursor": None if self.empty or not found else str(end),
        }

    def _record(self, number: int, severity: str) -> dict[str, Any]:
        body = self.hostile or f"request {number} done"
        return {
            "id": f"{number}",
            "number": number,
            "timestamp": text_of(number * 2.0),
            "service": self.hostile or ("ml-api" if number % 2 else "worker"),
            "severity": severity,
            "severity_number": {"ERROR": 17, "WARN": 13, "INFO": 9}[severity],
            "event": None,
            "body": body,
            "body_bytes": len(body),
            "trace_id": TRACE if number % 3 else None,
            "span_id": SPAN if number % 3 else None,
            "attributes": {self.hostile or "code.function": self.hostile or "predict", "ml.prediction.id": PREDICTION},
            "resource": {"service.name": "ml-api"},
            "truncated": [],
        }

    def _volume(self, now: float) -> dict[str, Any]:
        first = int(now) // STEP_SECONDS * STEP_SECONDS - 119 * STEP_SECONDS
        times = [first + number * STEP_SECONDS for number in range(120)]
        counts = {
            "ERROR": [1 if at % 7 == 0 else 0 for at in times],
            "INFO": [10 + at // STEP_SECONDS % 5 for at in times],
        }
        return {"step_seconds": STEP_SECONDS, "times": times, "counts": {} if self.empty else counts}

    def _slow(self, now: float) -> dict[str, Any]:
        query = {
            "fingerprint": "1c1d4c3c9f502d9c",
            "query": self.hostile or "SELECT count() FROM otel_traces WHERE ServiceName = ?",
            "count": 36,
            "failed": 1,
            "total_seconds": 50.4,
            "max_seconds": 2.2,
            "waited_seconds": 3.2,
            "read_rows": 8003,
            "read_bytes": 360829,
            "last_at": text_of(now - 40),
            "services": [self.hostile or "monitoring-api"],
            "routes": [self.hostile or "/api/v1/metrics/history"],
            "trace_id": TRACE,
        }
        before = [{**query, "fingerprint": name, "query": f"SELECT {name}"} for name in self.slower]
        return {"queries": [] if self.empty else [*before, query]}

    def _map(self) -> dict[str, Any]:
        if self.empty:
            return {"services": [], "calls": [], "truncated": False, "sampled_one_in": 1}
        calls = [
            ("", "ml-api", "service", 4.0, 0.0),
            ("dashboard", "monitoring-api", "service", 0.5, 0.06),
            ("monitoring-api", self.hostile or "clickhouse 127.0.0.1", "database", 9.0, 0.002),
        ]
        return {
            "services": [
                {"name": name, "spans_per_second": 2.0} for name in ("dashboard", "ml-api", "monitoring-api", "worker")
            ],
            "calls": [
                {
                    "caller": caller,
                    "callee": callee,
                    "kind": kind,
                    "calls": round(rate * 3600),
                    "calls_per_second": rate,
                    "error_ratio": failed,
                    "p95_seconds": 0.02,
                }
                for caller, callee, kind, rate, failed in calls
            ],
            "truncated": False,
            "sampled_one_in": 1,
        }

    def _audit(self, now: float) -> dict[str, Any]:
        entry = {
            "at": text_of(now - 60),
            "who": self.hostile or "ann@example.org",
            "actor": "dashboard",
            "on_behalf_of": self.hostile or "ann@example.org",
            "action": "silence.create",
            "target": self.hostile,
            "outcome": "ok",
            "status": 201,
            "process": "monitoring-api",
            "trace_id": TRACE,
            "client": "127.0.0.1",
        }
        refused = {**entry, "who": "bob@example.org", "action": "channel.test", "outcome": "refused", "status": 403}
        return {"entries": [] if self.empty else [entry, refused], "truncated": False, "readable": True}


def text_of(at: float) -> str:
    """A moment as the API spells it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
