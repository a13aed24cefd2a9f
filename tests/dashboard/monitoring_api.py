"""A real HTTP server that answers in the monitoring API's shapes, from a formula instead of a store."""

import json
import math
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from dashboard.time_range import STEPS, instant
from tests.dashboard.alerting_api import FakeAlerting
from tests.dashboard.explaining_api import FakeExplaining
from tests.dashboard.history_api import FakeHistory
from tests.dashboard.huge_texts import with_huge_texts
from tests.dashboard.modelling_api import FakeModelling
from tests.dashboard.pipeline_api import FakePipeline
from tests.dashboard.tracing_api import FakeTracing

HOSTILE = (
    '<script>document.title="owned"</script> **bold** [x](http://example.org) :smile: $x$ `y` | \u202eright to left🦆'
)
CALLER = "/api/v1/caller"
ASKED_BY = frozenset({"name", "model", "service", "services", "callee"})
"""Fields whose values go into addresses, which no browser and no server takes at a megabyte."""
ROLES = {
    frozenset({"read"}): "viewer",
    frozenset({"read", "operate"}): "operator",
    frozenset({"ingest-labels"}): "ingest",
}
KEYS = ("service", "route", "status_class")
MODEL_KEYS = ("service", "model", "model_version", "variant", "features_source")
METRICS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "request_rate": ("1/s", KEYS, "Requests answered per second."),
    "error_ratio": ("1", KEYS, "Share of requests answered with a 5xx status."),
    "latency_p50": ("s", KEYS, "Half of the requests were answered within this time."),
    "latency_p95": ("s", KEYS, "95 of 100 requests were answered within this time."),
    "latency_p99": ("s", KEYS, "99 of 100 requests were answered within this time."),
    "concurrency_mean": ("1", KEYS, "Requests being answered at the same time, on average."),
    "prediction_rate": ("1/s", MODEL_KEYS, "Predictions made per second."),
    "score_mean": ("1", MODEL_KEYS, "Mean score."),
    "score_p50": ("1", MODEL_KEYS, "Median score."),
    "score_p95": ("1", MODEL_KEYS, "95th percentile of the score."),
    "positive_ratio": ("1", MODEL_KEYS, "Share of predictions that decided for the positive class."),
    "fallback_ratio": ("1", MODEL_KEYS, "Share of predictions made without their features."),
    "label_coverage": ("1", MODEL_KEYS, "Share of predictions whose label has arrived."),
    "ingest_lag_p95": ("s", ("service",), "From the end of a span until it can be queried."),
    "completeness": ("1", ("service",), "Stored against counted."),
}
VALUES = {
    "service": ["ml-api", "monitoring-api"],
    "route": ["/v1/predict", "/v1/labels", "/v1/models"],
    "status_class": ["2xx", "4xx", "5xx"],
    "model": ["flight-delay"],
    "model_version": ["3f9a1c20", "b71e44d9"],
    "variant": ["champion"],
    "features_source": ["store", "fallback"],
}


def _times(start: float, end: float, step: float) -> list[float]:
    first = math.floor(start / step) * step
    return [first + step * place for place in range(math.ceil((end - first) / step))]


def _noise(at: float, seed: int) -> float:
    return (math.sin(at / 977 + seed) + math.sin(at / 311 + 2 * seed) + math.sin(at / 4133 + 3 * seed)) / 3


def value_of(metric: str, at: float, seed: int = 0) -> float:
    """The metric at a time: a day's rhythm and some wobble, the same whenever it is asked."""
    day = (1 - math.cos((at % 86400) / 86400 * 2 * math.pi)) / 2
    wobble = _noise(at, seed + len(metric))
    base = {
        "request_rate": 0.4 + 11 * day * (1 + 0.12 * wobble),
        "error_ratio": max(0.0, 0.004 + 0.004 * wobble),
        "latency_p50": 0.011 * (1 + 0.2 * wobble),
        "latency_p95": 0.034 * (1 + 0.3 * wobble + 0.4 * day),
        "latency_p99": 0.071 * (1 + 0.4 * wobble + 0.6 * day),
        "concurrency_mean": 0.02 + 0.4 * day * (1 + 0.2 * wobble),
        "prediction_rate": 0.3 + 10 * day * (1 + 0.12 * wobble),
        "score_mean": 0.24 + 0.05 * wobble + 0.03 * seed,
        "score_p50": 0.21 + 0.04 * wobble,
        "score_p95": 0.52 + 0.06 * wobble,
        "positive_ratio": 0.16 + 0.04 * wobble,
        "fallback_ratio": 0.033 + 0.01 * wobble,
        "label_coverage": 0.94 + 0.02 * wobble,
        "ingest_lag_p95": 1.4 + 0.4 * wobble,
        "completeness": 1.0,
    }[metric]
    return base / (1 + seed)


