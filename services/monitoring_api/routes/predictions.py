"""`GET /predictions` and `GET /predictions/{id}`: which predictions there are, and one of them whole."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.cursor import read_cursor, write_cursor
from services.monitoring_api.queries.feature_values import parse_features
from services.monitoring_api.queries.outcomes import CHAMPION
from services.monitoring_api.queries.prediction import find_labels, find_predictions, prediction_document
from services.monitoring_api.queries.prediction_search import (
    FoundPrediction,
    Outcome,
    PredictionSelection,
    search_predictions,
)
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.queries.trace import find_trace, trace_document
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.parameters import FROM
from services.monitoring_api.routes.search_parameters import CURSOR, RangeParameters, question
from services.web.problems import NotFound

MOST_PREDICTIONS: Final = 500
_LONGEST_ID: Final = 256
_SEARCH: Final = (
    "Newest first, each once. A page ends with `next_cursor`, null after the last; pages repeat and skip nothing, and "
    "all of them show labels as of the first. `correct` is null before a label came, and for measured values "
    "(regression)."
)


class PredictionParameters(RangeParameters):
    """Parameters of /predictions."""

    start: Annotated[str, FROM] = "now-24h"
    model: Annotated[str | None, Field(description="The model's name.", examples=["flight-delay"])] = None
    version: Annotated[str | None, Field(description="The model's version.", examples=["8b95ad93be97"])] = None
    variant: Annotated[str, Field(description="champion, shadow, or what else a service says.")] = CHAMPION
    label: Annotated[str | None, Field(description="What was decided.", examples=["late"])] = None
    outcome: Annotated[Outcome | None, Field(description="What became of it.", examples=["wrong"])] = None
    min_score: Annotated[
        float | None, Field(allow_inf_nan=False, description="At least this score.", examples=[0.4])
    ] = None
    max_score: Annotated[float | None, Field(allow_inf_nan=False, description="At most this score.", examples=[1])] = (
        None
    )
    feature: Annotated[
        list[str],
        Field(
            description="key=value, key!=value, key^=prefix, key>=1, key>1, key<=1, key<1; repeated ones are and-ed. A "
            'value that is JSON means just that: 1 is a number, "1" a text, null is null; nan, inf and -inf are what '
            "JSON can't say, `key=` asks for predictions without the feature, and all else is a text. A name that "
            'holds an operator stands in double quotes: "a=b"=value.',
            examples=[["carrier=UA"]],
        ),
    ] = Field(default_factory=list)
    entity: Annotated[
        str | None, Field(description="What the prediction is about: its hash, as stored (`entity_id`).")
    ] = None
    features_source: Annotated[str | None, Field(description="store or fallback.", examples=["fallback"])] = None
    limit: Annotated[int, Field(ge=1, le=MOST_PREDICTIONS, description="Most predictions of a page.")] = 100
    cursor: Annotated[str | None, CURSOR] = None

    def selection(self) -> PredictionSelection:
        """The conditions, checked.

        Raises:
            BadInput: Naming the parameter.
        """
        least, most = self.min_score, self.max_score
        if least is not None and most is not None and least > most:
            raise bad_field("min_score", "greater than max_score")
        return PredictionSelection(
            variant=self.variant,
            model=self.model,
            version=self.version,
            label=self.label,
            outcome=self.outcome,
            min_score=least,
            max_score=most,
            entity=self.entity,
            features_source=self.features_source,
            features=parse_features(self.feature),
        )


class PredictionDocument(BaseModel):
    """A prediction in a list."""

    prediction_id: str = Field(examples=["0198f3c2-7f6b-7cc1-9f8e-0f4f7a1c2d3e"])
    timestamp: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    model: str = Field(examples=["flight-delay"])
    version: str = Field(examples=["8b95ad93be97"])
    variant: str = Field(examples=["champion"])
    task: str = Field(examples=["binary"])
    label: str | None = Field(description="What was decided; null for measured values.", examples=["late"])
    score: float | None = Field(examples=[0.83])
    value: float | None = Field(description="Of a regression.")
    label_value: str | None = Field(description="What turned out to be true, as of the first page.", examples=["late"])
    label_arrived_at: str | None
    correct: bool | None
    features_source: str = Field(examples=["store"])
    entity_id: str | None
    service: str
    trace_id: str | None = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])


class PredictionList(BaseModel):
    """The answer of a search."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    predictions: list[PredictionDocument]
    next_cursor: str | None


def predictions_router(serving: Serving) -> APIRouter:
    """/predictions and /predictions/{id}."""
    router = APIRouter(prefix="/predictions", tags=["predictions"])

    @router.get("", summary="Predictions by what they were and what became of them", description=_SEARCH)
    async def predictions(parameters: Annotated[PredictionParameters, Query()]) -> PredictionList:
        selection = parameters.selection()
        span = parameters.span(serving.clock())
        asked = question(parameters)
        after = None if parameters.cursor is None else read_cursor(parameters.cursor, asked)
        span = span if after is None else after.span
        page = await search_predictions(serving.asking(), selection, span, limit=parameters.limit, after=after)
        return PredictionList(
            start=rfc3339(span.start_ns),
            end=rfc3339(span.end_ns),
            predictions=[_document(found) for found in page.predictions],
            next_cursor=None if page.following is None else write_cursor(page.following, asked),
        )

    @router.get(
        "/{prediction_id}", summary="A prediction, what became of it, every version of its label, and its trace"
    )
    async def prediction(prediction_id: str) -> dict[str, Any]:
        if not 0 < len(prediction_id) <= _LONGEST_ID or "\0" in prediction_id:
            raise bad_field("prediction_id", f"not an id of 1 to {_LONGEST_ID} characters")
        database = serving.asking()
        rows = await find_predictions(database, prediction_id)
        if not rows:
            raise NotFound(f"There is no prediction {prediction_id[:80]!r}; one made just now may still be on its way.")
        labels = await find_labels(database, prediction_id)
        trace = await find_trace(database, rows[0].trace_id) if rows[0].trace_id else None
        return prediction_document(prediction_id, rows, labels, None if trace is None else trace_document(trace))

    return router


def _document(found: FoundPrediction) -> PredictionDocument:
    return PredictionDocument(
        prediction_id=found.prediction_id,
        timestamp=rfc3339(found.at_ns),
        model=found.model,
        version=found.version,
        variant=found.variant,
        task=found.task,
        label=found.label or None,
        score=found.score,
        value=found.value,
        label_value=found.label_value if found.labelled else None,
        label_arrived_at=rfc3339(found.label_arrived_at_ns) if found.labelled else None,
        correct=None if found.correct is None else bool(found.correct),
        features_source=found.features_source,
        entity_id=found.entity_id or None,
        service=found.service,
        trace_id=found.trace_id or None,
    )
