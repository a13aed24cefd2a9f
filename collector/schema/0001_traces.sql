-- Spans. Columns, names and types are those that the Collector's ClickHouse exporter inserts and that Grafana's plugin and
-- HyperDX read; the key, the codecs and the typed columns below them are ours.
--
-- The sorting key is the identity of a span, so `FROM otel_traces FINAL` counts each span once, however often it was
-- delivered. It begins with what questions filter by. SpanId stands after Timestamp because that compresses better.
CREATE TABLE IF NOT EXISTS {{db}}.otel_traces{{local}} {{on_cluster}}
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

    ArrivedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was inserted: span end to here is the ingest lag' CODEC(Delta(8), ZSTD(1)),
    Minute DateTime MATERIALIZED toStartOfMinute(toDateTime(Timestamp)) CODEC(Delta(4), ZSTD(1)),
    HttpRoute LowCardinality(String) MATERIALIZED SpanAttributes['http.route'] CODEC(ZSTD(1)),
    HttpMethod LowCardinality(String) MATERIALIZED if(SpanAttributes['http.request.method'] = '', SpanAttributes['http.method'], SpanAttributes['http.request.method']) CODEC(ZSTD(1)),
    HttpStatusCode UInt16 MATERIALIZED toUInt16OrZero(if(SpanAttributes['http.response.status_code'] = '', SpanAttributes['http.status_code'], SpanAttributes['http.response.status_code'])) CODEC(ZSTD(1)),
    ModelName LowCardinality(String) MATERIALIZED SpanAttributes['ml.model.name'] CODEC(ZSTD(1)),
    ModelVersion LowCardinality(String) MATERIALIZED SpanAttributes['ml.model.version'] CODEC(ZSTD(1)),
    ModelVariant LowCardinality(String) MATERIALIZED SpanAttributes['ml.variant'] CODEC(ZSTD(1)),
    FeaturesSource LowCardinality(String) MATERIALIZED SpanAttributes['ml.features.source'] CODEC(ZSTD(1)),
    ServiceInstanceId String MATERIALIZED ResourceAttributes['service.instance.id'] CODEC(ZSTD(1)),
    Replayed Bool MATERIALIZED lower(SpanAttributes['ml.replayed']) IN ('true', '1') CODEC(ZSTD(1)),

    INDEX idx_duration Duration TYPE minmax GRANULARITY 1,
    INDEX idx_timestamp Timestamp TYPE minmax GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree}}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, Minute, TraceId, Timestamp, SpanId)
TTL toDateTime(Timestamp) + toIntervalDay({{raw_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:otel_traces:cityHash64(TraceId)}};

-- From a trace id to the time it lies at, under the name and with the columns that the exporter gives it. One row for each
-- trace and day, whatever the number of inserts that carried its spans.
CREATE TABLE IF NOT EXISTS {{db}}.otel_traces_trace_id_ts{{local}} {{on_cluster}}
(
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime) CODEC(Delta(4), ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime) CODEC(Delta(4), ZSTD(1)),
    Day Date MATERIALIZED toDate(Start) CODEC(ZSTD(1))
)
ENGINE = {{engine:AggregatingMergeTree}}
PARTITION BY Day
ORDER BY TraceId
TTL Start + toIntervalDay({{raw_days}})
SETTINGS ttl_only_drop_parts = 1;

{{distributed:otel_traces_trace_id_ts:cityHash64(TraceId)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.otel_traces_trace_id_ts_mv {{on_cluster}}
TO {{db}}.otel_traces_trace_id_ts{{local}}
AS
SELECT
    TraceId,
    toDateTime(min(Timestamp)) AS Start,
    toDateTime(max(Timestamp)) AS End
FROM {{db}}.otel_traces{{local}}
WHERE TraceId != ''
GROUP BY TraceId, toDate(Timestamp);