class FakeMonitoringApi:
    """Serves on a free port of the loopback until it is closed.

    Attributes:
        mode: `full`, `alerting`, `empty`, `store-down`, `hostile`, `broken` or `gone`, which hangs up on everybody;
            may be changed while it serves.
        alerting: what it answers of alerts and does about them.
        explaining: what it answers when asked why.
        modelling: what it answers of models and predictions.
        tracing: what it answers of traces.
        past: what it says of histories besides their points.
        piping: what it answers of logs, the pipeline's details, the map of services and the audit log.
        huge: whether in `hostile` mode texts are a megabyte long, too.
        asked: (path, parameters) of every request so far.
        together: nobody is answered before as many ask as it is for.
        tokens: token -> its scopes, once it asks for them; None while it asks nobody.
        names: token -> whose it is, where that is not `somebody`.
        heard: (authorization, user, role) of every request so far.
    """

    def __init__(self, port: int = 0, mode: str = "full", tls: ssl.SSLContext | None = None) -> None:
        self.mode = mode
        self.alerting = FakeAlerting()
        self.explaining = FakeExplaining()
        self.modelling = FakeModelling()
        self.tracing = FakeTracing()
        self.past = FakeHistory()
        self.piping = FakePipeline()
        self.huge = False
        self.delay_seconds = 0.0
        self.together: threading.Barrier | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.tokens: dict[str, set[str]] | None = None
        self.names: dict[str, str] = {}
        self.heard: list[tuple[str | None, str | None, str | None]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                split = urlsplit(self.path)
                query = parse_qs(split.query, keep_blank_values=True)
                api.asked.append((split.path, query))
                if api.mode == "gone":
                    self.close_connection = True
                    return
                names = ("Authorization", "X-Sightglass-User", "X-Sightglass-Role")
                authorization, user, role = (self.headers.get(name) for name in names)
                api.heard.append((authorization, user, role))
                time.sleep(api.delay_seconds)
                if api.together is not None:
                    api.together.wait()
                status, body = (
                    api.refusal(authorization, split.path)
                    or api.caller(authorization, split.path)
                    or api.answer(split.path, query)
                )
                self._send(status, with_huge_texts(body, HOSTILE, kept=ASKED_BY) if api.huge else body)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                names = ("Authorization", "X-Sightglass-User", "X-Sightglass-Role")
                authorization, user, role = (self.headers.get(name) for name in names)
                api.heard.append((authorization, user, role))
                self._send(
                    *(
                        api.refusal(authorization, self.path, scope="operate")
                        or api.modelling.act(self.path, body, user)
                        or api.alerting.act(self.command, self.path, body, user)
                    )
                )

            do_DELETE = do_POST  # noqa: N815 - the base class calls it by the method

            def _send(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                kind = "application/json" if status < 400 else "application/problem+json"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                if status == 503:
                    self.send_header("Retry-After", "5")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; the port refuses from then on, and who is still connected is hung up on."""
        self.mode = "gone"
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def caller(self, authorization: str | None, path: str) -> tuple[int, Any] | None:
        """Whose token it is, when that is the question."""
        if path != CALLER:
            return None
        token = (authorization or "").removeprefix("Bearer ")
        scopes = {"read", "operate", "ingest-labels", "admin"} if self.tokens is None else self.tokens[token]
        return 200, {
            "authenticated": self.tokens is not None,
            "name": "anonymous" if self.tokens is None else self.names.get(token, "somebody"),
            "role": ROLES.get(frozenset(scopes)),
            "scopes": sorted(scopes),
            "token_id": None if self.tokens is None else token[4:16],
            "expires_at": None,
            "on_behalf_of": None,
        }

    def refusal(self, authorization: str | None, path: str, scope: str = "read") -> tuple[int, Any] | None:
        """What somebody without the right token is answered; None for those who have it."""
        if self.tokens is None:
            return None
        scopes = self.tokens.get((authorization or "").removeprefix("Bearer "))
        if scopes is None:
            return problem(401, "A bearer token is missing, or is not accepted.")
        return None if scope in scopes or path == CALLER else problem(403, f"The scope {scope} is missing.")

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Status and body for one request."""
        routes: dict[str, Callable[[dict[str, list[str]]], tuple[int, Any]]] = {
            "/api/v1/metrics/current": self._current,
            "/api/v1/metrics/history": self._history,
            "/api/v1/pipeline/health": lambda _: (200, self._health()),
            "/api/v1/alerts": lambda _: (200, self._alerts()),
        }
        if self.mode == "broken":
            return 200, ["not", "what", "was", "promised"]
        if path == "/api/v1/metrics":
            return 200, {"metrics": [_entry(name) for name in METRICS]}
        if self.mode == "store-down" and path != "/api/v1/alerts":
            return problem(503, "ClickHouse does not answer at 127.0.0.1:8123.")
        for part in (self.alerting, self.explaining, self.past, self.piping, self.tracing, self.modelling):
            part.hostile = HOSTILE if self.mode == "hostile" else None
            part.empty = self.mode == "empty"
            if (told := part.answer(path, query)) is not None:
                return told
        metric = query.get("metric", ["request_rate"])[0]
        if any(name not in METRICS for name in metric.split(",")):
            return problem(422, "Unknown metric.", field="metric", message=f"{metric} is not in the catalogue")
        return routes[path](query) if path in routes else problem(404, "No such route.")

    def _current(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        metric = query["metric"][0]
        now = time.time()
        empty = self.mode == "empty"
        value = None if empty else value_of(metric, now)
        series = [
            {
                "labels": labels,
                "value": None if empty else value_of(metric, now, seed),
                "count": 0 if empty else 100 - seed,
            }
            for seed, labels in enumerate(self._groups(query))
        ]
        if metric in {"request_rate", "concurrency_mean", "prediction_rate"} and empty:
            value = 0.0
        if metric == "prediction_rate" and query.get("group_by") == ["service"]:
            series = series[:1]
        return 200, {
            "metric": metric,
            "unit": METRICS[metric][0],
            "window_seconds": 300,
            "from": _text(now - 300),
            "to": _text(now),
            "value": value,
            "count": 0 if empty else 3000,
            "complete": False,
            "series": [] if empty else series,
        }

    def _history(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        metrics = query["metric"][0].split(",")
        now = datetime.now(UTC)
        start, end = (instant(query[name][0], now).timestamp() for name in ("from", "to"))
        name = query["step"][0]
        step = STEPS.get(name) or next(width for width in STEPS.values() if (end - start) / width <= 400)
        back = {"previous": end - start, "week": 7 * 86_400.0}.get(query.get("compare", ["none"])[0])
        earlier = None
        if back is not None:
            times = _times(start - back, end - back, step)
            earlier = {"from": _text(start - back), "to": _text(end - back), "series": self._series(query, times)}
        return 200, {
            "metric": query["metric"][0],
            "unit": METRICS[metrics[0]][0],
            "from": _text(start),
            "to": _text(end),
            "step_seconds": step,
            "source": "rollup_requests_1m",
            "complete": False,
            "complete_until": _text(now.timestamp() - 90),
            "approximate": metrics[0].startswith("latency"),
            "error_bound": 0.01 if metrics[0].startswith("latency") else None,
            "series": self._series(query, _times(start, end, step)),
            "compare": earlier,
        }

    def _series(self, query: dict[str, list[str]], times: list[float]) -> list[dict[str, Any]]:
        metrics = query["metric"][0].split(",")
        return [
            {
                "labels": {**({"metric": metric} if len(metrics) > 1 else {}), **labels},
                "points": [[at, self._point(metric, at, seed, times)] for at in times],
            }
            for metric in metrics
            for seed, labels in enumerate(self._groups(query))
        ]

    def _point(self, metric: str, at: float, seed: int, times: list[float]) -> float | None:
        if self.mode == "empty":
            return 0.0 if metric == "concurrency_mean" or metric.endswith("_rate") else None
        place = (at - times[0]) / (times[-1] - times[0] or 1)
        # A gap, a value alone in it, and nothing yet at the end.
        if metric == "score_mean" and 0.30 < place < 0.36 and not 0.33 <= place < 0.33 + 1 / len(times):
            return None
        return value_of(metric, at, seed)

    def _groups(self, query: dict[str, list[str]]) -> list[dict[str, str]]:
        keys = [key for key in ",".join(query.get("group_by", [])).split(",") if key]
        groups: list[dict[str, str]] = [{}]
        for key in keys:
            values = [HOSTILE, "b" * 5000, ""] if self.mode == "hostile" else VALUES[key]
            groups = [{**group, key: value} for group in groups for value in values]
        return groups

    def _health(self) -> dict[str, Any]:
        now = time.time()
        name = HOSTILE if self.mode == "hostile" else "ml-api"
        empty = self.mode == "empty"
        return {
            "status": "ok" if self.mode == "full" else "degraded",
            "checked_at": _text(now),
            "window_seconds": 900,
            "ingest_lag_seconds": dict.fromkeys(("p50", "p95", "max"))
            if empty
            else {"p50": 0.9, "p95": 1.6, "max": 2.7},
            "completeness": []
            if empty
            else [
                {"service": name, "signal": signal, "counted": 4211, "stored": 4211, "ratio": 1.0}
                for signal in ("spans", "predictions", "labels")
            ],
            "drops": [
                dict.fromkeys(("service", "instance", "signal", "stage", "reason", "detail"), name) | {"count": 12}
            ]
            if self.mode == "hostile"
            else [],
            "retries": [{"service": name, "instance": name, "signal": name, "count": 3}]
            if self.mode == "hostile"
            else [],
            "failed_metric_exports": [],
            "queue": {"size": 0, "capacity": 100000},
            "disk": {"free_bytes": 81e9, "total_bytes": 204e9, "tables": []},
            "processes": [
                {"name": process, "instance": f"id-{process}", "state": "up", "last_seen": _text(now - 3)}
                for process in ("ml-api", "monitoring-api", "worker", "maintenance", "dashboard", "otelcol")
            ],
            **self.piping.details(),
        }

    def _alerts(self) -> dict[str, Any]:
        now = time.time()
        worker = {"state": "running", "last_evaluation_at": _text(now - 4)}
        if self.mode == "alerting":
            return {"alerts": self.alerting.alerts(), "worker": worker}
        alert = {
            "fingerprint": "a1",
            "rule": HOSTILE if self.mode == "hostile" else "TooManyErrors",
            "state": "firing" if self.mode == "hostile" else "resolved",
            "labels": {"severity": "page", "model_version": HOSTILE if self.mode == "hostile" else "3f9a1c20"},
            "annotations": {"summary": HOSTILE if self.mode == "hostile" else "error ratio 6.1 %"},
            "value": 0.061,
            "active_since": _text(now - 5000),
            "fired_at": _text(now - 4900),
            "resolved_at": None if self.mode == "hostile" else _text(now - 4000),
            "last_evaluated_at": _text(now - 4),
            "error": None,
        }
        alerts = [alert, *(self.alerting.alerts() if self.mode == "hostile" else [])]
        return {"alerts": [] if self.mode == "empty" else alerts, "worker": worker}


def problem(status: int, detail: str, *, field: str = "", message: str = "") -> tuple[int, Any]:
    """An RFC 9457 answer."""
    errors = [{"field": field, "message": message}] if field else []
    return status, {"type": "about:blank", "title": "Problem", "status": status, "detail": detail, "errors": errors}


def _entry(name: str) -> dict[str, Any]:
    unit, keys, description = METRICS[name]
    return {
        "name": name,
        "unit": unit,
        "description": description,
        "kind": "ratio" if unit == "1" and not name.startswith("score") else "rate",
        "group_by": list(keys),
        "filters": list(keys),
    }


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
