-- Sums of multi-class predictions, beside those of binary ones and of regressions.
ALTER TABLE {{db}}.rollup_outcomes_15m{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Classified UInt64 COMMENT 'Multi-class, decided and with a label' CODEC(T64, ZSTD(1)) AFTER SquaredScoreErrorSum,
    ADD COLUMN IF NOT EXISTS ClassScored UInt64 COMMENT 'Multi-class, with a score from 0 to 1 of the class that its label names' CODEC(T64, ZSTD(1)) AFTER Classified,
    ADD COLUMN IF NOT EXISTS ClassLogLossSum Float64 CODEC(ZSTD(1)) AFTER ClassScored,
    ADD COLUMN IF NOT EXISTS ClassRanked UInt64 COMMENT 'Multi-class, with any score of the class that its label names' CODEC(T64, ZSTD(1)) AFTER ClassLogLossSum,
    ADD COLUMN IF NOT EXISTS ClassTallies Tuple(Names Array(String), True Array(UInt64), Decided Array(UInt64), Hits Array(UInt64)) COMMENT 'By class: how often it was true, decided, both; at most 1,001 classes' CODEC(ZSTD(3)) AFTER TruthSpread;

ALTER TABLE {{db}}.rollup_outcomes_1d{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Classified UInt64 CODEC(T64, ZSTD(1)) AFTER SquaredScoreErrorSum,
    ADD COLUMN IF NOT EXISTS ClassScored UInt64 CODEC(T64, ZSTD(1)) AFTER Classified,
    ADD COLUMN IF NOT EXISTS ClassLogLossSum Float64 CODEC(ZSTD(1)) AFTER ClassScored,
    ADD COLUMN IF NOT EXISTS ClassRanked UInt64 CODEC(T64, ZSTD(1)) AFTER ClassLogLossSum,
    ADD COLUMN IF NOT EXISTS ClassTallies Tuple(Names Array(String), True Array(UInt64), Decided Array(UInt64), Hits Array(UInt64)) CODEC(ZSTD(3)) AFTER TruthSpread;

-- For a cluster, where people ask the Distributed tables; on one server the columns are there.
ALTER TABLE {{db}}.rollup_outcomes_15m {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Classified UInt64 AFTER SquaredScoreErrorSum,
    ADD COLUMN IF NOT EXISTS ClassScored UInt64 AFTER Classified,
    ADD COLUMN IF NOT EXISTS ClassLogLossSum Float64 AFTER ClassScored,
    ADD COLUMN IF NOT EXISTS ClassRanked UInt64 AFTER ClassLogLossSum,
    ADD COLUMN IF NOT EXISTS ClassTallies Tuple(Names Array(String), True Array(UInt64), Decided Array(UInt64), Hits Array(UInt64)) AFTER TruthSpread;

ALTER TABLE {{db}}.rollup_outcomes_1d {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Classified UInt64 AFTER SquaredScoreErrorSum,
    ADD COLUMN IF NOT EXISTS ClassScored UInt64 AFTER Classified,
    ADD COLUMN IF NOT EXISTS ClassLogLossSum Float64 AFTER ClassScored,
    ADD COLUMN IF NOT EXISTS ClassRanked UInt64 AFTER ClassLogLossSum,
    ADD COLUMN IF NOT EXISTS ClassTallies Tuple(Names Array(String), True Array(UInt64), Decided Array(UInt64), Hits Array(UInt64)) AFTER TruthSpread;

-- Quarters of an hour with such predictions get these sums when they are computed again; until then they are read from rows.
INSERT INTO {{db}}.rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), 'outcomes_15m', Quarter
FROM (SELECT DISTINCT toStartOfFifteenMinutes(Minute) AS Quarter FROM {{db}}.outcomes_data WHERE Task = 'multiclass');

-- The marks of labels that one pass of the maintenance process works off, so that its statements find them here, however many they are.
-- The marks themselves stay where they are until all is done, so what is left here by a pass that ended early is of no use to anybody.
CREATE TABLE IF NOT EXISTS {{db}}.label_marks_taken{{local}} {{on_cluster}}
(
    Batch UUID COMMENT 'The pass',
    Id UUID COMMENT 'As in label_marks',
    PredictionId String CODEC(ZSTD(1)),
    TakenAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:MergeTree}}
PARTITION BY Batch
ORDER BY (PredictionId, Id)
TTL toDateTime(TakenAt) + toIntervalDay(1);

{{distributed:label_marks_taken:cityHash64(Id)}};
