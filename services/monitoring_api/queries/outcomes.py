"""What became of predictions: each joined with the label that holds for it, counted once however often it came."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.queries.filters import Filter
from services.monitoring_api.queries.pieces import AS_OF, EVER_US
from services.monitoring_api.queries.question import condition_sql, condition_value
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

CHAMPION: Final = "champion"

# Whether what a binary model decided is the positive class, whose probability the score is: as the event says, else by
# the scores of both, else by what such classes are called, else by the score.
POSITIVE: Final = """ifNull(Positive, multiIf(
        Task != 'binary', NULL,
        mapContains(Scores, Label), Scores[Label] = Score,
        lower(Label) IN ('1', 'true', 'yes', 'positive'), true,
        lower(Label) IN ('0', 'false', 'no', 'negative'), false,
        Score >= 0.5
    ))"""
# A label that is neither of the classes that were scored says nothing of them.
_READABLE: Final = "(empty(Scores) OR mapContains(Scores, labels.LabelValue))"

# What the label makes of the prediction; each is NULL where the task has no such thing, or there is no label.
JUDGEMENTS: Final = f"""labels.Known = 1 AS Labelled,
        labels.LabelValue AS LabelValue,
        labels.LabelObservedAt AS LabelObservedAt,
        labels.LabelArrivedAt AS LabelArrivedAt,
        if(Labelled AND Task != 'regression' AND Label != '', Label = labels.LabelValue, NULL) AS Correct,
        if(
            Labelled AND Task = 'binary' AND Label != '' AND {_READABLE},
            if(Label = labels.LabelValue, Positive, NOT Positive),
            NULL
        ) AS Actual,
        if(Labelled AND Task = 'regression', toFloat64OrNull(labels.LabelValue), NULL) AS measured,
        if(isFinite(measured), measured, NULL) AS Truth"""

# `{when}` is said twice, so that only labels of these predictions are looked at.
_ROWS: Final = f"""(
    SELECT
        predictions.*,
        {JUDGEMENTS}
    FROM (SELECT * REPLACE ({POSITIVE} AS Positive) FROM predictions WHERE {{when}}) AS predictions
    LEFT ANY JOIN
    (
        SELECT
            PredictionId,
            1 AS Known,
            argMax(tuple(Value, ObservedAt, ArrivedAt), tuple(ObservedAt, ArrivedAt, Value)) AS latest,
            latest.1 AS LabelValue,
            latest.2 AS LabelObservedAt,
            latest.3 AS LabelArrivedAt
        FROM labels
        WHERE ArrivedAt <= {AS_OF}
            AND PredictionId IN (SELECT PredictionId FROM predictions WHERE {{when}})
        GROUP BY PredictionId
    ) AS labels
    ON predictions.PredictionId = labels.PredictionId
)"""  # noqa: S608  (conditions of ours; what people give is bound)


# What outcomes_data keeps of them.
COLUMNS: Final = """Timestamp, PredictionId, ModelName, ModelVersion, Variant, Task, Label, Score, Value, Positive,
        Scores, FeaturesSource, TraceId, ServiceName, ArrivedAt, Labelled, LabelValue, LabelObservedAt, LabelArrivedAt,
        Correct, Actual, Truth"""

# The same rows, joined anew and as they were joined; `{when}` is a condition on columns of predictions.
JOINED_ROWS: Final = f"(SELECT {COLUMNS} FROM {_ROWS})"  # noqa: S608  (constants of ours)
PREPARED_ROWS: Final = f"(SELECT {COLUMNS} FROM outcomes_data FINAL WHERE {{when}})"  # noqa: S608  (constants of ours)

# As of a time, from rows that were joined before: a label that arrived later is taken off again. Predictions whose
# label was corrected since have an earlier one, which all versions tell: these, by hashes of their ids, are joined
# anew.
AS_OF_ROWS: Final = f"""(SELECT {COLUMNS} FROM (
    SELECT * REPLACE (
        toBool(Labelled AND There) AS Labelled,
        if(There, LabelValue, '') AS LabelValue,
        if(There, LabelObservedAt, toDateTime64(0, 9)) AS LabelObservedAt,
        if(There, LabelArrivedAt, toDateTime64(0, 6)) AS LabelArrivedAt,
        if(There, Correct, NULL) AS Correct,
        if(There, Actual, NULL) AS Actual,
        if(There, Truth, NULL) AS Truth
    )
    FROM (SELECT *, LabelArrivedAt <= {AS_OF} AS There FROM outcomes_data FINAL WHERE {{when}})
    WHERE {{but}}
))"""  # noqa: S608  (constants of ours)
# Those predictions. Of a label that nobody looked at yet it is not known in `outcomes_data` either.
CORRECTED: Final = f"""SELECT DISTINCT Hash
FROM
(
    SELECT cityHash64(PredictionId) AS Hash
    FROM labels_data
    WHERE ArrivedAt <= {AS_OF}
        AND Hash IN (
            SELECT cityHash64(PredictionId)
            FROM outcomes_data FINAL
            WHERE {{when}} AND LabelArrivedAt > {AS_OF}
        )
    UNION ALL
    SELECT cityHash64(PredictionId) AS Hash
    FROM label_marks
)
LIMIT {{most:UInt64}}"""  # noqa: S608  (constants of ours)
IS_CORRECTED: Final = "cityHash64(PredictionId) IN {corrected:Array(UInt64)}"


def joined(when: str) -> str:
    """SQL after FROM: predictions that meet a condition on their columns, each with what became of it.

    Columns are those of the view ``predictions``, and Labelled (Bool), LabelValue, LabelObservedAt, LabelArrivedAt,
    Correct (classification), Actual (binary: whether the positive class was true), Truth (regression). Labels that
    arrived after the parameter ``as_of_us`` do not count.
    """
    return _ROWS.replace("{when}", when)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Predictions of one model, with what became of them.

    Args:
        model: Its name.
        span: When they were made.
        version: Its version; None: all.
        variant: ``champion``, ``shadow`` or what else a service calls them.
        conditions: More conditions: columns of the view ``predictions`` and the filters on them.
        as_of_ns: Only predictions and labels that had arrived by then count; None: all.
    """

    model: str
    span: TimeRange
    version: str | None = None
    variant: str = CHAMPION
    conditions: tuple[tuple[str, Filter], ...] = ()
    as_of_ns: int | None = None

    def rows(self) -> str:
        """SQL after FROM, with the columns that `joined` names."""
        return joined(self.when())

    def when(self, known: Callable[[str], bool] = lambda _: True) -> str:
        """SQL condition on the view ``predictions``: which of them these are, whatever became of them.

        Args:
            known: Of which columns conditions are wanted.
        """
        when = [
            "ModelName = {model:String}",
            "Variant = {variant:String}",
            "Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')",
            "Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')",
            REAL,
        ]
        if self.version is not None:
            when.append("ModelVersion = {version:String}")
        if self.as_of_ns is not None:
            when.append(f"ArrivedAt <= {AS_OF}")
        when += [
            condition_sql(column, each, f"where_{n}")
            for n, (column, each) in enumerate(self.conditions)
            if known(column)
        ]
        return " AND ".join(when)

    def parameters(self) -> dict[str, Any]:
        """The values that `rows` needs."""
        values: dict[str, Any] = {
            "model": self.model,
            "variant": self.variant,
            "from_ns": self.span.start_ns,
            "to_ns": self.span.end_ns,
            "as_of_us": EVER_US if self.as_of_ns is None else self.as_of_ns // 1000,
        }
        if self.version is not None:
            values["version"] = self.version
        for number, (_, condition) in enumerate(self.conditions):
            values[f"where_{number}"] = condition_value(condition)
        return values
