"""Rows of many services and models, straight into the tables: four days, the last of them up to now."""

from datetime import datetime, timedelta
from typing import Final

from clickhouse_connect.driver.client import Client

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    OUTCOMES_1D,
    OUTCOMES_15M,
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    REQUESTS_1M,
    REQUESTS_15M,
)
from services.monitoring_api.maintenance.score_bins import keep_bins
from services.monitoring_api.queries.timerange import epoch_ns

LENGTH: Final = timedelta(days=4)
_TIERS: Final = (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M, OUTCOMES_15M)

_SPANS: Final = """INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration,
    StatusCode, ArrivedAt)
WITH
    {start_ns:Int64} + toInt64(number) * {apart_ns:Int64} AS at,
    sipHash64(number) AS chance,
    concat('service-', toString(chance % {names:UInt32})) AS service,
    multiIf(intDiv(chance, 1000) % 100 < 2, 500, 200) AS status
SELECT
    fromUnixTimestamp64Nano(at), lower(hex(sipHash128(number))), lower(hex(chance)), 'POST', 'Server', service,
    map('service.name', service, 'service.instance.id', service),
    map('http.route', concat('/v1/route-', toString(intDiv(chance, 7) % 5)),
        'http.response.status_code', toString(status)),
    1000000 + chance % 400000000, if(status = 500, 'Error', 'Unset'),
    fromUnixTimestamp64Micro(intDiv(at, 1000) + 1000000)
FROM numbers({count:UInt64})"""

_PREDICTIONS: Final = """INSERT INTO predictions_data
    (PredictionId, Timestamp, ModelName, ModelVersion, Variant, Task, Label, Score, Positive, Features, FeaturesSource,
    TraceId, SpanId, ServiceName, ArrivedAt)
WITH
    toUnixTimestamp64Milli(Timestamp) AS at_ms,
    sipHash64(SpanId, 1) AS chance,
    pow((chance % 1000003) / 1000003, 2) AS score,
    leftPad(lower(hex(toUInt64(at_ms))), 12, '0') AS moment,
    lower(hex(sipHash128(SpanId, 2))) AS drawn
SELECT
    concat(substring(moment, 1, 8), '-', substring(moment, 9, 4), '-7', substring(drawn, 1, 3), '-8',
        substring(drawn, 4, 3), '-', substring(drawn, 7, 12)),
    Timestamp, replaceOne(ServiceName, 'service', 'model'), 'v1', 'champion', 'binary',
    if(score >= 0.5, 'late', 'on_time'), score, score >= 0.5, '{}', if(chance % 20 = 0, 'fallback', 'store'),
    TraceId, SpanId, ServiceName, ArrivedAt
FROM otel_traces"""

_LABELS: Final = """INSERT INTO labels_data (PredictionId, Value, ObservedAt, ArrivedAt, ServiceName, Timestamp)
SELECT
    PredictionId, if((sipHash64(PredictionId, 1) % 1000003) / 1000003 < 0.05 + 0.6 * Score, 'late', 'on_time'),
    Timestamp + toIntervalMinute(30), toDateTime64(Timestamp, 6) + toIntervalMinute(30), ServiceName,
    Timestamp + toIntervalMinute(30)
FROM predictions_data
WHERE Timestamp < fromUnixTimestamp64Nano({now_ns:Int64}) - toIntervalMinute(30)
    AND cityHash64(PredictionId) % 20 > 0"""


def fill(client: Client, *, spans: int, now: datetime, names: int) -> None:
    """Insert so many requests over the days before now, a prediction for each, and labels for most of them.

    Args:
        client: One that may write.
        spans: How many requests.
        now: When the last of them was.
        names: Over how many services, each with a model of its own.
    """
    start_ns, length_ns = epoch_ns(now - LENGTH), epoch_ns(now) - epoch_ns(now - LENGTH)
    client.command(
        _SPANS, parameters={"start_ns": start_ns, "apart_ns": length_ns // spans, "names": names, "count": spans}
    )
    client.command(_PREDICTIONS)
    client.command(_LABELS, parameters={"now_ns": epoch_ns(now)})
    # Predictions are joined with them when their minutes are computed.
    client.command("TRUNCATE TABLE label_marks")


async def roll_up(database: Database, now: datetime) -> None:
    """Compute whatever is closed, as the maintenance process does; what came in the last minutes stays as it is."""
    before = now - timedelta(minutes=2)
    for tier in (*_TIERS, OUTCOMES_1D):
        if tier is OUTCOMES_1D:
            await keep_bins(database)
        while (
            await recompute(
                database, tier, now=before, settle=timedelta(seconds=10), kept=timedelta(days=30), most_marks=2_000
            )
        ).marks:
            pass
