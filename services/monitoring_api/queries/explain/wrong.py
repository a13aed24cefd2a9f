"""Predictions that turned out wrong, and those that did not."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain.cases import Cases, Kind, Reading, Sampling, half, sampled
from services.monitoring_api.queries.explain.predicted import ITEMS
from services.monitoring_api.queries.explain.spans import CHILDREN, around, operations, requests
from services.monitoring_api.queries.outcome_rows import OutcomeRows, outcome_rows
from services.monitoring_api.queries.outcomes import Outcomes, joined

# Of a regression's absolute errors this part is not called wrong.
_TOLERATED: Final = 0.9

_ERROR: Final = "abs(Value - Truth)"
_JUDGED: Final = "(Correct IS NOT NULL OR (Truth IS NOT NULL AND Value IS NOT NULL))"
_WRONG: Final = f"ifNull(if(Task = 'regression', {_ERROR} > {{error_above:Float64}}, Correct = 0), 0)"
# The surer a wrong decision was, the better an example.
_WEIGHT: Final = f"toFloat64(ifNull(if(Task = 'regression', {_ERROR}, abs(Score - 0.5)), 0))"


def groups_query(rows: OutcomeRows, parameters: Mapping[str, Any], error_above: float) -> Query:
    """How many labelled predictions were wrong, and how many were not."""
    sql = f"""SELECT countIf({_WRONG}), countIf(NOT {_WRONG})
FROM {rows.sql}
WHERE {_JUDGED}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, {**parameters, "error_above": error_above})


def error_query(rows: OutcomeRows, parameters: Mapping[str, Any]) -> Query:
    """The absolute error that a tenth of a regression's labelled predictions exceed; how many there are."""
    sql = f"""SELECT
    ifNull(quantileExactIf({_TOLERATED})({_ERROR}, Task = 'regression'), 0),
    countIf(Task = 'regression')
FROM {rows.sql}
WHERE {_JUDGED}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, parameters)


async def wrong_predictions(
    database: Database, outcomes: Outcomes, values: Mapping[str, Any] = MappingProxyType({})
) -> Cases:
    """The labelled predictions: selected are those that were wrong.

    Of a regression a prediction is wrong whose absolute error exceeds the 90th percentile of all.

    Args:
        database: Where to ask.
        outcomes: Which predictions.
        values: What their conditions need besides.
    """
    # Joined before, as far as they are: only those that are looked at are joined with their features.
    rows = await outcome_rows(database, outcomes)
    known = {**outcomes.parameters(), **rows.parameters, **values}
    ((error, regressions),) = await database.fetch(error_query(rows, known))
    error_above = float(error) if regressions else 0.0
    ((selected, rest),) = await database.fetch(groups_query(rows, known, error_above))
    sampling = Sampling.of(int(selected), int(rest))
    parameters: dict[str, Any] = {
        **known,
        **sampling.parameters(),
        **around(outcomes.span),
        "error_above": error_above,
    }
    return Cases(partial(_rows, rows, outcomes), parameters, int(selected), int(rest), sampling.rates())


def _rows(rows: OutcomeRows, outcomes: Outcomes, read: Reading) -> str:
    looked_at = f"{_JUDGED} AND {sampled('PredictionId', _WRONG)}"
    chosen = f"PredictionId IN (SELECT PredictionId FROM {rows.sql} WHERE {looked_at})"  # noqa: S608  (texts of ours)
    judged = f"""{joined(f"{outcomes.when()} AND {chosen}")}
        WHERE {looked_at}"""
    traces = f"SELECT TraceId FROM {judged} AND TraceId != ''"  # noqa: S608  (texts of ours; what people give is bound)
    items, joins = ["Own"], ""
    if read.of_spans:
        items.append("Attributes")
        joins += f"""
    LEFT ANY JOIN {requests(traces, read)} AS request
    ON cases.TraceId = request.TraceId AND cases.ServiceName = request.ServiceName"""
    if Kind.CHILD_OPERATION in read.kinds:
        items.append(CHILDREN)
        joins += f"""
    LEFT ANY JOIN {operations(traces, read)} AS trace
    ON cases.TraceId = trace.TraceId"""
    return f"""(
    SELECT
        Half,
        Selected,
        Weight,
        cases.TraceId AS TraceId,
        PredictionId,
        {"request.Stored" if read.of_spans else 0} AS Traced,
        arrayConcat({", ".join(items)}) AS Items
    FROM
    (
        SELECT
            {half("PredictionId")} AS Half,
            {_WRONG} AS Selected,
            {_WEIGHT} AS Weight,
            TraceId,
            PredictionId,
            toString(ServiceName) AS ServiceName,
            {read.of(ITEMS)} AS Own
        FROM {judged}
    ) AS cases{joins}
)"""  # noqa: S608  (texts of ours; what people give is bound)
