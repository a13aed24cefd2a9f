"""Every way in which our parts give something else than the stock ones, with the reason why it is accepted."""

import re
from dataclasses import dataclass

from tests.sightglass.equivalence.comparison import differences
from tests.sightglass.equivalence.observation import Observation


@dataclass(frozen=True, slots=True)
class Difference:
    """One accepted difference.

    Args:
        stock: What the stock parts do.
        ours: What ours do.
        reason: Why that is accepted.
        where: Paths, as `comparison.differences` has them, at which ordinary requests show it.
    """

    stock: str
    ours: str
    reason: str
    where: str = ""


DIFFERENCES: dict[str, Difference] = {
    "size of an answer without length": Difference(
        "repeats the size of the last answer that had one, of whatever request",
        "records no size",
        "the stock value is wrong: one variable is shared by all requests",
    ),
    "size beyond 64 bits": Difference(
        "records it, and the exemplar makes the whole export of metrics fail",
        "records no size",
        "any client could stop a service's metrics with one header",
    ),
    "exemplars of active requests": Difference(
        "a random one of those requests that began or ended within another span since the last export",
        "none",
        "the number goes up and down: an exemplar of +1 or -1 explains nothing, and costs every request",
        where=r"metrics/http\.server\.active_requests/points/.*/exemplars.*",
    ),
    "frames of the middleware": Difference(
        "`exception.stacktrace` names OpenTelemetry's middleware and the layer around it",
        "it names ours instead; the application's own frames are the same",
        "the layers that ran are named",
    ),
    "another response propagator": Difference(
        "is asked for each message of an answer, bodies too",
        "is asked for the message that begins an answer",
        "only that message has headers that a server sends",
        where=r"answers/.*/[1-9]/headers",
    ),
    "headers of other messages": Difference(
        "captured headers are also looked for in a server push and the like",
        "only in the message that begins an answer",
        "they are not the answer's headers",
    ),
    "requests that telemetry cannot read": Difference(
        "the application is not called and the request fails, as for a `User-Agent` that ends in `\\xff\\`",
        "the request is answered, without a span where the fault is not in a header",
        "telemetry must not break a service",
    ),
    "header names in capitals": Difference(
        "are found in a request",
        "are not: ASGI has them in lower case, and servers make it so",
        "comparing each header without case costs every request",
    ),
    "propagator set late": Difference(
        "is asked from the next request on",
        "its headers are looked for if it was set before the first request",
        "the names of the headers are asked for once",
    ),
    "routes replaced under way": Difference(
        "the new route names the next span",
        "a path without parameters keeps the route it had, unless their number changed",
        "matching all routes twice is a fifth of a request's cost; services set up their routes before they serve",
    ),
    "attribute sets under delta temporality": Difference(
        "at most 2,000 for each export",
        "at most 2,000 for each metric of a process",
        "points are found once and kept; no service has so many routes and methods",
    ),
    "lone surrogates": Difference(
        "a text that is no Unicode loses its attribute, a span's name or a status even the whole batch",
        "it is sent with a question mark in its place",
        "one bad character must lose nothing else",
    ),
    "integers beyond 64 bits": Difference(
        "the attribute is left out; in the body of a log record the whole batch is lost",
        "sent as text",
        "nothing is lost",
    ),
    "the SDK's metrics of itself": Difference(
        "`otel.sdk.*` has what the SDK counts",
        "`otel.sdk.processor.*` has what our queues count, and the rest is there if "
        "`OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED` asks for it",
        "counting costs more than the spans",
    ),
    "class of a span": Difference(
        "`_Span`",
        "`QuickSpan`, a subclass of it",
        "the same methods, attributes and output",
    ),
}
_ACCEPTED = [re.compile(difference.where) for difference in DIFFERENCES.values() if difference.where]


def unexplained(stock: Observation, ours: Observation) -> dict[str, tuple[object, object]]:
    """What differs in two observations and is not accepted."""
    return {
        path: pair
        for part in ("spans", "answers", "metrics")
        for path, pair in differences(getattr(stock, part), getattr(ours, part), part).items()
        if not any(accepted.fullmatch(path) for accepted in _ACCEPTED)
    }
