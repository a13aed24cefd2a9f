"""Holds what was sent against what is stored, by identity, and times how soon a request can be seen."""

import math
import ssl
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from services.cli.demo.ledger import Sent

# `stored` is read as users read it, one row per identity. `distinct` is counted another way, over the raw rows, so that
# neither a row too many nor a row that the reading loses can hide.
# How long to wait before looking for a prediction again, at least and of the time since it was sent.
_LOOK_AGAIN_SECONDS: Final = 0.2
_LOOK_AGAIN_SHARE: Final = 0.1

_BACKFILLED = """
SELECT
  'requests' AS what,
  (
    SELECT count() FROM otel_traces FINAL WHERE SpanKind = 'Server' AND SpanAttributes['ml.replayed'] = 'true'
  ) AS stored,
  uniqExact(TraceId, SpanId) AS distinct_rows
FROM otel_traces
WHERE SpanKind = 'Server'
  AND SpanAttributes['ml.replayed'] = 'true'
UNION ALL
SELECT
  'spans',
  (SELECT count() FROM otel_traces FINAL WHERE SpanAttributes['ml.replayed'] = 'true'),
  uniqExact(TraceId, SpanId)
FROM otel_traces
WHERE SpanAttributes['ml.replayed'] = 'true'
UNION ALL
SELECT
  'predictions',
  (SELECT count() FROM predictions WHERE Replayed),
  uniqExact(LogAttributes['ml.prediction.id'])
FROM otel_logs
WHERE EventName = 'ml.prediction'
  AND LogAttributes['ml.replayed'] = 'true'
UNION ALL
SELECT
  'labels',
  (SELECT count() FROM labels WHERE Replayed),
  uniqExact(LogAttributes['ml.prediction.id'])
FROM otel_logs
WHERE EventName = 'ml.label'
  AND LogAttributes['ml.replayed'] = 'true'
"""

# A live request's trace is the one its prediction or label was recorded in.
_LIVE = """
SELECT 'live requests' AS what, count() AS stored, uniqExact(TraceId, SpanId) AS distinct_rows
FROM otel_traces FINAL
WHERE SpanKind = 'Server'
  AND TraceId IN (
    SELECT TraceId FROM predictions WHERE PredictionId IN {predicted:Array(String)}
    UNION ALL
    SELECT TraceId FROM labels WHERE PredictionId IN {labelled:Array(String)} AND NOT Replayed
  )
UNION ALL
SELECT 'live predictions', count(), uniqExact(PredictionId)
FROM predictions
WHERE PredictionId IN {predicted:Array(String)}
UNION ALL
SELECT 'live labels', count(), uniqExact(PredictionId)
FROM labels
WHERE PredictionId IN {labelled:Array(String)}
  AND NOT Replayed
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: rows sent, rows stored as users read them, distinct identities."""

    what: str
    sent: int
    stored: int
    distinct: int

    @property
    def agrees(self) -> bool:
        """Whether all three numbers are the same."""
        return self.sent == self.stored == self.distinct

    def as_json(self) -> dict[str, Any]:
        """Return the row as printed by `--json`."""
        return {**asdict(self), "agrees": self.agrees}


@dataclass(frozen=True)
class Delays:
    """Seconds from sending a request until the monitoring API shows it."""

    count: int
    unseen: int
    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Delays":
        """Summarise measured delays; needs two or more."""
        unseen = sum(1 for each in seconds if math.isinf(each))
        return cls(len(seconds), unseen, statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1])


@dataclass(frozen=True)
class ClickHouseReader:
    """Where counts are read: ClickHouse's HTTP interface, as the read-only user."""

    url: str
    user: str
    password_file: Path
    database: str = "otel"
    ca_file: Path | None = None

    def rows(self, sql: str, parameters: dict[str, Sequence[str]] | None = None) -> list[list[Any]]:
        """Run one SELECT; raises `httpx.HTTPError` when it is refused or cannot be asked."""
        bound = {f"param_{name}": _array(values) for name, values in (parameters or {}).items()}
        response = httpx.post(
            self.url,
            params={"database": self.database, "default_format": "JSONCompact", **bound},
            content=sql,
            headers={"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password_file.read_text().strip()},
            timeout=60,
            verify=ssl.create_default_context(cafile=self.ca_file),
        )
        response.raise_for_status()
        rows: list[list[Any]] = response.json()["data"]
        return rows


def _array(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace("'", "\\'") for value in values)
    return "[" + ",".join(f"'{value}'" for value in quoted) + "]"


def backfilled(reader: ClickHouseReader, sent: Sent, *, patience_seconds: float) -> list[Row]:
    """Compare the backfill's ledger with what is stored, waiting up to `patience_seconds` for rows on their way."""
    expected = {name: int(count) for name, count in asdict(sent).items()}
    return _settled(lambda: reader.rows(_BACKFILLED), expected, patience_seconds)


def live(
    reader: ClickHouseReader,
    *,
    predicted: Sequence[str],
    labelled: Sequence[str],
    patience_seconds: float,
) -> list[Row]:
    """Compare live requests, answered over HTTP, with what is stored under their ids."""
    expected = {
        "live requests": len(predicted) + len(labelled),
        "live predictions": len(predicted),
        "live labels": len(labelled),
    }
    parameters = {"predicted": predicted, "labelled": labelled}
    return _settled(lambda: reader.rows(_LIVE, parameters), expected, patience_seconds)


def _settled(ask: Callable[[], list[list[Any]]], expected: dict[str, int], patience_seconds: float) -> list[Row]:
    deadline = time.monotonic() + patience_seconds
    while True:
        found = {str(what): (int(stored), int(distinct)) for what, stored, distinct in ask()}
        rows = [Row(what, count, *found.get(what, (0, 0))) for what, count in expected.items()]
        if all(row.agrees for row in rows) or time.monotonic() > deadline:
            return rows
        time.sleep(0.5)


def visible_after(client: httpx.Client, prediction_id: str, sent_at: float, *, patience_seconds: float) -> float:
    """Poll the monitoring API until a prediction and its trace are there; return the seconds since `sent_at`.

    Args:
        client: bound to the monitoring API.
        prediction_id: what to wait for.
        sent_at: `time.monotonic()` of the moment before the request.
        patience_seconds: after which infinity is returned.
    """
    while time.monotonic() - sent_at < patience_seconds:
        try:
            response = client.get(f"/api/v1/predictions/{prediction_id}")
            if response.status_code == httpx.codes.OK and response.json().get("trace"):
                return time.monotonic() - sent_at
        except httpx.TransportError:
            pass
        # The longer it takes, the less often it is asked: forty who ask five times a second would be what is slow.
        time.sleep(max(_LOOK_AGAIN_SECONDS, _LOOK_AGAIN_SHARE * (time.monotonic() - sent_at)))
    return math.inf
