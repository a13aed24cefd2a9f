"""Requests that took long for their route, and those that did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.explain.cases import (
    EVERY_HASH,
    MOST_CASES,
    Cases,
    Kind,
    Reading,
    Sampling,
    half,
    sampled,
)
from services.monitoring_api.queries.explain.predicted import ITEMS
from services.monitoring_api.queries.explain.spans import (
    AROUND,
    ATTRIBUTES,
    CHILDREN,
    around,
    operations,
    request_operation,
)
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import TimeRange

# Of a route's requests this part is not called slow, unless a duration is given.
_TOLERATED: Final = 0.95
_MOST_ROUTES: Final = 2_000

# A request is one for each trace and service: of several spans the longest, however often each is stored.
_ROUTE: Final = "cityHash64(ServiceName, if(HttpRoute = '', SpanName, HttpRoute))"
_LEAST: Final = (
    "transform({route}, {{route_keys:Array(UInt64)}}, {{route_least_ns:Array(UInt64)}}, {{least_ns:UInt64}})"
)
_SLOW: Final = f"Duration >= {_LEAST.format(route=_ROUTE)}"


@dataclass(frozen=True, slots=True)
class SlowRequests:
    """Requests, and from which duration on each is slow.

    Args:
        selection: Conditions on the request's span.
        span: When it starts.
        least_ns: From which duration on a request is slow, where its route says nothing else.
        routes: The same by route, as the engine calls these.
        most_ns: Requests that took longer are in neither group; None: there are none too long.
    """

    selection: SpanSelection
    span: TimeRange
    least_ns: int
    routes: Mapping[int, int]
    most_ns: int | None = None

    def conditions(self) -> str:
        """SQL over otel_traces."""
        return "\n        AND ".join(["SpanKind = 'Server'", *WITHIN, *self.selection.conditions()])

    def parameters(self) -> dict[str, Any]:
        """The values that the statements need."""
        return {
            **self.selection.parameters(),
            **within(self.span),
            "least_ns": self.least_ns,
            "route_keys": [0, *self.routes],
            "route_least_ns": [self.least_ns, *self.routes.values()],
            **({} if self.most_ns is None else {"most_ns": self.most_ns}),
        }

    def looked_at(self) -> str:
        """SQL conditions on the spans of requests that are looked at."""
        return f"{self.conditions()}\n        AND {sampled('TraceId', _SLOW)}"

    def looked_at_once(self, columns: str) -> str:
        """SQL after FROM: the requests that are looked at, with whether each is Selected, and these columns."""
        bounded = self.most_ns is not None
        requests = f"""(
        SELECT
            {_SLOW} AS Selected,{" Duration AS Lasted," if bounded else ""}
            {columns}
        FROM otel_traces
        WHERE {self.looked_at()}
        ORDER BY TraceId, ServiceName, Duration DESC, SpanId
        LIMIT 1 BY TraceId, ServiceName
    )"""  # noqa: S608  (texts of ours; what people give is bound)
        # Not before: of a request that took too long another, shorter span would stand for it.
        return f"(SELECT * FROM {requests} WHERE Lasted <= {{most_ns:UInt64}})" if bounded else requests  # noqa: S608

    def traces(self) -> str:
        """SQL that lists the traces of requests that are looked at."""
        return f"SELECT TraceId FROM otel_traces WHERE {self.looked_at()}"  # noqa: S608  (texts of ours)


def percentiles_query(selection: SpanSelection, span: TimeRange) -> Query:
    """Of each route the duration that one request in twenty exceeds, in nanoseconds."""
    conditions = "\n        AND ".join(["SpanKind = 'Server'", *WITHIN, *selection.conditions()])
    sql = f"""SELECT Route, quantileExact({_TOLERATED})(Lasted)
FROM
(
    SELECT argMax({_ROUTE}, Duration) AS Route, max(Duration) AS Lasted
    FROM otel_traces
    WHERE {conditions}
    GROUP BY cityHash64(TraceId, ServiceName)
)
GROUP BY Route
ORDER BY count() DESC, Route
LIMIT {_MOST_ROUTES}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, {**selection.parameters(), **within(span)})


