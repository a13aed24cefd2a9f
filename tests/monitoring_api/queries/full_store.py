"""A store with so many rows that indexes matter, made by the engine itself: two weeks from T0, one of the days busy."""

from datetime import datetime, timedelta
from typing import Final

from sightglass.attributes import HEARTBEAT_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.store import T0, ChdbStore

DAYS: Final = 14
END: Final = T0 + timedelta(days=DAYS)
_START: Final = int(T0.timestamp())
_SECONDS: Final = DAYS * 86_400
_SPANS: Final = 200_000
_LOGS: Final = 200_000
_PREDICTIONS: Final = 200_000
_POINTS: Final = 100_000
# Seconds of a row's time: spread over all, and as many again over the last day but one.
_BUSY: Final = _SECONDS - 2 * 86_400
_WHEN: Final = (
    f"{_START} + if(number < {{0}}, intDiv(number * {_SECONDS}, {{0}}), "
    f"{_BUSY} + intDiv((number - {{0}}) * 86400, {{0}}))"
)

# Two spans a trace; one in 100,000 takes nine seconds.
_TRACES: Final = f"""INSERT INTO otel.otel_traces
    (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration)
SELECT
    fromUnixTimestamp64Nano(toInt64({_WHEN.format(_SPANS)}) * 1000000000, 'UTC'),
    lower(hex(MD5(toString(intDiv(number, 2))))), substring(lower(hex(MD5(toString(number)))), 1, 16),
    'POST', if(number % 2 = 0, 'Server', 'Client'), concat('s', toString(intDiv(number, 2) % 4)),
    map('service.instance.id', 'i1'),
    map('http.route', concat('/r', toString(number % 5)), 'http.response.status_code', '200'),
    if(number % 100000 = 7, 9000000000, 1000000 + number % 1000)
FROM numbers({2 * _SPANS})"""

_RECORDS: Final = f"""INSERT INTO otel.otel_logs (Timestamp, TraceId, SpanId, ServiceName, SeverityNumber, Body)
SELECT
    fromUnixTimestamp64Nano(toInt64({_START} + intDiv(number * {_SECONDS}, {_LOGS})) * 1000000000, 'UTC'),
    lower(hex(MD5(toString(intDiv(number, 2))))), substring(lower(hex(MD5(toString(number)))), 1, 16),
    concat('s', toString(number % 4)), 9, concat('done ', toString(number))
FROM numbers({_LOGS})"""

# Ids as the library makes them: UUIDs of version 7, over half a year.
_PREDICTED: Final = f"""INSERT INTO otel.predictions_data
    (PredictionId, Timestamp, ModelName, ModelVersion, Variant, Score, TraceId, ServiceName, ArrivedAt)
SELECT
    toString(dateTimeToUUIDv7(toDateTime({_START} - number * 80, 'UTC'))),
    toDateTime64({_START} - number * 80, 9, 'UTC'), 'flight-delay', 'v1', 'champion',
    (number % 100) / 100, lower(hex(MD5(toString(number)))), 'ml-api', toDateTime64({_START} - number * 80, 6, 'UTC')
FROM numbers({_PREDICTIONS})"""

_LABELLED: Final = """INSERT INTO otel.labels_data (PredictionId, Value, ObservedAt, ArrivedAt, Timestamp)
SELECT PredictionId, 'late', Timestamp, ArrivedAt + toIntervalHour(3), Timestamp
FROM otel.predictions_data"""

_MINUTES: Final = f"""INSERT INTO otel.rollup_requests_1m
    (Minute, ServiceName, HttpRoute, StatusClass, Requests, ComputedAt)
SELECT At, concat('s', toString(Service)), concat('/r', toString(Route)), '2xx', 1, toDateTime64(At, 6, 'UTC') + 120
FROM (SELECT toDateTime({_START} + 60 * number, 'UTC') AS At FROM numbers({DAYS * 1440}))
ARRAY JOIN range(4) AS Service
ARRAY JOIN range(3) AS Route"""

