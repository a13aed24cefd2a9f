-- What became of predictions: each joined with the label that holds for it, so that nobody joins them again. The maintenance process
-- writes a row when it computes the prediction's minute, and again when a label came for it; the row computed last wins. Features
-- stay in predictions_data.
CREATE TABLE IF NOT EXISTS {{db}}.outcomes_data{{local}} {{on_cluster}}
(
    Minute DateTime COMMENT 'Of the prediction' CODEC(Delta(4), ZSTD(1)),
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
    FeaturesSource LowCardinality(String) CODEC(ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ArrivedAt DateTime64(6) CODEC(Delta(8), ZSTD(1)),
    Labelled Bool CODEC(ZSTD(1)),
    LabelValue String CODEC(ZSTD(1)),
    LabelObservedAt DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    LabelArrivedAt DateTime64(6) CODEC(Delta(8), ZSTD(1)),
    Correct Nullable(Bool) COMMENT 'Classification: whether the label is what was decided' CODEC(ZSTD(1)),
    Actual Nullable(Bool) COMMENT 'Binary: whether the positive class was true' CODEC(ZSTD(1)),
    Truth Nullable(Float64) COMMENT 'Regression: the label' CODEC(ZSTD(1)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ModelName, Variant, Minute, ModelVersion, PredictionId)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:outcomes_data:cityHash64(PredictionId)}};

-- Sums by quarter of an hour, and by day of UTC with histograms of scores besides: for all else that is merged, sums suffice.
CREATE TABLE IF NOT EXISTS {{db}}.rollup_outcomes_15m{{local}} {{on_cluster}}
(
    Minute DateTime COMMENT 'Start of the quarter of an hour' CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    ModelName LowCardinality(String),
    ModelVersion LowCardinality(String),
    Variant LowCardinality(String),
    FeaturesSource LowCardinality(String),
    Predictions UInt64 CODEC(T64, ZSTD(1)),
    Labelled UInt64 CODEC(T64, ZSTD(1)),
    Judged UInt64 COMMENT 'Those whose decision was right or wrong' CODEC(T64, ZSTD(1)),
    Correct UInt64 CODEC(T64, ZSTD(1)),
    TruePositives UInt64 CODEC(T64, ZSTD(1)),
    FalsePositives UInt64 CODEC(T64, ZSTD(1)),
    FalseNegatives UInt64 CODEC(T64, ZSTD(1)),
    TrueNegatives UInt64 CODEC(T64, ZSTD(1)),
    Scored UInt64 COMMENT 'Binary, with a label and a score from 0 to 1' CODEC(T64, ZSTD(1)),
    LogLossSum Float64 CODEC(ZSTD(1)),
    SquaredScoreErrorSum Float64 CODEC(ZSTD(1)),
    Measured UInt64 COMMENT 'Regression, with a value and a label' CODEC(T64, ZSTD(1)),
    ErrorSum Float64 COMMENT 'Value minus label' CODEC(ZSTD(1)),
    AbsoluteErrorSum Float64 CODEC(ZSTD(1)),
    SquaredErrorSum Float64 CODEC(ZSTD(1)),
    RelativeErrorSum Float64 COMMENT 'Absolute error by the size of the label' CODEC(ZSTD(1)),
    TruthSpread AggregateFunction(varPopStable, Float64) CODEC(ZSTD(1)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYYYYMM(Minute)
ORDER BY (ModelName, Minute, ServiceName, ModelVersion, Variant, FeaturesSource)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_outcomes_15m:cityHash64(ModelName, Minute)}};

CREATE TABLE IF NOT EXISTS {{db}}.rollup_outcomes_1d{{local}} {{on_cluster}}
(
    Minute DateTime COMMENT 'Start of the day, UTC' CODEC(Delta(4), ZSTD(1)),
    ServiceName LowCardinality(String),
    ModelName LowCardinality(String),
    ModelVersion LowCardinality(String),
    Variant LowCardinality(String),
    FeaturesSource LowCardinality(String),
    Predictions UInt64 CODEC(T64, ZSTD(1)),
    Labelled UInt64 CODEC(T64, ZSTD(1)),
    Judged UInt64 CODEC(T64, ZSTD(1)),
    Correct UInt64 CODEC(T64, ZSTD(1)),
    TruePositives UInt64 CODEC(T64, ZSTD(1)),
    FalsePositives UInt64 CODEC(T64, ZSTD(1)),
    FalseNegatives UInt64 CODEC(T64, ZSTD(1)),
    TrueNegatives UInt64 CODEC(T64, ZSTD(1)),
    Scored UInt64 CODEC(T64, ZSTD(1)),
    LogLossSum Float64 CODEC(ZSTD(1)),
    SquaredScoreErrorSum Float64 CODEC(ZSTD(1)),
    Measured UInt64 CODEC(T64, ZSTD(1)),
    ErrorSum Float64 CODEC(ZSTD(1)),
    AbsoluteErrorSum Float64 CODEC(ZSTD(1)),
    SquaredErrorSum Float64 CODEC(ZSTD(1)),
    RelativeErrorSum Float64 CODEC(ZSTD(1)),
    TruthSpread AggregateFunction(varPopStable, Float64) CODEC(ZSTD(1)),
    ScoreCounts Map(UInt32, UInt64) COMMENT 'Twice the bin of the score, and 1 more where the positive class was true -> rows' CODEC(ZSTD(3)),
    BinsAt DateTime64(6) COMMENT 'Which bins: their CreatedAt in score_bins' CODEC(ZSTD(1)),
    ComputedAt DateTime64(6) DEFAULT now64(6) CODEC(ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(ComputedAt)}}
PARTITION BY toYear(Minute)
ORDER BY (ModelName, Minute, ServiceName, ModelVersion, Variant, FeaturesSource)
TTL Minute + toIntervalDay({{kept_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:rollup_outcomes_1d:cityHash64(ModelName, Minute)}};

-- Predictions that are there already get their outcomes when their minutes are computed again.
INSERT INTO {{db}}.rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), 'predictions', Minute
FROM (SELECT DISTINCT Minute FROM {{db}}.rollup_predictions_1m);
