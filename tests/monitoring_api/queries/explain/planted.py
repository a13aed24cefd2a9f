"""Rows with a cause planted in them, and whether the explainer finds it: one simulation for tests and for its proof.

Every row has six features, fifteen attributes of its request and its resource, and a few operations. One cause makes
rows wrong (or slow) more often; `proxy` is an attribute that mostly goes with the cause, and stands for all that is
merely correlated. Everything random is a hash of the row's number and the seed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.monitoring_api.queries.explain.candidate import Part
from services.monitoring_api.queries.explain.cases import Cases, Kind
from services.monitoring_api.queries.explain.explainer import Explained, conclude
from services.monitoring_api.queries.explain.look import look
from services.monitoring_api.queries.explain.slow import slow_requests
from services.monitoring_api.queries.explain.wrong import wrong_predictions
from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, ChdbStore

_SLOW_NS: Final = 250_000_000
_HOUR_NS: Final = 3_600_000_000_000
_LONGEST: Final = 2500.0
_RANGE: Final = TimeRange(epoch_ns(T0), epoch_ns(T0) + _HOUR_NS)


class Question(StrEnum):
    """What is to be explained."""

    WRONG = "wrong"
    SLOW = "slow"


class Cause(StrEnum):
    """What was planted."""

    NOTHING = "nothing"
    CATEGORY = "category"
    RANGE = "numeric range"
    OPERATION = "child operation"
    TOGETHER = "two together"
    EITHER = "two together, neither alone"


@dataclass(frozen=True)
class Size:
    """How many rows there are, how many have the cause, and what it does.

    Args:
        name: What to call it.
        rows: Rows in all.
        share: The share of rows with the cause (of `Cause.EITHER` it is one half).
        rate: The share of selected rows among those without it.
        raised: The same among those with it.
    """

    name: str
    rows: int
    share: float
    rate: float
    raised: float


# A fifth is selected; and one in a hundred, with a cause in one of fifty rows.
SIZES: Final = (Size("even", 3_000, 0.2, 0.15, 0.4), Size("unequal", 12_000, 0.02, 0.0065, 0.18))
NULL: Final = Size("nothing planted", 1_500, 0.2, 0.2, 0.2)

# `u(n)` is the row's n-th uniform number.
_DRAWN: Final = """WITH
    {cause:String} AS planted,
    sqrt({share:Float64}) AS of_each,
    {start_ns:Int64} + toInt64(row * {apart_ns:Int64}) AS at,
    if(u(1) < multiIf(planted = 'category', {share:Float64}, planted = 'two together', of_each, 0.15), 'UA',
        ['DL', 'AA', 'B6', 'WN', 'EV'][1 + toUInt8(floor(u(2) * 5))]) AS carrier,
    ['EWR', 'JFK'][1 + toUInt8(floor(u(3) * 2))] AS origin,
    u(5) * 2500 AS distance,
    if(u(6) < 0.05, 'null', toString(-log(u(7)) * 10)) AS wind,
    toInt32(50 + 10 * (u(8) + u(9) + u(10) + u(11) - 2)) AS temperature,
    if(u(12) < if(planted = 'two together', of_each, 0.1), 'node-3',
        concat('node-', toString(4 + toUInt8(floor(u(13) * 9))))) AS host,
    ['eu', 'us'][1 + toUInt8(floor(u(14) * 2))] AS region,
    u(15) < if(planted = 'child operation', {share:Float64}, 0.05) AS retried,
    multiIf(
        planted = 'category', carrier = 'UA',
        planted = 'numeric range', distance >= {low:Float64} AND distance < {high:Float64},
        planted = 'child operation', retried,
        planted = 'two together', carrier = 'UA' AND host = 'node-3',
        planted = 'two together, neither alone', (origin = 'JFK') = (region = 'eu'),
        false
    ) AS caused,
    if(caused AND planted != 'two together, neither alone' AND u(16) < 0.7, 'p0',
        concat('p', toString(toUInt8(floor(u(17) * 8))))) AS proxy,
    u(18) < if(caused, {raised:Float64}, {rate:Float64}) AS selected,
    toUInt64(if(selected, 3e8, 5e7) * (1 + u(19) / 2)) AS lasted,
    lower(hex(sipHash128(row, {seed:UInt64}))) AS trace,
    concat('prediction-', toString(row)) AS prediction,
    map('service.name', 'ml-api', 'service.instance.id', host, 'host.name', host, 'cloud.region', region,
        'service.version', concat('1.', toString(toUInt8(floor(u(20) * 3)))), 'os.type', 'linux') AS resource"""
_FROM: Final = "FROM (SELECT number AS row FROM numbers({rows:UInt64}))"
_SPANS: Final = f"""INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName,
    ResourceAttributes, SpanAttributes, Duration, StatusCode)
{_DRAWN},
    arrayJoin(arrayConcat(
        [('POST /v1/predict', 'Server'), ('GET features', 'Client')],
        if(u(21) < 0.6, [('GET weather', 'Client')], []),
        if(u(22) < 0.3, [('cache.get', 'Internal')], []),
        if(retried, [('db.retry', 'Internal')], [])
    )) AS span
