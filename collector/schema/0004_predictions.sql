-- Predictions: one row for each identity (model, version, variant, prediction id), filled from the `ml.prediction` events in
-- otel_logs, read through the view `predictions`.
--
-- The sorting key is the identity and the version column grows with earlier arrival, so the first arrival wins. The partition
-- follows from the id alone (the month inside a UUIDv7; one partition for all other ids): a prediction delivered twice
-- with two different times still meets itself, which it would not if partitions followed its time.
CREATE TABLE IF NOT EXISTS {{db}}.predictions_data{{local}} {{on_cluster}}
(
    PredictionId String CODEC(ZSTD(1)),
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    ModelName LowCardinality(String) CODEC(ZSTD(1)),
    ModelVersion LowCardinality(String) CODEC(ZSTD(1)),
    Variant LowCardinality(String) CODEC(ZSTD(1)),
    Task LowCardinality(String) CODEC(ZSTD(1)),
    Label LowCardinality(String) CODEC(ZSTD(1)),
    Score Nullable(Float64) CODEC(ZSTD(1)),
    Value Nullable(Float64) CODEC(ZSTD(1)),
    Positive Nullable(Bool) CODEC(ZSTD(1)),
    Scores Map(String, Float64) CODEC(ZSTD(3)),
    Features String COMMENT 'JSON object, as it was sent' CODEC(ZSTD(6)),
    FeaturesNonfinite Map(String, String) COMMENT 'Features that JSON cannot say: nan, inf, -inf' CODEC(ZSTD(1)),
    FeaturesSource LowCardinality(String) CODEC(ZSTD(1)),
    EntityId String CODEC(ZSTD(1)),
    DurationSeconds Nullable(Float64) CODEC(ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ServiceInstanceId String CODEC(ZSTD(1)),
    Replayed Bool CODEC(ZSTD(1)),
    ArrivedAt DateTime64(6) CODEC(Delta(8), ZSTD(1)),
    Precedence UInt64 MATERIALIZED toUInt64(9223372036854775807 - toUnixTimestamp64Micro(ArrivedAt)) COMMENT 'Greater for earlier arrival' CODEC(Delta(8), ZSTD(1)),

    INDEX idx_timestamp Timestamp TYPE minmax GRANULARITY 1,
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree(Precedence)}}
PARTITION BY toYYYYMM(UUIDv7ToDateTime(toUUIDOrZero(PredictionId), 'UTC'))
ORDER BY (ModelName, ModelVersion, Variant, PredictionId)
TTL toDateTime(Timestamp) + toIntervalDay({{kept_days}})
SETTINGS merge_with_ttl_timeout = 86400;

{{distributed:predictions_data:cityHash64(PredictionId)}};

-- Nothing here may throw, whatever an event holds: a view that throws refuses the whole insert, the Collector tries again for
-- ever, and everything behind it waits. Hence only the OrNull, OrZero and JSONExtract families, which answer with nothing.
-- An event without an id has no identity and stays in otel_logs only.
--
-- Features are kept letter by letter: JSONExtractRaw writes numbers anew (1.0 as 1, an integer beyond 64 bits as text), so the text
-- as it was sent is taken wherever it reads the same.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.predictions_mv {{on_cluster}}
TO {{db}}.predictions_data{{local}}
AS
WITH
    toFloat64OrNull(LogAttributes['ml.prediction.score']) AS score,
    toFloat64OrNull(LogAttributes['ml.prediction.value']) AS value,
    toFloat64OrNull(LogAttributes['ml.prediction.duration']) AS duration,
    lower(LogAttributes['ml.prediction.positive']) AS positive,
    JSONExtractRaw(Body, 'features') AS features,
    simpleJSONExtractRaw(replaceRegexpOne(Body, '"features"\\s*:\\s*', '"features":'), 'features') AS features_as_sent
SELECT
    LogAttributes['ml.prediction.id'] AS PredictionId,
    if(toUnixTimestamp64Nano(Timestamp) = 0, toDateTime64(ArrivedAt, 9), Timestamp) AS Timestamp,
    LogAttributes['ml.model.name'] AS ModelName,
    LogAttributes['ml.model.version'] AS ModelVersion,
    if(LogAttributes['ml.variant'] = '', 'champion', LogAttributes['ml.variant']) AS Variant,
    LogAttributes['ml.task'] AS Task,
    LogAttributes['ml.prediction.label'] AS Label,
    if(isFinite(score), score, NULL) AS Score,
    if(isFinite(value), value, NULL) AS Value,
    multiIf(positive = 'true', true, positive = 'false', false, NULL) AS Positive,
    mapFromArrays(
        arrayMap(pair -> pair.1, JSONExtractKeysAndValues(Body, 'scores', 'Float64')),
        arrayMap(pair -> pair.2, JSONExtractKeysAndValues(Body, 'scores', 'Float64'))
    ) AS Scores,
    multiIf(
        JSONType(Body, 'features') != 'Object', '{}',
        JSONExtractRaw(concat('{"it":', features_as_sent, '}'), 'it') = features, features_as_sent,
        features
    ) AS Features,
    mapFromArrays(
        arrayMap(pair -> pair.1, JSONExtractKeysAndValues(Body, 'nonfinite', 'String')),
        arrayMap(pair -> pair.2, JSONExtractKeysAndValues(Body, 'nonfinite', 'String'))
    ) AS FeaturesNonfinite,
    LogAttributes['ml.features.source'] AS FeaturesSource,
    LogAttributes['ml.entity.id'] AS EntityId,
    if(isFinite(duration), duration, NULL) AS DurationSeconds,
    TraceId,
    SpanId,
    ServiceName,
    ResourceAttributes['service.instance.id'] AS ServiceInstanceId,
    lower(LogAttributes['ml.replayed']) IN ('true', '1') AS Replayed,
    ArrivedAt
FROM {{db}}.otel_logs{{local}}
WHERE EventName = 'ml.prediction' AND LogAttributes['ml.prediction.id'] != '';

CREATE VIEW IF NOT EXISTS {{db}}.predictions {{on_cluster}}
AS
SELECT
    PredictionId,
    Timestamp,
    ModelName,
    ModelVersion,
    Variant,
    Task,
    Label,
    Score,
    Value,
    Positive,
    Scores,
    Features,
    FeaturesNonfinite,
    FeaturesSource,
    EntityId,
    DurationSeconds,
    TraceId,
    SpanId,
    ServiceName,
    ServiceInstanceId,
    Replayed,
    ArrivedAt
FROM {{db}}.predictions_data FINAL;
