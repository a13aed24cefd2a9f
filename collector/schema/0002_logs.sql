-- Log records and events, with the columns that the Collector's ClickHouse exporter inserts.
--
-- EventName has a default because the exporter looks at this table only once, when it starts: if ClickHouse is down at that
-- moment it never sends the column. The Collector copies every event's name into the attribute `event.name` for that case.
--
-- The sorting key ends with a hash of the record, so that a record delivered twice becomes one, and two different records of
-- the same moment stay two.
CREATE TABLE IF NOT EXISTS {{db}}.otel_logs{{local}} {{on_cluster}}
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(3)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    EventName String DEFAULT LogAttributes['event.name'] CODEC(ZSTD(1)),

    ArrivedAt DateTime64(6) DEFAULT now64(6) COMMENT 'When the row was inserted' CODEC(Delta(8), ZSTD(1)),
    Minute DateTime MATERIALIZED toStartOfMinute(toDateTime(Timestamp)) CODEC(Delta(4), ZSTD(1)),
    RecordHash UInt64 MATERIALIZED cityHash64(Body, SeverityNumber, SeverityText, mapKeys(LogAttributes), mapValues(LogAttributes), mapValues(ResourceAttributes)),

    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body lower(Body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = {{engine:ReplacingMergeTree}}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, EventName, Minute, Timestamp, TraceId, SpanId, RecordHash)
TTL toDateTime(Timestamp) + toIntervalDay({{raw_days}})
SETTINGS ttl_only_drop_parts = 1;

-- An event of a prediction goes where all events of that prediction id go, so that its label joins it on the same shard.
{{distributed:otel_logs:cityHash64(if(LogAttributes['ml.prediction.id'] = '', TraceId, LogAttributes['ml.prediction.id']))}};
