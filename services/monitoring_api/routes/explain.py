"""`GET /predictions/wrong/explain` and `GET /traces/slow/explain`: why were these wrong, why were those slow?"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.explain.cases import Cases
from services.monitoring_api.queries.explain.document import finding_document, in_words, self_time_document
from services.monitoring_api.queries.explain.explainer import Explained, explain
from services.monitoring_api.queries.explain.selftimes import SelfTime, self_times
from services.monitoring_api.queries.explain.slow import slow_requests
from services.monitoring_api.queries.explain.wrong import wrong_predictions
from services.monitoring_api.queries.filters import Filter, parse_filters
from services.monitoring_api.queries.outcomes import CHAMPION, Outcomes
from services.monitoring_api.queries.sources import PREDICTIONS
from services.monitoring_api.queries.span_selection import SpanSelection, parse_attributes, parse_status
from services.monitoring_api.queries.timerange import TimeRange, parse_as_of, rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.feature_parameters import feature_conditions
from services.monitoring_api.routes.parameters import FROM
from services.monitoring_api.routes.search_parameters import (
    ATTR,
    MAX_DURATION_MS,
    MIN_DURATION_MS,
    STATUS,
    RangeParameters,
)

_FINDINGS: Final = (
    "Values, ranges of numbers, operations and pairs of them that the selected have more often than the rest, at a "
    "false discovery rate of 5 % over all that was looked at. First the one that accounts for most of the selected, by "
    "the lower end of `effect`'s interval; what is another name for a finding, or its shadow, is in its `same`."
)
_WRONG: Final = f"Why were labelled predictions wrong (of a regression: the tenth with the largest errors)? {_FINDINGS}"
_SLOW: Final = (
    "Why were requests (server spans that meet the conditions; one for each trace and service) slow: as slow as "
    "`min_duration_ms`, or without it slower than 95 % of their route's in the range? The rest are all quicker ones; "
    "what took longer than `max_duration_ms` is in neither group. " + _FINDINGS + " Behind these "
    "come findings of the kind `self_time`: operations in which a slow request spends more time of its own than "
    "another, by `effect` milliseconds on average."
)
DIMENSIONS: Final = {
    name: PREDICTIONS.dimensions[name].raw for name in ("service", "model_version", "features_source", "label")
}


class WrongParameters(RangeParameters):
    """Parameters of /predictions/wrong/explain."""

    start: Annotated[str, FROM] = "now-7d"
    model: Annotated[str, Field(description="The model's name.", examples=["flight-delay"])]
    version: Annotated[str | None, Field(description="The model's version.", examples=["8b95ad93be97"])] = None
    variant: Annotated[str, Field(description="champion, shadow, or what else a service says.")] = CHAMPION
    filter: Annotated[
        list[str],
        Field(
            description=f"key=value, key!=value, key^=prefix, key=in(a,b); keys are {', '.join(DIMENSIONS)}; "
            "repeated ones are and-ed.",
            examples=[["features_source=store"]],
        ),
    ] = Field(default_factory=list)
    feature: Annotated[
        list[str], Field(description="Conditions on features, as of /predictions.", examples=[["distance>=500"]])
    ] = Field(default_factory=list)
    as_of: Annotated[
        str | None, Field(description="Only what had arrived by then counts.", examples=["2026-11-26T09:00:00Z"])
    ] = None

    def conditions(self) -> tuple[tuple[str, Filter], ...]:
        """The filters, checked.

        Raises:
            BadInput: Naming ``filter``.
        """
        found = parse_filters(self.filter)
        for each in found:
            if each.key not in DIMENSIONS:
                raise bad_field("filter", f"there is no {each.key[:80]!r}; there are {', '.join(DIMENSIONS)}")
        return tuple((DIMENSIONS[each.key], each) for each in found)


class SlowParameters(RangeParameters):
    """Parameters of /traces/slow/explain."""

    service: Annotated[str | None, Field(description="The service's name.", examples=["ml-api"])] = None
    route: Annotated[str | None, Field(description="The HTTP route's template.", examples=["/v1/predict"])] = None
    min_duration_ms: Annotated[float | None, MIN_DURATION_MS] = None
    max_duration_ms: Annotated[float | None, MAX_DURATION_MS] = None
    status: Annotated[str | None, STATUS] = None
    attr: Annotated[list[str], ATTR] = Field(default_factory=list)

    def selection(self) -> SpanSelection:
        """The conditions on the request's span, checked.

        Raises:
            BadInput: Naming the parameter.
        """
        return SpanSelection(
            service=self.service,
            route=self.route,
            status=None if self.status is None else parse_status(self.status),
            attributes=parse_attributes(self.attr),
        )

    def durations_ns(self) -> tuple[int | None, int | None]:
        """From and up to which duration a request is slow, in nanoseconds, checked.

        Raises:
            BadInput: Naming ``max_duration_ms``.
        """
        least, most = self.min_duration_ms, self.max_duration_ms
        if most is not None and least is None:
            raise bad_field(
                "max_duration_ms",
                "only together with min_duration_ms, for all quicker requests are what the slow ones are compared "
                "with; give both, or leave this one out",
            )
        if most is not None and least is not None and most < least:
            raise bad_field(
                "max_duration_ms",
                f"less than min_duration_ms, {least:.12g}, so that no request can be slow; raise it, or leave it out",
            )
        return _nanoseconds(least), _nanoseconds(most)

    def called(self) -> tuple[str, str]:
        """What slow requests are called, and what the others."""
        least, most = self.min_duration_ms, self.max_duration_ms
        if least is None or most is None:
            return "slow requests", "others"
        return f"requests that took {least:,.12g} ms to {most:,.12g} ms", "quicker ones"


class FindingDocument(BaseModel):
    """What the selected have more often than the rest."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(
        description="segment, feature, attribute, child_operation (its field is the service), interaction, self_time."
    )
    field: str | None = Field(description="A feature, attribute, segment or service; an interaction has `parts`.")
    share_selected: float = Field(description="Of the selected, how many have it.")
    share_rest: float
    effect: float = Field(
        description="The share of the selected that it accounts for (attributable fraction); of self time, ms."
    )
    low: float = Field(description="Of the effect's 95 % interval.")
    high: float
    unit: str = Field(description="Of the effect: share or ms.")
    q_value: float
    examples: list[str] = Field(description="Traces of selected cases that have it.")
    example_predictions: list[str]


