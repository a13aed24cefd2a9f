"""Single records: a prediction with its label and trace, and a trace."""

import re
from typing import Any, Final

from fastapi import APIRouter

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.prediction import find_label, find_predictions, prediction_document
from services.monitoring_api.queries.trace import find_trace, trace_document
from services.monitoring_api.routes.dependencies import Serving
from services.web.problems import NotFound

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_LONGEST_ID: Final = 256


def records_router(serving: Serving) -> APIRouter:
    """/predictions/{id} and /traces/{id}."""
    router = APIRouter()

    @router.get("/predictions/{prediction_id}", tags=["predictions"], summary="A prediction, its label and its trace")
    async def prediction(prediction_id: str) -> dict[str, Any]:
        if not 0 < len(prediction_id) <= _LONGEST_ID or "\0" in prediction_id:
            raise bad_field("prediction_id", f"not an id of 1 to {_LONGEST_ID} characters")
        database = serving.asking()
        rows = await find_predictions(database, prediction_id)
        if not rows:
            raise NotFound(f"There is no prediction {prediction_id[:80]!r}; one made just now may still be on its way.")
        label = await find_label(database, prediction_id)
        trace = await find_trace(database, rows[0].trace_id) if rows[0].trace_id else None
        return prediction_document(prediction_id, rows, label, None if trace is None else trace_document(trace))

    @router.get("/traces/{trace_id}", tags=["traces"], summary="A trace: its spans, logs and predictions")
    async def trace(trace_id: str) -> dict[str, Any]:
        if not _TRACE_ID.fullmatch(trace_id):
            raise bad_field("trace_id", "not a trace id of 32 hexadecimal digits")
        found = await find_trace(serving.asking(), trace_id.lower())
        if found is None:
            raise NotFound(f"There is no trace {trace_id}; one made just now may still be on its way.")
        return trace_document(found)

    return router
