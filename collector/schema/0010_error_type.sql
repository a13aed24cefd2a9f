-- The type of a span's error as a typed column. Rows from before are computed as they are read, until their part is merged. The second
-- statement is for a cluster, where people ask the Distributed table; on one server it finds the column there.
ALTER TABLE {{db}}.otel_traces{{local}} {{on_cluster}} ADD COLUMN IF NOT EXISTS ErrorType LowCardinality(String) MATERIALIZED SpanAttributes['error.type'] CODEC(ZSTD(1)) AFTER HttpStatusCode;

ALTER TABLE {{db}}.otel_traces {{on_cluster}} ADD COLUMN IF NOT EXISTS ErrorType LowCardinality(String) MATERIALIZED SpanAttributes['error.type'] CODEC(ZSTD(1)) AFTER HttpStatusCode;
