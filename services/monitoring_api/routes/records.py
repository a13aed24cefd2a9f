"""A trace, whole."""

import re
from typing import Any, Final

from fastapi import APIRouter

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.trace import find_trace, trace_document
from services.monitoring_api.routes.dependencies import Serving
from services.web.problems import NotFound

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


def records_router(serving: Serving) -> APIRouter:
    """/traces/{id}."""
    router = APIRouter()

    @router.get("/traces/{trace_id}", tags=["traces"], summary="A trace: its spans, logs and predictions")
    async def trace(trace_id: str) -> dict[str, Any]:
        if not _TRACE_ID.fullmatch(trace_id):
            raise bad_field("trace_id", "not a trace id of 32 hexadecimal digits")
        found = await find_trace(serving.asking(), trace_id.lower())
        if found is None:
            raise NotFound(f"There is no trace {trace_id}; one made just now may still be on its way.")
        return trace_document(found)

    return router
