"""How the pipeline itself is doing."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.pipeline.health import USAGE_SECONDS, pipeline_health
from services.monitoring_api.queries.pipeline.remembered import Remembered
from services.monitoring_api.queries.timerange import parse_seconds
from services.monitoring_api.routes.dependencies import Serving

_SHORTEST_WINDOW_SECONDS: Final = 10
_LONGEST_WINDOW_SECONDS: Final = 86_400


class HealthParameters(BaseModel):
    """Parameters of /pipeline/health."""

    model_config = ConfigDict(extra="forbid")

    window: Annotated[str, Field(description="How far back: 10s to 1d.", examples=["15m"])] = "15m"


def pipeline_router(serving: Serving) -> APIRouter:
    """/pipeline/health."""
    router = APIRouter(prefix="/pipeline", tags=["pipeline"])
    used = Remembered[dict[str, Any]](USAGE_SECONDS)

    @router.get("/health", summary="Ingest lag, completeness, drops, retries, queue, disk, ingest and processes")
    async def health(parameters: Annotated[HealthParameters, Query()]) -> dict[str, Any]:
        seconds = parse_seconds(parameters.window, field="window")
        if not _SHORTEST_WINDOW_SECONDS <= seconds <= _LONGEST_WINDOW_SECONDS:
            raise bad_field("window", "shorter than 10s or longer than 1d")
        window = timedelta(seconds=seconds)
        return await pipeline_health(serving.asking(), window=window, now=serving.clock(), used=used)

    return router
