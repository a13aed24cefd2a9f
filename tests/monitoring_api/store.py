"""A `Database` on the real engine in this process, with the real schema, for tests."""

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import chdb
from clickhouse_connect.driver.binding import bind_query

from services.monitoring_api.database import Query
from services.monitoring_api.migrate.files import load
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import SCHEMA_DIR

# A Monday, at the start of an hour.
T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_ids = itertools.count(1)
_TABLES = (
    "otel_traces",
    "otel_traces_trace_id_ts",
    "otel_logs",
    "otel_metrics_sum",
    "otel_metrics_gauge",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
    "predictions_data",
    "labels_data",
    "rollup_requests_1m",
    "rollup_predictions_1m",
    "rollup_requests_15m",
    "rollup_predictions_15m",
    "rollup_requests_finished",
    "rollup_predictions_finished",
    "rollup_dirty",
    "kept_traces",
    "label_marks",
    "label_marks_taken",
    "maintenance_state",
    "raw_drops",
    "outcomes_data",
    "rollup_outcomes_15m",
    "rollup_outcomes_1d",
    "score_bins",
    "model_references",
)


class ChdbStore:
    """ClickHouse's engine in memory. It binds parameters as clickhouse-connect does, and keeps what it was asked."""

    def __init__(self) -> None:
        self._connection = chdb.connect(":memory:")
        self.asked: list[Query] = []
        self._connection.query("CREATE DATABASE IF NOT EXISTS otel")
        # Years of retention, so that fixed dates stay.
        for migration in load(SCHEMA_DIR):
            for statement in render(migration.template, Target("otel", 3_650, 3_650)):
                self._connection.query(statement)
        self._connection.query("USE otel")

    def empty(self) -> None:
        """Forget every row."""
        self.asked.clear()
        for table in _TABLES:
            self._connection.query(f"TRUNCATE TABLE otel.{table}")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[list[Any]]:
        """Ask, synchronously."""
        bound, values = bind_query(sql, dict(parameters or {}))
        texts = {name.removeprefix("param_"): value for name, value in values.items()}
        answer = self._connection.query(bound, "JSONCompact", params=texts).bytes()
        if not answer:
            return []
        found = json.loads(answer)
        floats = [column["type"].startswith(("Float", "Nullable(Float")) for column in found["meta"]]
        return [list(map(_as_driver, floats, row)) for row in found["data"]]

    async def fetch(self, query: Query, *, deadline_seconds: float | None = None) -> Sequence[tuple[Any, ...]]:  # noqa: ARG002  (the protocol's)
        """Ask (see `Database.fetch`)."""
        self.asked.append(query)
        settings = "\nSETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1"
        return [tuple(row) for row in self.rows(query.sql + settings, query.parameters)]

    async def execute(self, query: Query, *, deadline_seconds: float | None = None) -> None:  # noqa: ARG002  (the protocol's)
        """Run (see `Database.execute`)."""
        self.asked.append(query)
        self.rows(query.sql, query.parameters)

    async def close(self) -> None:
        """Let the engine go."""
        self.release()

    def release(self) -> None:
        """Let the engine go, synchronously."""
        self._connection.close()

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows given as JSON objects."""
        text = "\n".join(json.dumps(row) for row in rows)
        self._connection.query(
            f"INSERT INTO otel.{table} SETTINGS input_format_import_nested_json = 0 FORMAT JSONEachRow\n{text}"
        )


def text(at: datetime) -> str:
    """A time as ClickHouse reads it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def span(
    at: datetime, *, seconds: float = 0.1, route: str = "/v1/predict", status: int = 200, **more: Any
) -> dict[str, Any]:
    """A server span as the Collector writes it; ``more`` overrides columns, ``attributes`` and ``resource`` add."""
    number = next(_ids)
    attributes = {"http.route": route, "http.response.status_code": str(status), "http.request.method": "POST"}
    attributes |= more.pop("attributes", {})
    resource = {"service.name": "ml-api", "service.instance.id": "i1"} | more.pop("resource", {})
    arrives = at + timedelta(seconds=seconds + more.pop("lag", 1))
    return {
        "Timestamp": text(at),
        "TraceId": f"{number:032x}",
        "SpanId": f"{number:016x}",
        "SpanName": f"POST {route}",
        "SpanKind": "Server",
        "ServiceName": "ml-api",
        "ResourceAttributes": resource,
        "SpanAttributes": attributes,
        "Duration": round(seconds * 1e9),
        "StatusCode": "Error" if status >= 500 else "Unset",
        "ArrivedAt": text(arrives),
        **more,
    }


def prediction(at: datetime, *, score: float | None = 0.5, **more: Any) -> dict[str, Any]:
    """An `ml.prediction` event as the Collector writes it."""
    number = next(_ids)
    attributes = {
        "event.name": "ml.prediction",
        "ml.prediction.id": more.pop("prediction_id", f"p{number}"),
        "ml.model.name": "flight-delay",
        "ml.model.version": more.pop("version", "v1"),
        "ml.variant": more.pop("variant", "champion"),
        "ml.task": "binary",
        "ml.features.source": more.pop("source", "store"),
    }
    if score is not None:
        positive = score >= 0.5
        attributes |= {
            "ml.prediction.score": str(score),
            "ml.prediction.positive": str(positive).lower(),
            "ml.prediction.label": "late" if positive else "on_time",
        }
    body = {"features": more.pop("features", {"distance": 1400, "carrier": "UA"})}
    return _event(at, "ml.prediction", attributes | more.pop("attributes", {}), json.dumps(body), more)


def label(at: datetime, prediction_id: str, value: str, **more: Any) -> dict[str, Any]:
    """An `ml.label` event as the Collector writes it."""
    attributes = {
        "event.name": "ml.label",
        "ml.prediction.id": prediction_id,
        "ml.label.value": value,
        "ml.label.observed_at": at.isoformat(),
    }
    return _event(at, "ml.label", attributes, "", more)


def _as_driver(is_float: bool, value: Any) -> Any:
    """JSON has no whole or infinite floats; the driver does."""
    return float(value) if is_float and value is not None else value


def _event(at: datetime, name: str, attributes: dict[str, Any], body: str, more: dict[str, Any]) -> dict[str, Any]:
    number = next(_ids)
    return {
        "Timestamp": text(at),
        "TraceId": f"{number:032x}",
        "SpanId": f"{number:016x}",
        "SeverityText": "INFO",
        "SeverityNumber": 9,
        "ServiceName": "ml-api",
        "Body": body,
        "ResourceAttributes": {"service.name": "ml-api", "service.instance.id": "i1"},
        "LogAttributes": attributes,
        "EventName": name,
        "ArrivedAt": text(at + timedelta(seconds=1)),
        **more,
    }


def point(
    at: datetime, metric: str, value: float, *, instance: str = "i1", service: str = "ml-api", **attributes: str
) -> dict[str, Any]:
    """A metric's point as the Collector writes it: its times cut to the second."""
    return {
        "ServiceName": service,
        "MetricName": metric,
        "ResourceAttributes": {"service.name": service, "service.instance.id": instance},
        "Attributes": {name.replace("__", "."): text for name, text in attributes.items()},
        "StartTimeUnix": int((T0 - timedelta(hours=1)).timestamp()),
        "TimeUnix": int(at.timestamp()),
        "Value": value,
    }
