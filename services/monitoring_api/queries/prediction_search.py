"""Predictions by what they were and what became of them, newest first."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.cursor import Cursor, not_of_this_question
from services.monitoring_api.queries.feature_values import FeatureCondition
from services.monitoring_api.queries.outcomes import joined
from services.monitoring_api.queries.stored_time import newest_first
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

_AT: Final = "toUnixTimestamp64Nano(Timestamp)"
# An identity is a prediction id, a model, a version and a variant; those of one nanosecond are told apart by its hash.
_TIE: Final = "cityHash64(PredictionId, ModelName, ModelVersion, Variant)"
_TIE_TEXT: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_TIES: Final = 2**64
# Labels and predictions that arrive later change no page.
_ARRIVED: Final = "ArrivedAt <= fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"
_AFTER: Final = f"({_AT} < {{after:UInt64}} OR ({_AT} = {{after:UInt64}} AND {_TIE} < {{after_id:UInt64}}))"
_NOW: Final = "SELECT toUnixTimestamp64Milli(now64(3))"


class Outcome(StrEnum):
    """What became of a prediction."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNLABELLED = "unlabelled"


_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.CORRECT: "Correct = 1",
    Outcome.WRONG: "Correct = 0",
    Outcome.UNLABELLED: "NOT Labelled",
}


@dataclass(frozen=True, slots=True)
class PredictionSelection:
    """Which predictions; None asks for nothing.

    Args:
        variant: ``champion``, ``shadow`` or what else a service calls them.
        model: The model's name.
        version: The model's version.
        label: What was decided.
        outcome: What became of it.
        min_score: The least score.
        max_score: The greatest score.
        entity: The entity's hash, as it is stored.
        features_source: Where the features came from.
        features: Conditions on features, and-ed.
    """

    variant: str
    model: str | None = None
    version: str | None = None
    label: str | None = None
    outcome: Outcome | None = None
    min_score: float | None = None
    max_score: float | None = None
    entity: str | None = None
    features_source: str | None = None
    features: tuple[FeatureCondition, ...] = ()

    def conditions(self) -> list[str]:
        """SQL conditions over the view ``predictions``; the doctor's meet none of them."""
        columns = {
            "ModelName = {model:String}": self.model,
            "ModelVersion = {version:String}": self.version,
            "Label = {label:String}": self.label,
            "Score >= {min_score:Float64}": self.min_score,
            "Score <= {max_score:Float64}": self.max_score,
            "EntityId = {entity:String}": self.entity,
            "FeaturesSource = {features_source:String}": self.features_source,
        }
        found = [REAL, "Variant = {variant:String}", *(sql for sql, value in columns.items() if value is not None)]
        return found + [condition.sql(number) for number, condition in enumerate(self.features)]

    def parameters(self) -> dict[str, Any]:
        """The values that `conditions` needs."""
        values: dict[str, Any] = {
            "variant": self.variant,
            "model": self.model,
            "version": self.version,
            "label": self.label,
            "min_score": self.min_score,
            "max_score": self.max_score,
            "entity": self.entity,
            "features_source": self.features_source,
        }
        values = {name: value for name, value in values.items() if value is not None}
        for number, condition in enumerate(self.features):
            values |= condition.parameters(number)
        return values


class FoundPrediction(NamedTuple):
    """A prediction in a list."""

    at_ns: int
    tie: int
    prediction_id: str
    model: str
    version: str
    variant: str
    task: str
    label: str
    score: float | None
    value: float | None
    features_source: str
    entity_id: str
    service: str
    trace_id: str
    labelled: bool
    label_value: str
    label_arrived_at_ns: int
    correct: bool | None


