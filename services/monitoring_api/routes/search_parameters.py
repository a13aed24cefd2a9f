"""Query parameters of the searches for traces and logs; an unknown one is a 422 that names it."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.cursor import Cursor, read_cursor
from services.monitoring_api.queries.logs import LogSelection
from services.monitoring_api.queries.severity import parse_severity
from services.monitoring_api.queries.span_selection import SpanKind, SpanSelection, parse_attributes, parse_status
from services.monitoring_api.queries.timerange import TimeRange, parse_range
from services.monitoring_api.queries.trace_places import TraceSort
from services.monitoring_api.routes.parameters import FROM, TO

MOST_TRACES: Final = 200
MOST_LOGS: Final = 1000
_LONGEST_MS: Final = 1e12
_FROM: Final = "now-1h"
_TO: Final = "now"
CURSOR: Final = Field(
    description="`next_cursor` of the page before, with the same parameters; pages share the range of the first."
)

MIN_DURATION_MS: Final = Field(
    ge=0, le=_LONGEST_MS, allow_inf_nan=False, description="At least so long.", examples=[250]
)
MAX_DURATION_MS: Final = Field(
    ge=0, le=_LONGEST_MS, allow_inf_nan=False, description="At most so long.", examples=[2000]
)
STATUS: Final = Field(
    description="`error` (status Error or HTTP 5xx), `ok` (neither), a class (`4xx`) or a code (`404`).",
    examples=["error"],
)
ATTR: Final = Field(
    description="key=value, key!=value, key^=prefix, key=in(a,b), key!=in(a,b) on the span's attributes, with "
    "`resource.` before the key on those of its resource; repeated ones are and-ed. An absent attribute is an "
    'empty text. A key that holds an operator stands in double quotes: "a=b"=value.',
    examples=[["ml.features.source=fallback"]],
)


class RangeParameters(BaseModel):
    """When."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[str, FROM] = _FROM
    end: Annotated[str, TO] = _TO

    def span(self, now: datetime) -> TimeRange:
        """The range."""
        return parse_range(self.start, self.end, now=now)


class SpanParameters(RangeParameters):
    """Which spans: all conditions hold for one and the same span."""

    service: Annotated[str | None, Field(description="The service's name.", examples=["ml-api"])] = None
    route: Annotated[str | None, Field(description="The HTTP route's template.", examples=["/v1/predict"])] = None
    name: Annotated[str | None, Field(description="The span's name.", examples=["weather.lookup"])] = None
    kind: Annotated[
        SpanKind | None, Field(description="The span's kind; `server` for requests that a service answered.")
    ] = None
    min_duration_ms: Annotated[float | None, MIN_DURATION_MS] = None
    max_duration_ms: Annotated[float | None, MAX_DURATION_MS] = None
    status: Annotated[str | None, STATUS] = None
    model: Annotated[str | None, Field(description="The model's name.", examples=["flight-delay"])] = None
    model_version: Annotated[str | None, Field(description="The model's version.", examples=["8b95ad93be97"])] = None
    has_prediction: Annotated[bool | None, Field(description="Whether a prediction was made in the span.")] = None
    attr: Annotated[list[str], ATTR] = Field(default_factory=list)

    def selection(self) -> SpanSelection:
        """The conditions, checked.

        Raises:
            BadInput: Naming the parameter.
        """
        least, most = self.min_duration_ms, self.max_duration_ms
        if least is not None and most is not None and least > most:
            raise bad_field("min_duration_ms", "greater than max_duration_ms")
        return SpanSelection(
            service=self.service,
            route=self.route,
            name=self.name,
            kind=self.kind,
            min_duration_ns=None if least is None else round(least * 1e6),
            max_duration_ns=None if most is None else round(most * 1e6),
            status=None if self.status is None else parse_status(self.status),
            model=self.model,
            model_version=self.model_version,
            has_prediction=self.has_prediction,
            attributes=parse_attributes(self.attr),
        )


class TraceParameters(SpanParameters):
    """Parameters of /traces."""

    sort: Annotated[
        TraceSort,
        Field(description="Newest first, or longest first; by the span that matches, of several the first or longest."),
    ] = TraceSort.TIME
    limit: Annotated[int, Field(ge=1, le=MOST_TRACES, description="Most traces of a page.")] = 20
    cursor: Annotated[str | None, CURSOR] = None


class HeatMapParameters(SpanParameters):
    """Parameters of /traces/heatmap."""

    step: Annotated[
        str, Field(description="Width of a column: auto (100 at most), or 10s, 1m, 5m, 1h, 1d.", examples=["auto"])
    ] = "auto"


class LogSelectionParameters(RangeParameters):
    """Which log records."""

    service: Annotated[str | None, Field(description="The service's name.", examples=["ml-api"])] = None
    severity: Annotated[
        str | None,
        Field(
            description="At least so severe: trace, debug, info, warn, error, fatal, or OpenTelemetry's number.",
            examples=["warn"],
        ),
    ] = None
    q: Annotated[
        str | None,
        Field(
            description="What the body holds, in any case; every character stands for itself.",
            examples=["connection refused"],
        ),
    ] = None
    whole_words: Annotated[
        bool, Field(description="Each word of `q` is a whole word of the body, which an index finds faster.")
    ] = False
    trace_id: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-fA-F]{32}$",
            description="Only of this trace; without `from` and `to` the range is then the trace's own.",
        ),
    ] = None
    span_id: Annotated[str | None, Field(pattern=r"^[0-9a-fA-F]{16}$", description="Only of this span.")] = None
    event: Annotated[str | None, Field(description="The event's name; empty: only records that are no events.")] = None

    def is_of_a_trace_whenever_it_was(self) -> bool:
        """Whether a trace is named and no range."""
        return self.trace_id is not None and not {"start", "end"} & self.model_fields_set

    def selection(self) -> LogSelection:
        """The conditions, checked.

        Raises:
            BadInput: Naming the parameter.
        """
        return LogSelection(
            service=self.service,
            severity=None if self.severity is None else parse_severity(self.severity),
            text=self.q,
            whole_words=self.whole_words,
            trace_id=None if self.trace_id is None else self.trace_id.lower(),
            span_id=None if self.span_id is None else self.span_id.lower(),
            event=self.event,
        )


class LogParameters(LogSelectionParameters):
    """Parameters of /logs."""

    limit: Annotated[int, Field(ge=1, le=MOST_LOGS, description="Most records of a page.")] = 100
    cursor: Annotated[str | None, CURSOR] = None


class LogVolumeParameters(LogSelectionParameters):
    """Parameters of /logs/volume."""

    step: Annotated[
        str,
        Field(description="Width of a bucket, or `auto`: about 100 of them; 400 at most.", examples=["1m"]),
    ] = "auto"


def question(parameters: BaseModel) -> str:
    """What makes two pages pages of one answer: every parameter but the place and the length of the page."""
    return f"{type(parameters).__name__} {parameters.model_dump_json(exclude={'limit', 'cursor'})}"


def place(parameters: TraceParameters | LogParameters) -> Cursor | None:
    """The cursor, checked.

    Raises:
        BadInput: Naming ``cursor``.
    """
    return None if parameters.cursor is None else read_cursor(parameters.cursor, question(parameters))
