-- What serving is compared with: how a model's features, scores and labels were distributed where it was trained. From the model's
-- card, or from a file (`sightglass reference build`); of a model and version the one made last holds. An empty version stands for
-- every version that has none of its own.
CREATE TABLE IF NOT EXISTS {{db}}.model_references{{local}} {{on_cluster}}
(
    ModelName LowCardinality(String),
    ModelVersion String COMMENT 'Empty: of every version',
    Task LowCardinality(String) COMMENT 'binary, multiclass, regression, or nothing where nobody said',
    Rows UInt64 COMMENT 'That it is made from',
    ScoreEdges Array(Float64) COMMENT 'Distinct quantiles of the scores, ascending; empty where there are none' CODEC(ZSTD(3)),
    Document String COMMENT 'JSON: features, scores, labels, findings, where from' CODEC(ZSTD(6)),
    CreatedAt DateTime64(6) DEFAULT now64(6)
)
ENGINE = {{engine:ReplacingMergeTree(CreatedAt)}}
ORDER BY (ModelName, ModelVersion);

{{distributed:model_references:cityHash64(ModelName)}};

-- Bins of a reference are better than those of what happened to be predicted first.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.model_references_bins_mv {{on_cluster}}
TO {{db}}.score_bins{{local}}
AS
SELECT
    ModelName,
    ScoreEdges AS Edges,
    'reference' AS MadeFrom,
    CreatedAt
FROM {{db}}.model_references{{local}}
WHERE notEmpty(ScoreEdges);