SELECT
    fromUnixTimestamp64Nano(at), trace, substring(lower(hex(sipHash128(trace, span.1))), 1, 16),
    if(span.2 = 'Server', '', substring(lower(hex(sipHash128(trace, 'POST /v1/predict'))), 1, 16)),
    span.1, span.2, 'ml-api', resource,
    if(span.2 = 'Server', map('http.route', '/v1/predict', 'http.request.method', 'POST',
        'http.response.status_code', '200', 'url.full', concat('http://ml/v1/predict/', toString(row)),
        'client.address', IPv4NumToString(toUInt32(u(23) * 4e9)),
        'user_agent.original', concat('client/', toString(toUInt8(floor(u(24) * 5)))), 'proxy', proxy,
        'http.request.body.size', toString(toUInt32(u(25) * 3000)), 'request.id', trace), map()),
    if(span.2 = 'Server', lasted, 1000000), 'Unset'
{_FROM}"""
_LOG: Final = (
    "INSERT INTO otel_logs (Timestamp, TraceId, ServiceName, ResourceAttributes, EventName, Body, LogAttributes)"
)
_PREDICTIONS: Final = f"""{_LOG}
{_DRAWN}
SELECT
    fromUnixTimestamp64Nano(at), trace, 'ml-api', resource, 'ml.prediction',
    concat('{{"features": {{"carrier": "', carrier, '", "origin": "', origin, '", "hour": ', toString(floor(u(4) * 24)),
        ', "distance": ', toString(distance), ', "wind": ', wind, ', "temperature": ', toString(temperature), '}}}}'),
    map('ml.prediction.id', prediction, 'ml.model.name', 'flight-delay', 'ml.task', 'binary',
        'ml.model.version', concat('v', toString(toUInt8(floor(u(26) * 2)))), 'ml.prediction.label', 'late',
        'ml.prediction.score', '0.8', 'ml.features.source', if(u(27) < 0.1, 'fallback', 'store'))
{_FROM}"""
_LABELS: Final = f"""{_LOG}
{_DRAWN}
SELECT
    fromUnixTimestamp64Nano(at), trace, 'ml-api', resource, 'ml.label', '',
    map('ml.prediction.id', prediction, 'ml.label.value', if(selected, 'on_time', 'late'),
        'ml.label.observed_at', toString(at))
{_FROM}"""


@dataclass(frozen=True)
class Planted:
    """Rows with a cause, in one size, from one seed."""

    question: Question
    cause: Cause
    size: Size
    seed: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The range that is the cause, where one is."""
        width = _LONGEST * self.size.share
        low = (self.seed * 0.381966 % 1) * (_LONGEST - width)
        return low, low + width

    def fill(self, store: ChdbStore) -> None:
        """Put the rows where there are none."""
        store.empty()
        size = self.size
        either = self.cause is Cause.EITHER
        parameters = {
            "seed": self.seed,
            "rows": size.rows,
            "cause": self.cause.value,
            "share": size.share,
            # As many are selected where half of the rows have the cause.
            "rate": size.rate / 4 if either else size.rate,
            "raised": size.rate * 3 if either else size.raised,
            "low": self.bounds[0],
            "high": self.bounds[1],
            "start_ns": _RANGE.start_ns,
            "apart_ns": _HOUR_NS // size.rows,
        }
        for sql in (_SPANS, _PREDICTIONS, *([_LABELS] if self.question is Question.WRONG else [])):
            store.rows(_uniform(sql), parameters)

    async def cases(self, store: ChdbStore) -> Cases:
        """What is to be compared."""
        if self.question is Question.WRONG:
            return await wrong_predictions(store, Outcomes("flight-delay", _RANGE))
        cases, _ = await slow_requests(store, SpanSelection(), _RANGE, _SLOW_NS)
        return cases

    def is_it(self, parts: Sequence[Part]) -> bool:
        """Whether these are the cause; a range is when it shares at least half with it."""
        named = {(part.kind, part.field, part.text) for part in parts}
        match self.cause:
            case Cause.CATEGORY:
                return named == {_CARRIER}
            case Cause.OPERATION:
                return named == {(Kind.CHILD_OPERATION, "ml-api", "db.retry")}
            case Cause.TOGETHER:
                return len(named) == 2 and _CARRIER in named and bool(named & _HOST)
            case Cause.EITHER:
                return any(named == {_origin(origin), _region(region)} for origin, region in _EITHER)
            case Cause.RANGE:
                return len(parts) == 1 and parts[0].field == "distance" and self._overlaps(parts[0])
            case _:
                return False

    def _overlaps(self, part: Part) -> bool:
        low, high = self.bounds
        mine, its = 0.0 if part.low is None else part.low, _LONGEST if part.high is None else part.high
        shared = max(0.0, min(high, its) - max(low, mine))
        return shared >= 0.5 * (max(high, its) - min(low, mine))