class ExplanationDocument(BaseModel):
    """An explanation."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    selected: int
    rest: int
    sampled: tuple[float, float] = Field(description="Which part of the selected and of the rest was looked at, by id.")
    searched: int = Field(description="How many possible causes there were, also those that were screened out.")
    findings: list[FindingDocument]
    message: str = Field(description="The same in words.")


def explain_router(serving: Serving) -> APIRouter:
    """/predictions/wrong/explain and /traces/slow/explain."""
    router = APIRouter()

    @router.get(
        "/predictions/wrong/explain", tags=["predictions"], summary="Why predictions were wrong", description=_WRONG
    )
    async def wrong(parameters: Annotated[WrongParameters, Query()]) -> ExplanationDocument:
        now = serving.clock()
        span = parameters.span(now)
        features, values = feature_conditions(parameters.feature)
        outcomes = Outcomes(
            parameters.model,
            span,
            parameters.version,
            parameters.variant,
            (*parameters.conditions(), *features),
            None if parameters.as_of is None else parse_as_of(parameters.as_of, now=now),
        )
        database = serving.asking_exactly()
        cases = await wrong_predictions(database, outcomes, values)
        explained = await explain(database, cases)
        return _document(span, cases, explained, "wrong predictions")

    @router.get("/traces/slow/explain", tags=["traces"], summary="Why requests were slow", description=_SLOW)
    async def slow(parameters: Annotated[SlowParameters, Query()]) -> ExplanationDocument:
        selection, span = parameters.selection(), parameters.span(serving.clock())
        least, most = parameters.durations_ns()
        database = serving.asking_exactly()
        cases, requests = await slow_requests(database, selection, span, least, most)
        explained, spent = await asyncio.gather(
            explain(database, cases), self_times(database, requests, cases.selected, cases.rest)
        )
        what, rest = parameters.called()
        return _document(span, cases, explained, what, spent, rest=rest)

    return router


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1e6)


def _document(
    span: TimeRange,
    cases: Cases,
    explained: Explained,
    what: str,
    spent: Sequence[SelfTime] = (),
    *,
    rest: str = "others",
) -> ExplanationDocument:
    findings: list[dict[str, Any]] = [
        *(finding_document(each) for each in explained.findings),
        *(self_time_document(each) for each in spent),
    ]
    return ExplanationDocument(
        start=rfc3339(span.start_ns),
        end=rfc3339(span.end_ns),
        selected=cases.selected,
        rest=cases.rest,
        sampled=cases.sampled,
        searched=explained.searched,
        findings=[FindingDocument(**each) for each in findings],
        message=in_words(cases, explained, what, spent, rest=rest),
    )