_PREDICTED_MINUTES: Final = f"""INSERT INTO otel.rollup_predictions_1m
    (Minute, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource, Predictions, ComputedAt)
SELECT At, 'ml-api', concat('m', toString(Model)), 'v1', 'champion', 'store', 1, toDateTime64(At, 6, 'UTC') + 120
FROM (SELECT toDateTime({_START} + 60 * number, 'UTC') AS At FROM numbers({DAYS * 1440}))
ARRAY JOIN range(8) AS Model"""

# Quarters since a year.
_QUARTERS: Final = f"""INSERT INTO otel.rollup_requests_15m (Minute, ServiceName, HttpRoute, StatusClass, Requests)
SELECT At, concat('s', toString(Service)), '/r0', '2xx', 1
FROM (SELECT toDateTime({_START + _SECONDS} - 900 * (number + 1), 'UTC') AS At FROM numbers({365 * 96}))
ARRAY JOIN range(8) AS Service"""

_PREDICTED_QUARTERS: Final = f"""INSERT INTO otel.rollup_predictions_15m
    (Minute, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource, Predictions)
SELECT At, 'ml-api', concat('m', toString(Model)), 'v1', 'champion', 'store', 1
FROM (SELECT toDateTime({_START + _SECONDS} - 900 * (number + 1), 'UTC') AS At FROM numbers({365 * 96}))
ARRAY JOIN range(8) AS Model"""

_FINISHED: Final = """INSERT INTO otel.rollup_requests_finished
    (Seconds, GroupedBy, Minute, ServiceName, HttpRoute, Requests, DurationP95)
SELECT
    60, Grouping, Minute, if(Grouping LIKE '%service%', ServiceName, ''), if(Grouping LIKE '%route%', HttpRoute, ''),
    1, 1
FROM otel.rollup_requests_1m
ARRAY JOIN ['', 'service', 'route', 'route,service'] AS Grouping"""

_FINISHED_SCORES: Final = """INSERT INTO otel.rollup_predictions_finished
    (Seconds, GroupedBy, Minute, ModelName, ModelVersion, Variant, Scored, ScoreP95)
SELECT 60, Grouping, Minute, if(Grouping LIKE '%model%', ModelName, ''), '', 'champion', 1, 0.5
FROM otel.rollup_predictions_1m
ARRAY JOIN ['variant', 'model,variant', 'model,model_version,variant'] AS Grouping"""

_MARKS: Final = f"""INSERT INTO otel.rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), Kind, toDateTime({_START + _SECONDS} + 60 * number, 'UTC')
FROM numbers(50000)
ARRAY JOIN ['requests', 'predictions', 'requests_15m'] AS Kind"""


def _points(table: str) -> str:
    return f"""INSERT INTO otel.{table} (ServiceName, MetricName, ResourceAttributes, StartTimeUnix, TimeUnix, Value)
SELECT
    'ml-api', if(number % 2 = 0, '{HEARTBEAT_METRIC}', '{SPAN_COUNT_METRIC}'),
    map('service.instance.id', 'i1'), toDateTime({_START}), toDateTime({_WHEN.format(_POINTS)}), 1
FROM numbers({2 * _POINTS})"""


def fill(store: ChdbStore) -> None:
    """Put everything into an empty store."""
    for statement in (
        *(_TRACES, _RECORDS, _PREDICTED, _LABELLED),
        *(_points("otel_metrics_sum"), _points("otel_metrics_gauge")),
        *(_MINUTES, _PREDICTED_MINUTES, _QUARTERS, _PREDICTED_QUARTERS, _FINISHED, _FINISHED_SCORES),
        # What the inserts marked is worked off; other marks lie after the range.
        *("TRUNCATE TABLE otel.rollup_dirty", _MARKS),
    ):
        store.rows(statement)


def at(**since: float) -> datetime:
    """A time within the two weeks: ``at(days=3, hours=2)``."""
    return T0 + timedelta(**since)