_CARRIER: Final = (Kind.FEATURE, "carrier", '"UA"')
_HOST: Final = {
    (Kind.ATTRIBUTE, "resource.host.name", "node-3"),
    (Kind.ATTRIBUTE, "resource.service.instance.id", "node-3"),
    (Kind.SEGMENT, "service_instance", "node-3"),
}
_EITHER: Final = (("JFK", "eu"), ("EWR", "us"))


def _origin(name: str) -> tuple[Kind, str, str]:
    return Kind.FEATURE, "origin", f'"{name}"'


def _region(name: str) -> tuple[Kind, str, str]:
    return Kind.ATTRIBUTE, "resource.cloud.region", name


def _uniform(sql: str) -> str:
    return re.sub(r"\bu\((\d+)\)", r"(sipHash64(row, {seed:UInt64}, \1) / 18446744073709551616.)", sql)


@dataclass(frozen=True)
class Ranked:
    """What came first.

    Args:
        planted: What there was to find.
        selected: How many rows are selected.
        explained: What the explainer says.
        by_difference: What comes first by share among the selected minus share among the rest, of all that was tested.
    """

    planted: Planted
    selected: int
    explained: Explained
    by_difference: tuple[Part, ...]

    @property
    def hit(self) -> bool:
        """Whether the explainer's first finding is the cause."""
        findings = self.explained.findings
        return bool(findings) and self.planted.is_it(findings[0].candidate.parts)

    @property
    def difference_hit(self) -> bool:
        """Whether the cause comes first by the difference of shares."""
        return self.planted.is_it(self.by_difference)


async def run(store: ChdbStore, planted: Planted) -> Ranked:
    """Plant, explain, and rank what was tested by the difference of shares as well."""
    planted.fill(store)
    cases = await planted.cases(store)
    seen = await look(store, cases)
    everything = [(each.parts, each.table) for each in (*seen.values(), *seen.ranges())]
    everything += [(pair.parts, pair.both) for pair in seen.pairs()]
    first = max(everything, key=lambda each: each[1].share_selected - each[1].share_rest)
    return Ranked(planted, cases.selected, await conclude(store, cases, seen), tuple(first[0]))
