-- Where a model's scores are cut into bins: quantiles of its reference, or of what it predicted first where it has none. The bins
-- created last hold.
CREATE TABLE IF NOT EXISTS {{db}}.score_bins{{local}} {{on_cluster}}
(
    ModelName LowCardinality(String),
    Edges Array(Float64) COMMENT 'Ascending; a bin begins at its edge, and the first takes what is below, too' CODEC(ZSTD(3)),
    MadeFrom LowCardinality(String) COMMENT 'reference or observed',
    Rows UInt64 DEFAULT 0 COMMENT 'Observed: how many scores there were',
    CreatedAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:ReplacingMergeTree(CreatedAt)}}
ORDER BY ModelName;

{{distributed:score_bins:cityHash64(ModelName)}};
