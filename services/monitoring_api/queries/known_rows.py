"""What was known of predictions at each time: every label counts from when it came until another took its place.

Labels come late and are corrected, so that what holds now is not what held at a time. A prediction is one row for each
time in which the same was known of it: before any label, and with each label that held. What was replayed with past
times came when it says that it did: a prediction when it was made; a label, unless it came before its prediction was
replayed (for then somebody said when it came), when it was observed.
"""

from dataclasses import replace
from typing import Final

from services.monitoring_api.queries.outcomes import JUDGEMENTS, POSITIVE
from services.monitoring_api.queries.pieces import EVER_US
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.sources import OUTCOMES
from services.monitoring_api.queries.watermark import PATIENCE_SECONDS

# Predictions are waited for, so those count that came so long after.
PATIENCE_US: Final = round(PATIENCE_SECONDS * 1_000_000)

# `{when}` is said twice, so that only labels of these predictions are looked at.
_ROWS: Final = f"""(
    SELECT
        predictions.*,
        {JUDGEMENTS},
        toUnixTimestamp64Micro(if(Replayed, toDateTime64(Timestamp, 6, 'UTC'), ArrivedAt)) AS MadeUs,
        labels.FromUs AS FromUs,
        if(labels.UntilUs = 0, {EVER_US}, labels.UntilUs) AS UntilUs
    FROM (SELECT * REPLACE ({POSITIVE} AS Positive) FROM predictions WHERE {{when}}) AS predictions
    LEFT JOIN
    (
        SELECT
            PredictionId,
            held.1 AS Known,
            latest.3 AS LabelValue,
            latest.1 AS LabelObservedAt,
            latest.2 AS LabelArrivedAt,
            held.2 AS FromUs,
            held.3 AS UntilUs
        FROM
        (
            SELECT
                PredictionId,
                CameUs,
                max(tuple(ObservedAt, LabelArrivedAt, Value)) OVER (
                    PARTITION BY PredictionId ORDER BY CameUs ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS latest,
                row_number() OVER versions AS Number,
                leadInFrame(CameUs, 1, toInt64({EVER_US})) OVER versions AS NextUs
            FROM
            (
                SELECT
                    came.PredictionId AS PredictionId,
                    came.Value AS Value,
                    came.ObservedAt AS ObservedAt,
                    came.ArrivedAt AS LabelArrivedAt,
                    toUnixTimestamp64Micro(if(
                        came.Replayed AND made.AreReplayed AND came.ArrivedAt >= made.FirstArrivedAt,
                        toDateTime64(came.ObservedAt, 6, 'UTC'),
                        came.ArrivedAt
                    )) AS CameUs
                FROM labels AS came
                INNER JOIN
                (
                    SELECT PredictionId, min(ArrivedAt) AS FirstArrivedAt, max(Replayed) AS AreReplayed
                    FROM predictions
                    WHERE {{when}}
                    GROUP BY PredictionId
                ) AS made
                ON came.PredictionId = made.PredictionId
            )
            WINDOW versions AS (
                PARTITION BY PredictionId ORDER BY CameUs
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            )
        )
        ARRAY JOIN arrayFilter(
            each -> each.2 < each.3,
            [(toUInt8(0), toInt64(0), if(Number = 1, CameUs, toInt64(0))), (toUInt8(1), CameUs, NextUs)]
        ) AS held
    ) AS labels
    ON predictions.PredictionId = labels.PredictionId
)"""  # noqa: S608  (constants of ours)

_AT: Final = f"""(
    SELECT *
    FROM {_ROWS}
    WHERE MadeUs <= {{as_of_us:Int64}} + {PATIENCE_US}
        AND FromUs <= {{as_of_us:Int64}}
        AND {{as_of_us:Int64}} < UntilUs
)"""  # noqa: S608  (constants of ours)

_KNOWN: Final = replace(OUTCOMES, rows=_ROWS, arrived=None)
_KNOWN_AT: Final = replace(OUTCOMES, rows=_AT, arrived=None)


def has_labels(question: Question) -> bool:
    """Whether its rows are predictions with what became of them, which is not the same at all times."""
    return question.metric.source.name == OUTCOMES.name


def known(question: Question) -> Question:
    """The same question about rows for every time in which the same was known: columns MadeUs, FromUs and UntilUs."""
    return replace(question, metric=replace(question.metric, source=_KNOWN))


def known_at(question: Question, as_of_ns: int) -> Question:
    """The same question about labels that had come by a time, and predictions that had come shortly after."""
    return replace(question, metric=replace(question.metric, source=_KNOWN_AT), as_of_ns=as_of_ns)
