-- Minutes computed from deduplicated raw rows by the maintenance process. A minute computed again replaces itself: the version
-- column is the time of computation, readers use FINAL.
--
-- Sketches merge over any grouping (relative error at most 1 %); the finished percentiles beside them answer the declared
-- grouping without merging.
CREATE TABLE IF NOT EXISTS {{db}}.rollup_requests_1m{{local}} {{on_cluster}}
(
    Minute DateTime CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    HttpRoute LowCardinality(String),
    StatusClass LowCardinality(String) COMMENT '2xx, 4xx, 5xx...; empty when the span has no status code',
    Requests UInt64 CODEC(T64, ZSTD(1)),
    Errors UInt64 CODEC(T64, ZSTD(1)),
    DurationSum Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationMax Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationP50 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationP95 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationP99 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationSketch AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64) COMMENT 'Nanoseconds: the sketch is exact to 1 % only for values of at least 1' CODEC(ZSTD(3)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ServiceName, Minute, HttpRoute, StatusClass)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_requests_1m:cityHash64(ServiceName, Minute)}};

CREATE TABLE IF NOT EXISTS {{db}}.rollup_predictions_1m{{local}} {{on_cluster}}
(
    Minute DateTime CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    ModelName LowCardinality(String),
    ModelVersion LowCardinality(String),
    Variant LowCardinality(String),
    FeaturesSource LowCardinality(String),
    Predictions UInt64 CODEC(T64, ZSTD(1)),
    Positives UInt64 COMMENT 'Predictions with Positive = true' CODEC(T64, ZSTD(1)),
    Judged UInt64 COMMENT 'Predictions with Positive known' CODEC(T64, ZSTD(1)),
    Scored UInt64 COMMENT 'Predictions with a score' CODEC(T64, ZSTD(1)),
    ScoreSum Float64 CODEC(ZSTD(1)),
    ScoreP50 Nullable(Float64) CODEC(ZSTD(1)),
    ScoreP95 Nullable(Float64) CODEC(ZSTD(1)),
    ScoreSketch AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64) COMMENT 'Billionths, for the same reason' CODEC(ZSTD(3)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ModelName, Minute, ServiceName, ModelVersion, Variant, FeaturesSource)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_predictions_1m:cityHash64(ModelName, Minute)}};

-- An insert marks the minutes it touches. The maintenance process recomputes them and deletes the marks that it has read, by
-- their ids, so that a mark set in the meantime survives.
CREATE TABLE IF NOT EXISTS {{db}}.rollup_dirty{{local}} {{on_cluster}}
(
    Id UUID,
    Kind LowCardinality(String) COMMENT 'requests or predictions',
    Minute DateTime,
    MarkedAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:MergeTree}}
ORDER BY (Kind, Minute, Id)
TTL toDateTime(MarkedAt) + toIntervalDay({{kept_days}});

{{distributed:rollup_dirty:cityHash64(Id)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.rollup_dirty_requests_mv {{on_cluster}}
TO {{db}}.rollup_dirty{{local}}
AS
SELECT
    generateUUIDv4() AS Id,
    'requests' AS Kind,
    minutes.Minute AS Minute,
    now64(6) AS MarkedAt
FROM
(
    SELECT DISTINCT toStartOfMinute(toDateTime(Timestamp)) AS Minute
    FROM {{db}}.otel_traces{{local}}
    WHERE SpanKind = 'Server'
) AS minutes;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.rollup_dirty_predictions_mv {{on_cluster}}
TO {{db}}.rollup_dirty{{local}}
AS
SELECT
    generateUUIDv4() AS Id,
    'predictions' AS Kind,
    minutes.Minute AS Minute,
    now64(6) AS MarkedAt
FROM
(
    SELECT DISTINCT toStartOfMinute(toDateTime(Timestamp)) AS Minute
    FROM {{db}}.predictions_data{{local}}
) AS minutes;
