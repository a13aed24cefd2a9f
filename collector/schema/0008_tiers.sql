-- Quarters of an hour, merged from the minutes: a quarter begins where one begins in every time zone, so days and hours of any of them are
-- whole quarters. The maintenance process computes a quarter again when a minute of it was: such a quarter is marked in
-- rollup_dirty as requests_15m or predictions_15m, before the minute's own mark goes.
CREATE TABLE IF NOT EXISTS {{db}}.rollup_requests_15m{{local}} {{on_cluster}}
(
    Minute DateTime COMMENT 'Start of the quarter of an hour' CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    HttpRoute LowCardinality(String),
    StatusClass LowCardinality(String),
    Requests UInt64 CODEC(T64, ZSTD(1)),
    Errors UInt64 CODEC(T64, ZSTD(1)),
    DurationSum Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationMax Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationSketch AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64) COMMENT 'Nanoseconds' CODEC(ZSTD(3)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ServiceName, Minute, HttpRoute, StatusClass)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_requests_15m:cityHash64(ServiceName, Minute)}};

CREATE TABLE IF NOT EXISTS {{db}}.rollup_predictions_15m{{local}} {{on_cluster}}
(
    Minute DateTime COMMENT 'Start of the quarter of an hour' CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    ModelName LowCardinality(String),
    ModelVersion LowCardinality(String),
    Variant LowCardinality(String),
    FeaturesSource LowCardinality(String),
    Predictions UInt64 CODEC(T64, ZSTD(1)),
    Positives UInt64 CODEC(T64, ZSTD(1)),
    Judged UInt64 CODEC(T64, ZSTD(1)),
    Scored UInt64 CODEC(T64, ZSTD(1)),
    ScoreSum Float64 CODEC(ZSTD(1)),
    ScoreSketch AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64) COMMENT 'Billionths' CODEC(ZSTD(3)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ModelName, Minute, ServiceName, ModelVersion, Variant, FeaturesSource)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_predictions_15m:cityHash64(ModelName, Minute)}};

-- Percentiles of the groupings that are asked for most, so that nobody merges sketches for them: for each bucket of Seconds
-- (60 or 900) and each grouping one row for each group, over everything that the grouping does not tell apart.
CREATE TABLE IF NOT EXISTS {{db}}.rollup_requests_finished{{local}} {{on_cluster}}
(
    Seconds UInt16 COMMENT 'Length of the bucket: 60 or 900',
    GroupedBy LowCardinality(String) COMMENT 'Dimensions that are told apart; the others are empty',
    Minute DateTime COMMENT 'Start of the bucket' CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    HttpRoute LowCardinality(String),
    Requests UInt64 CODEC(T64, ZSTD(1)),
    DurationP50 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationP95 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    DurationP99 Float64 COMMENT 'Seconds' CODEC(ZSTD(1)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (Seconds, GroupedBy, Minute, ServiceName, HttpRoute)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_requests_finished:cityHash64(GroupedBy, Minute)}};

CREATE TABLE IF NOT EXISTS {{db}}.rollup_predictions_finished{{local}} {{on_cluster}}
(
    Seconds UInt16 COMMENT 'Length of the bucket: 60 or 900',
    GroupedBy LowCardinality(String) COMMENT 'Dimensions that are told apart; the others are empty',
    Minute DateTime COMMENT 'Start of the bucket' CODEC(Delta(4), ZSTD(1)),
    ModelName LowCardinality(String),
    ModelVersion LowCardinality(String),
    Variant LowCardinality(String),
    Scored UInt64 CODEC(T64, ZSTD(1)),
    ScoreP50 Float64 CODEC(ZSTD(1)),
    ScoreP95 Float64 CODEC(ZSTD(1)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (Seconds, GroupedBy, Minute, ModelName, ModelVersion, Variant)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_predictions_finished:cityHash64(GroupedBy, Minute)}};

-- Answers that are kept in memory ask which minutes were computed since.
ALTER TABLE {{db}}.rollup_requests_1m{{local}} {{on_cluster}} ADD INDEX IF NOT EXISTS idx_computed_at ComputedAt TYPE minmax GRANULARITY 1;

ALTER TABLE {{db}}.rollup_predictions_1m{{local}} {{on_cluster}} ADD INDEX IF NOT EXISTS idx_computed_at ComputedAt TYPE minmax GRANULARITY 1;

-- Minutes that are there already: their quarters, and what is finished of them, are computed by the maintenance process. Until
-- then the marks ..._finished keep readers from what is not there yet.
INSERT INTO {{db}}.rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), arrayJoin(['requests_15m', 'requests_finished']), Quarter
FROM (SELECT DISTINCT toStartOfFifteenMinutes(Minute) AS Quarter FROM {{db}}.rollup_requests_1m);

INSERT INTO {{db}}.rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), arrayJoin(['predictions_15m', 'predictions_finished']), Quarter
FROM (SELECT DISTINCT toStartOfFifteenMinutes(Minute) AS Quarter FROM {{db}}.rollup_predictions_1m);
