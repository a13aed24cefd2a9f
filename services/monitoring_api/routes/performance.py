"""`GET /models/{name}/performance`: how a model did, as far as labels tell."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.model_list import check_model
from services.monitoring_api.queries.performance_report import performance_report
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.performance_document import PerformanceDocument, performance_document
from services.monitoring_api.routes.performance_parameters import PerformanceParameters
from services.monitoring_api.routes.shared_answers import Rendered

_LONGEST_NAME: Final = 256
_DESCRIPTION: Final = (
    "Figures of predictions joined with the labels that came for them: over all, over time and by segment, each with "
    "its 95 % interval and the labelled predictions that it rests on, or null and the reason. A part is `mature` when "
    "nearly all labels have come that are ever to be expected for it (`maturity` says how that is known): figures of "
    "early labels are biased. `as_of` answers from what had arrived by then; such an answer never changes."
)


def performance_router(serving: Serving) -> APIRouter:
    """/models/{name}/performance."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get(
        "/{name}/performance",
        summary="How a model did, as far as labels tell",
        description=_DESCRIPTION,
        response_model=PerformanceDocument,
    )
    async def performance(
        name: Annotated[str, Path(examples=["flight-delay"])],
        parameters: Annotated[PerformanceParameters, Query()],
        request: Request,
    ) -> Response:
        if not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
            raise bad_field("name", f"not a name of 1 to {_LONGEST_NAME} characters")
        asked = ("performance", name, parameters.model_dump_json())
        return await serving.answers.respond(asked, request, lambda: _answer(serving, name, parameters))

    return router


async def _answer(serving: Serving, name: str, parameters: PerformanceParameters) -> Rendered:
    question = parameters.question(name, serving.clock())
    database = serving.asking_exactly()
    await check_model(database, name)
    document = performance_document(name, question, await performance_report(database, question, serving.curves))
    return Rendered(document.model_dump_json(by_alias=True).encode(), "application/json")
