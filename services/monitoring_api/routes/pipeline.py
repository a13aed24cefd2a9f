"""How the pipeline itself is doing, and which statements are slow."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.pipeline.health import USAGE_SECONDS, pipeline_health
from services.monitoring_api.queries.pipeline.remembered import Remembered
from services.monitoring_api.queries.slow_queries import SlowQuery, slow_queries
from services.monitoring_api.queries.timerange import parse_seconds, rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import RangeParameters

_SHORTEST_WINDOW_SECONDS: Final = 10
_LONGEST_WINDOW_SECONDS: Final = 86_400
MOST_SLOW: Final = 200
_SLOW: Final = (
    "Statements of the monitoring API that took longer than `SIGHTGLASS_MONITORING_API_SLOW_QUERY_SECONDS`, out of the "
    "log records that tell of them, grouped by their text without its values."
)


class HealthParameters(BaseModel):
    """Parameters of /pipeline/health."""

    model_config = ConfigDict(extra="forbid")

    window: Annotated[str, Field(description="How far back: 10s to 1d.", examples=["15m"])] = "15m"


class SlowQueriesParameters(RangeParameters):
    """Parameters of /pipeline/slow-queries."""

    limit: Annotated[int, Field(ge=1, le=MOST_SLOW, description="Most forms of statements.")] = 50


class SlowQueryRow(BaseModel):
    """All slow runs of statements of one form."""

    fingerprint: str = Field(description="Of the statement's text without its values.")
    query: str = Field(description="The text, without anybody's values, cut to a length.")
    count: int = Field(description="Slow runs.")
    failed: int = Field(description="How many of them gave no answer.")
    total_seconds: float
    max_seconds: float
    waited_seconds: float = Field(description="The part of the total that was waiting for a connection.")
    read_rows: int = Field(description="Most rows that a run read.")
    read_bytes: int = Field(description="Most bytes that a run read.")
    last_at: str
    services: list[str]
    routes: list[str]
    trace_id: str | None = Field(description="The trace of the slowest run.")


class SlowQueries(BaseModel):
    """The answer."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    queries: list[SlowQueryRow] = Field(description="Those first that took most time in all.")


def pipeline_router(serving: Serving) -> APIRouter:
    """/pipeline/health and /pipeline/slow-queries."""
    router = APIRouter(prefix="/pipeline", tags=["pipeline"])
    used = Remembered[dict[str, Any]](USAGE_SECONDS)

    @router.get("/health", summary="Ingest lag, completeness, drops, retries, queue, disk, ingest and processes")
    async def health(parameters: Annotated[HealthParameters, Query()]) -> dict[str, Any]:
        seconds = parse_seconds(parameters.window, field="window")
        if not _SHORTEST_WINDOW_SECONDS <= seconds <= _LONGEST_WINDOW_SECONDS:
            raise bad_field("window", "shorter than 10s or longer than 1d")
        window = timedelta(seconds=seconds)
        return await pipeline_health(serving.asking(), window=window, now=serving.clock(), used=used)

    @router.get("/slow-queries", summary="Statements that took long, by their form", description=_SLOW)
    async def slow(parameters: Annotated[SlowQueriesParameters, Query()]) -> SlowQueries:
        span = parameters.span(serving.clock())
        found = await slow_queries(serving.asking(), span, limit=parameters.limit)
        return SlowQueries(
            start=rfc3339(span.start_ns), end=rfc3339(span.end_ns), queries=[_slow_query(each) for each in found]
        )

    return router


def _slow_query(found: SlowQuery) -> SlowQueryRow:
    return SlowQueryRow(
        **{
            name: getattr(found, name)
            for name in SlowQueryRow.model_fields
            if name not in {"count", "last_at", "trace_id"}
        },
        count=found.runs,
        last_at=rfc3339(found.last_ns),
        trace_id=found.trace_id or None,
    )
