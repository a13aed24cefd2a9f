-- Labels: what turned out to be true, with the time it describes and the time it arrived. Every version is kept; the same
-- version delivered twice is one row (the first arrival wins). Partitions follow from the prediction id, as in predictions_data.
CREATE TABLE IF NOT EXISTS {{db}}.labels_data{{local}} {{on_cluster}}
(
    PredictionId String CODEC(ZSTD(1)),
    Value String CODEC(ZSTD(1)),
    ObservedAt DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    ArrivedAt DateTime64(6) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ServiceInstanceId String CODEC(ZSTD(1)),
    Timestamp DateTime64(9) COMMENT 'Time of the event itself' CODEC(Delta(8), ZSTD(1)),
    Replayed Bool CODEC(ZSTD(1)),
    Precedence UInt64 MATERIALIZED toUInt64(9223372036854775807 - toUnixTimestamp64Micro(ArrivedAt)) COMMENT 'Greater for earlier arrival' CODEC(Delta(8), ZSTD(1)),

    INDEX idx_observed_at ObservedAt TYPE minmax GRANULARITY 1,
    INDEX idx_arrived_at ArrivedAt TYPE minmax GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree(Precedence)}}
PARTITION BY toYYYYMM(UUIDv7ToDateTime(toUUIDOrZero(PredictionId), 'UTC'))
ORDER BY (PredictionId, ObservedAt, Value)
TTL toDateTime(ArrivedAt) + toIntervalDay({{kept_days}})
SETTINGS merge_with_ttl_timeout = 86400;

{{distributed:labels_data:cityHash64(PredictionId)}};

-- Times come as RFC 3339 text or as a number since 1970 (seconds, milliseconds, microseconds or nanoseconds, told apart by its size).
-- A time that cannot be read, or is centuries away, counts as not given. As above, nothing here may throw.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.labels_mv {{on_cluster}}
TO {{db}}.labels_data{{local}}
AS
WITH
    LogAttributes['ml.label.observed_at'] AS observed_text,
    LogAttributes['ml.label.arrived_at'] AS arrived_text,
    toUInt64OrZero(observed_text) AS observed_integer,
    toUInt64OrZero(arrived_text) AS arrived_integer,
    multiIf(
        match(observed_text, '^[0-9]{17,19}$'), observed_integer,
        match(observed_text, '^[0-9]{15,16}$'), observed_integer * 1000,
        match(observed_text, '^[0-9]{12,14}$'), observed_integer * 1000000,
        match(observed_text, '^[0-9]{1,10}$'), observed_integer * 1000000000,
        match(observed_text, '^[0-9]{1,10}\\.[0-9]+$'), toUInt64(round(toFloat64OrZero(observed_text) * 1000000) * 1000),
        toUInt64(0)
    ) AS observed_nanoseconds,
    multiIf(
        match(arrived_text, '^[0-9]{17,19}$'), intDiv(arrived_integer, 1000),
        match(arrived_text, '^[0-9]{15,16}$'), arrived_integer,
        match(arrived_text, '^[0-9]{12,14}$'), arrived_integer * 1000,
        match(arrived_text, '^[0-9]{1,10}$'), arrived_integer * 1000000,
        match(arrived_text, '^[0-9]{1,10}\\.[0-9]+$'), toUInt64(round(toFloat64OrZero(arrived_text) * 1000000)),
        toUInt64(0)
    ) AS arrived_microseconds,
    multiIf(
        observed_nanoseconds BETWEEN 1 AND 9000000000000000000, fromUnixTimestamp64Nano(toInt64(observed_nanoseconds), 'UTC'),
        match(observed_text, '^[0-9]+(\\.[0-9]*)?$'), NULL,
        parseDateTime64BestEffortOrNull(observed_text, 9, 'UTC')
    ) AS observed,
    multiIf(
        arrived_microseconds BETWEEN 1 AND 9000000000000000, fromUnixTimestamp64Micro(toInt64(arrived_microseconds), 'UTC'),
        match(arrived_text, '^[0-9]+(\\.[0-9]*)?$'), NULL,
        parseDateTime64BestEffortOrNull(arrived_text, 6, 'UTC')
    ) AS arrived,
    if(toUnixTimestamp64Nano(Timestamp) = 0, toDateTime64(log.ArrivedAt, 9), Timestamp) AS event_time
SELECT
    LogAttributes['ml.prediction.id'] AS PredictionId,
    LogAttributes['ml.label.value'] AS Value,
    if(observed BETWEEN '1971-01-01 00:00:00' AND '2199-12-31 00:00:00', assumeNotNull(observed), event_time) AS ObservedAt,
    if(arrived BETWEEN '1971-01-01 00:00:00' AND '2199-12-31 00:00:00', assumeNotNull(arrived), log.ArrivedAt) AS ArrivedAt,
    TraceId,
    SpanId,
    ServiceName,
    ResourceAttributes['service.instance.id'] AS ServiceInstanceId,
    event_time AS Timestamp,
    lower(LogAttributes['ml.replayed']) IN ('true', '1') AS Replayed
FROM {{db}}.otel_logs{{local}} AS log
WHERE EventName = 'ml.label' AND LogAttributes['ml.prediction.id'] != '' AND mapContains(LogAttributes, 'ml.label.value');

CREATE VIEW IF NOT EXISTS {{db}}.labels {{on_cluster}}
AS
SELECT
    PredictionId,
    Value,
    ObservedAt,
    ArrivedAt,
    TraceId,
    SpanId,
    ServiceName,
    ServiceInstanceId,
    Timestamp,
    Replayed
FROM {{db}}.labels_data FINAL;

-- The label that holds now: the one observed last, of those the one that arrived last.
CREATE VIEW IF NOT EXISTS {{db}}.labels_latest {{on_cluster}}
AS
SELECT
    PredictionId,
    latest.1 AS Value,
    latest.2 AS ObservedAt,
    latest.3 AS ArrivedAt,
    latest.4 AS TraceId,
    latest.5 AS SpanId,
    latest.6 AS ServiceName,
    latest.7 AS Replayed
FROM
(
    SELECT
        PredictionId,
        argMax(tuple(Value, ObservedAt, ArrivedAt, TraceId, SpanId, ServiceName, Replayed), tuple(ObservedAt, ArrivedAt, Value)) AS latest
    FROM {{db}}.labels_data FINAL
    GROUP BY PredictionId
);
