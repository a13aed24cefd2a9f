-- Traces that outlive the raw spans: whole ones, copied by the maintenance process before retention (or the guard of the disk) takes
-- them. Columns are those of otel_traces that the exporter writes. A span that is copied again, or for a better reason, replaces
-- itself: the row that is kept longest wins.
CREATE TABLE IF NOT EXISTS {{db}}.kept_traces{{local}} {{on_cluster}}
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(3)),
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(3)),
    KeptFor LowCardinality(String) COMMENT 'failed, slow, unlabelled or wrong',
    KeepUntil DateTime CODEC(Delta(4), ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(KeepUntil)}}
PARTITION BY toYYYYMM(Timestamp)
ORDER BY (TraceId, Timestamp, SpanId)
TTL KeepUntil
SETTINGS merge_with_ttl_timeout = 86400;

{{distributed:kept_traces:cityHash64(TraceId)}};

-- A label marks its prediction, so that the maintenance process looks whether its trace is to be kept, or may go. It deletes the
-- marks that it has read, by their ids, as it does with rollup_dirty.
CREATE TABLE IF NOT EXISTS {{db}}.label_marks{{local}} {{on_cluster}}
(
    Id UUID,
    PredictionId String CODEC(ZSTD(1)),
    MarkedAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:MergeTree}}
ORDER BY (PredictionId, Id)
TTL toDateTime(MarkedAt) + toIntervalDay({{kept_days}});

{{distributed:label_marks:cityHash64(Id)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.label_marks_mv {{on_cluster}}
TO {{db}}.label_marks{{local}}
AS
SELECT
    generateUUIDv4() AS Id,
    PredictionId,
    now64(6) AS MarkedAt
FROM {{db}}.labels_data{{local}};

-- What the maintenance process has to remember, a number for each name: since when a table's rows are whole
-- (whole_from:otel_traces, epoch seconds), up to when traces were looked at (traces_kept_to), how much of the disk it leaves
-- free (least_free_bytes).
CREATE TABLE IF NOT EXISTS {{db}}.maintenance_state{{local}} {{on_cluster}}
(
    Name String,
    Value Int64,
    WrittenAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:ReplacingMergeTree(WrittenAt)}}
ORDER BY Name;

{{distributed:maintenance_state:cityHash64(Name)}};

-- Days of raw rows that were dropped because the disk was filling.
CREATE TABLE IF NOT EXISTS {{db}}.raw_drops{{local}} {{on_cluster}}
(
    Table LowCardinality(String),
    Day Date,
    Rows UInt64,
    Bytes UInt64,
    FreeBytes UInt64 COMMENT 'What was free before',
    DroppedAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:MergeTree}}
ORDER BY DroppedAt
TTL toDateTime(DroppedAt) + toIntervalDay({{kept_days}});

{{distributed:raw_drops:cityHash64(Table, Day)}};