def groups_query(requests: SlowRequests) -> Query:
    """How many requests were slow, and how many were not."""
    bounded = "" if requests.most_ns is None else "\n    HAVING max(Duration) <= {most_ns:UInt64}"
    sql = f"""SELECT countIf(Slow), countIf(NOT Slow)
FROM
(
    SELECT max(Duration) >= argMax({_LEAST.format(route=_ROUTE)}, Duration) AS Slow
    FROM otel_traces
    WHERE {requests.conditions()}
    GROUP BY cityHash64(TraceId, ServiceName){bounded}
)"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, requests.parameters())


async def slow_requests(
    database: Database,
    selection: SpanSelection,
    span: TimeRange,
    min_duration_ns: int | None,
    max_duration_ns: int | None = None,
) -> tuple[Cases, SlowRequests]:
    """The requests: selected are the slow ones.

    Args:
        database: Where to ask.
        selection: Conditions on the request's span, without a duration.
        span: When it starts.
        min_duration_ns: From which duration on a request is slow; None: longer than 95 % of its route's in the range.
        max_duration_ns: Up to which duration a request counts, with ``min_duration_ns`` only: a longer one is neither
            slow nor of the rest.
    """
    if min_duration_ns is None:
        rows = await database.fetch(percentiles_query(selection, span))
        requests = SlowRequests(selection, span, EVERY_HASH, {int(route): int(lasted) + 1 for route, lasted in rows})
    else:
        requests = SlowRequests(selection, span, min_duration_ns, {}, max_duration_ns)
    ((selected, rest),) = await database.fetch(groups_query(requests))
    return slow_cases(requests, int(selected), int(rest)), requests


def slow_cases(requests: SlowRequests, selected: int, rest: int, *, most: int = MOST_CASES) -> Cases:
    """The requests as cases, so many of each group at most."""
    sampling = Sampling.of(selected, rest, most=most)
    parameters = {**requests.parameters(), **sampling.parameters(), **around(requests.span)}
    return Cases(partial(_rows, requests), parameters, selected, rest, sampling.rates())


def _rows(requests: SlowRequests, read: Reading) -> str:
    columns = f"""{half("TraceId")} AS Half,
            toFloat64(Duration) AS Weight,
            TraceId"""
    items, joins, prediction = [], "", "''"
    if Kind.ATTRIBUTE in read.kinds:
        items.append("Attributes")
        columns += f""",
            {read.of(ATTRIBUTES)} AS Attributes"""
    if Kind.CHILD_OPERATION in read.kinds:
        items.append(CHILDREN)
        columns += f""",
            {request_operation(read)} AS Itself"""
        joins += f"""
    LEFT ANY JOIN {operations(requests.traces(), read)} AS trace
    ON requests.TraceId = trace.TraceId"""
    if read.of_predictions:
        items.append("Own")
        prediction = "predicted.PredictionId"
        joins += f"""
    LEFT ANY JOIN {_predicted(requests, read)} AS predicted
    ON requests.TraceId = predicted.TraceId"""
    return f"""(
    SELECT
        Half,
        Selected,
        Weight,
        requests.TraceId AS TraceId,
        {prediction} AS PredictionId,
        1 AS Traced,
        arrayConcat({", ".join(items)}) AS Items
    FROM {requests.looked_at_once(columns)} AS requests{joins}
)"""  # noqa: S608  (texts of ours; what people give is bound)


def _predicted(requests: SlowRequests, read: Reading) -> str:
    """SQL after FROM: of traces in which one prediction was made what it says; of several none is the request's."""
    conditions = "\n            AND ".join(
        [*(each for each in AROUND if not each.startswith("Minute")), "Variant = 'champion'"]
    )
    return f"""(
        SELECT TraceId, any(PredictionId) AS PredictionId, any({read.of(ITEMS)}) AS Own
        FROM predictions
        WHERE {conditions}
            AND TraceId IN ({requests.traces()})
        GROUP BY TraceId
        HAVING count() = 1
    )"""  # noqa: S608  (texts of ours; what people give is bound)
