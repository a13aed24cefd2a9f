"""What the traces page asks of the monitoring API."""

from typing import Final
from urllib.parse import quote

from dashboard.api_client import Question
from dashboard.explain_answers import Explanation
from dashboard.explain_questions import slow_explanation
from dashboard.states.traces import TracesState
from dashboard.trace_answers import Exceptions, HeatMap, LinkedSpans, Trace, TraceList

PAGE_OF_TRACES: Final = 50
MOST_EXCEPTIONS: Final = 50


def one_trace(trace_id: str) -> Question[Trace]:
    """A trace, whole."""
    return Question(f"/api/v1/traces/{quote(trace_id, safe='')}", Trace)


def linked_spans(trace_id: str) -> Question[LinkedSpans]:
    """The spans of other traces that link to it."""
    return Question(f"/api/v1/traces/{quote(trace_id, safe='')}/linked", LinkedSpans)


def found_traces(state: TracesState) -> Question[TraceList]:
    """The page of traces that meet the state's conditions."""
    cursor = [("cursor", state.cursor)] if state.cursor else []
    page = (("sort", state.sort), ("limit", str(PAGE_OF_TRACES)), *cursor)
    return Question("/api/v1/traces", TraceList, (*_conditions(state), *page))


def heat_map(state: TracesState) -> Question[HeatMap]:
    """The spans that meet the state's conditions, by time and duration; requests, unless others are asked for."""
    kind = () if state.name or state.kind else (("kind", "server"),)
    return Question("/api/v1/traces/heatmap", HeatMap, (*_conditions(state), *kind))


def why_slow(state: TracesState) -> Question[Explanation]:
    """Why the state's requests were slow: those of its durations, against all that were quicker."""
    return slow_explanation(
        start=state.period.start,
        end=state.period.end,
        service=state.service,
        route=state.route,
        min_duration_ms=state.min_duration_ms,
        max_duration_ms=state.max_duration_ms,
        status=state.status,
        attributes=state.attributes,
    )


def exceptions(state: TracesState) -> Question[Exceptions]:
    """The exceptions of the state's range and service."""
    period = (("from", state.period.start), ("to", state.period.end))
    service = (("service", state.service),) if state.service else ()
    return Question("/api/v1/traces/exceptions", Exceptions, (*period, *service, ("limit", str(MOST_EXCEPTIONS))))


def _conditions(state: TracesState) -> list[tuple[str, str]]:
    texts = ((name, getattr(state, name)) for name in ("service", "route", "name", "kind", "status"))
    numbers = (("min_duration_ms", state.min_duration_ms), ("max_duration_ms", state.max_duration_ms))
    return [
        ("from", state.period.start),
        ("to", state.period.end),
        *(pair for pair in texts if pair[1]),
        *((name, f"{number:.12g}") for name, number in numbers if number is not None),
        *(("attr", text) for text in state.attributes),
    ]
