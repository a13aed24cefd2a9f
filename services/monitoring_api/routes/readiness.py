"""Whether this process can answer."""

from fastapi import APIRouter

from services.monitoring_api.queries.readiness import check_ready
from services.monitoring_api.routes.dependencies import Serving


def readiness_router(serving: Serving) -> APIRouter:
    """/readyz: 200 when ClickHouse answers and has the schema, else the problem."""
    router = APIRouter(tags=["health"])

    @router.get("/readyz", summary="Whether ClickHouse answers and has the schema")
    async def readyz() -> dict[str, str]:
        await check_ready(serving.asking())
        return {"status": "ready"}

    return router
