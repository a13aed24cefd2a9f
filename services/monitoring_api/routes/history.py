"""The route of a metric's history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

import mimeparse
import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.monitoring_api.database.query import parameter_text
from services.monitoring_api.errors import NotAcceptable, bad_field
from services.monitoring_api.queries.buckets import Buckets, choose_step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.comparison import compared
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.history_statements import history_statement
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.ripeness import mature_until
from services.monitoring_api.queries.time_zones import parse_tz
from services.monitoring_api.queries.timerange import epoch_ns, parse_as_of, parse_range
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.history_formats import Answer, as_arrow, as_csv, as_document
from services.monitoring_api.routes.parameters import HistoryParameters, split_names
from services.monitoring_api.routes.shared_answers import Rendered

JSON: Final = "application/json"
CSV: Final = "text/csv"
ARROW: Final = "application/vnd.apache.arrow.stream"
# The last that fits equally well is taken.
_FORMATS: Final = (ARROW, CSV, JSON)
_MOST_METRICS: Final = 5

_DESCRIPTION: Final = (
    "One series, or with `group_by` one for each of the `top` groups that rest on most rows, and one for all others "
    "together (`other`), from merged sketches and exact sums. A bucket without data is null (rates: 0), not left out. "
    "`compare` answers the same for an earlier range, for the same groups. JSON, CSV (`Accept: text/csv`), or an Arrow "
    "stream (`Accept: application/vnd.apache.arrow.stream`)."
)
_SQL: Final = (
    "What /metrics/history would send to ClickHouse for the same parameters, were nothing of the answer kept: the "
    "statement with its placeholders, and what is bound to them, written as ClickHouse's `SET param_name = ...` takes "
    "it. Nothing of the answer is read."
)


class StatementShown(BaseModel):
    """One statement."""

    range: Literal["asked", "compare"] = Field(
        description="Whether it is about the range, or what that is compared to."
    )
    source: str = Field(description="Where it reads: raw, joined, a rollup, or mixed.")
    sql: str
    parameters: dict[str, str] = Field(description="What is bound to each placeholder, as text.")


class HistoryStatements(BaseModel):
    """The answer; without a statement where the range is too young to be judged."""

    statements: list[StatementShown]


def history_router(serving: Serving) -> APIRouter:
    """/metrics/history and /metrics/history/sql."""
    router = APIRouter(prefix="/metrics", tags=["metrics"])

    @router.get(
        "/history",
        summary="A metric over time",
        description=_DESCRIPTION,
        response_class=JSONResponse,
        responses={200: {"content": {CSV: {}, ARROW: {}}}},
    )
    async def metric_history(parameters: Annotated[HistoryParameters, Query()], request: Request) -> Response:
        media_type = _media_type(request.headers.get("accept", "*/*"))
        asked = ("history", media_type, parameters.model_dump_json())
        return await serving.answers.respond(asked, request, lambda: _answer(serving, parameters, media_type))

    @router.get("/history/sql", summary="The statements behind a metric's history", description=_SQL)
    async def history_sql(parameters: Annotated[HistoryParameters, Query()]) -> HistoryStatements:
        return await _statements(serving, parameters)

    return router


def _media_type(accept: str) -> str:
    try:
        found = str(mimeparse.best_match(_FORMATS, accept))
    except mimeparse.MimeTypeParseException:
        found = ""
    if not found:
        raise NotAcceptable(f"There is {', '.join(reversed(_FORMATS))}.")
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the parameters ask for.

    Args:
        question: The question.
        buckets: Its range and step.
        group_by: Names of the dimensions to tell apart.
        earlier: The range to compare with; None where nothing is compared.
        now: The time.
    """

    question: Question
    buckets: Buckets
    group_by: tuple[str, ...]
    earlier: Buckets | None
    now: datetime

    @classmethod
    def read(cls, parameters: HistoryParameters, now: datetime) -> "_Asked":
        metric, *also = _metrics(parameters.metric)
        span = parse_range(parameters.start, parameters.end, now=now)
        buckets = choose_step(parameters.step, span, parse_tz(parameters.tz))
        group_by = split_names(parameters.group_by)
        question = ask(
            metric,
            span,
            group_by=group_by,
            filters=parse_filters(parameters.filter),
            also=also,
            as_of_ns=None if parameters.as_of is None else parse_as_of(parameters.as_of, now=now),
        )
        return cls(question, buckets, group_by, compared(buckets, parameters.compare), now)


async def _statements(serving: Serving, parameters: HistoryParameters) -> HistoryStatements:
    asked = _Asked.read(parameters, serving.clock())
    database = serving.asking()
    told = []
    for name, buckets in (("asked", asked.buckets), ("compare", asked.earlier)):
        if buckets is None:
            continue
        found = await history_statement(database, asked.question.over(buckets.span), buckets, now=asked.now)
        if found is not None:
            values = {key: parameter_text(value) for key, value in found.query.parameters.items()}
            told.append(StatementShown(range=name, source=found.source, sql=found.query.sql, parameters=values))
    return HistoryStatements(statements=told)


async def _answer(serving: Serving, parameters: HistoryParameters, media_type: str) -> Rendered:
    asked = _Asked.read(parameters, serving.clock())
    question, buckets, group_by, earlier, now = (
        asked.question,
        asked.buckets,
        asked.group_by,
        asked.earlier,
        asked.now,
    )
    database, cache = serving.asking(), serving.buckets
    arrived = serving.arrived
    found = await history(database, question, buckets, now=now, top=parameters.top, cache=cache, arrived=arrived)
    comparison = None
    if earlier is not None:
        then = question.over(earlier.span)
        then = then.keeping(found.kept) if group_by else then
        comparison = earlier.span, await history(database, then, earlier, now=now, cache=cache, arrived=arrived)
    asked_ns = epoch_ns(now) if question.as_of_ns is None else question.as_of_ns
    ripe_until = await mature_until(database, question, asked_ns, serving.curves)
    return _rendered(Answer(question.metrics, group_by, buckets, found, comparison, ripe_until), media_type)


def _metrics(text: str) -> list[Metric]:
    names = text.split(",")
    if len(names) > _MOST_METRICS:
        raise bad_field("metric", f"more than {_MOST_METRICS} at once")
    return [find_metric(name.strip() if len(names) > 1 else name) for name in names]


def _rendered(answer: Answer, media_type: str) -> Rendered:
    if media_type == JSON:
        return Rendered(orjson.dumps(as_document(answer)), JSON)
    name, body = ("csv", as_csv(answer)) if media_type == CSV else ("arrows", as_arrow(answer))
    attached = {"Content-Disposition": f'attachment; filename="{answer.name}.{name}"'}
    return Rendered(body, media_type, attached)