@dataclass(frozen=True, slots=True)
class PredictionPage:
    """Predictions, newest first, and where the next page begins; None after the last."""

    predictions: Sequence[FoundPrediction]
    following: Cursor | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a search: which predictions, of which time, as of when, after which of the page before."""

    selection: PredictionSelection
    span: TimeRange
    as_of_ms: int
    after: Cursor | None

    def condition(self) -> str:
        """SQL over the view ``predictions``."""
        found = [
            "Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')",
            "Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')",
            _ARRIVED,
            *self.selection.conditions(),
        ]
        if self.after is not None:
            found.append(_AFTER)
        return " AND ".join(found)

    def parameters(self, limit: int) -> dict[str, Any]:
        """The values that `condition` needs, and how many predictions are wanted."""
        values: dict[str, Any] = {
            **self.selection.parameters(),
            "from_ns": self.span.start_ns,
            "to_ns": self.span.end_ns,
            "as_of_us": self.as_of_ms * 1000,
            "limit": limit,
        }
        if self.after is not None:
            values |= {"after": self.after.value, "after_id": int(self.after.tie)}
        return values


def places_query(part: _Part, limit: int) -> Query:
    """When the newest predictions were made, whatever became of them."""
    sql = f"""SELECT {_AT} AS At
FROM predictions
WHERE {part.condition()}
ORDER BY At DESC, {_TIE} DESC
LIMIT {{limit:UInt64}}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, part.parameters(limit))


def predictions_query(part: _Part, limit: int) -> Query:
    """The newest predictions, each once, with what had become of it."""
    outcome = part.selection.outcome
    became = "" if outcome is None else f"\nWHERE {_OUTCOMES[outcome]}"
    sql = f"""SELECT
    {_AT} AS At,
    {_TIE} AS Tie,
    PredictionId,
    ModelName,
    ModelVersion,
    Variant,
    Task,
    Label,
    Score,
    Value,
    FeaturesSource,
    EntityId,
    ServiceName,
    TraceId,
    Labelled,
    LabelValue,
    toUnixTimestamp64Micro(LabelArrivedAt) * 1000,
    Correct
FROM {joined(part.condition())}{became}
ORDER BY At DESC, Tie DESC
LIMIT {{limit:UInt64}}"""  # noqa: S608
    return Query(sql, part.parameters(limit))


async def search_predictions(
    database: Database,
    selection: PredictionSelection,
    span: TimeRange,
    *,
    limit: int,
    after: Cursor | None = None,
) -> PredictionPage:
    """A page of predictions, each once.

    Args:
        database: Where to ask.
        selection: Which predictions.
        span: When they were made; on a later page the range of the first.
        limit: How many a page holds at most.
        after: Where the page before ended.

    Raises:
        BadInput: When the cursor holds no place of a prediction.
    """
    if after is not None and not (_TIE_TEXT.fullmatch(after.tie) and int(after.tie) < _TIES):
        raise not_of_this_question()
    as_of_ms = int((await database.fetch(Query(_NOW)))[0][0]) if after is None else after.as_of_ms
    end_ns = span.end_ns if after is None else min(span.end_ns, after.value + 1)
    found: list[FoundPrediction] = []
    for start_ns in newest_first(span, end_ns):
        part = _Part(selection, TimeRange(start_ns, end_ns), as_of_ms, after)
        found = await _newest(database, part, limit + 1)
        if len(found) > limit:
            break
    page = found[:limit]
    following = None
    if len(found) > limit:
        following = Cursor(page[-1].at_ns, str(page[-1].tie), span, as_of_ms)
    return PredictionPage(page, following)


async def _newest(database: Database, part: _Part, limit: int) -> list[FoundPrediction]:
    if part.selection.outcome is None:
        # Labels do not decide what a page holds: only its own predictions need be joined with theirs.
        places = [int(row[0]) for row in await database.fetch(places_query(part, limit))]
        if not places:
            return []
        part = replace(part, span=TimeRange(places[-1], places[0] + 1))
    rows = await database.fetch(predictions_query(part, limit))
    return [FoundPrediction(int(row[0]), int(row[1]), *row[2:]) for row in rows]
