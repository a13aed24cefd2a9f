"""How long labels take to come, learned from a model's history."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache, TTLCache

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.maturity import BINS_PER_DOUBLING, ArrivalCurve, arrival_curve
from services.monitoring_api.queries.pieces import EVER_US
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange


def age_bin(microseconds: str) -> str:
    """SQL for the bin of an age (see `services.monitoring_api.queries.maturity`), given as SQL too."""
    return f"toUInt16(floor({BINS_PER_DOUBLING} * log2(greatest(({microseconds}) / 1e6, 1))))"


_AGE: Final = age_bin("if(Came, Arrived, {now_us:Int64}) - any(At)")
_HISTORY_SECONDS: Final = 90 * 86_400
# More tell nothing more: the error of a share is then below 0.3 %.
_MOST_PREDICTIONS: Final = 200_000
_MOST_MODELS: Final = 1_000
# How labels come changes slowly.
_CURVE_SECONDS: Final = 60.0
# Learned in one statement.
_MODELS_AT_ONCE: Final = 200
_MADE: Final = """ModelName IN {models:Array(String)}
        AND Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')
        AND ArrivedAt <= fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"""

# Of each model one in so many, a power of two, so that what is one in more is also one in fewer.
_SAMPLED: Final = (
    "cityHash64(PredictionId) % transform(toString(ModelName), {models:Array(String)}, {every:Array(UInt64)}, 1) = 0"
)

_COUNT: Final = f"""SELECT ModelName, count()
FROM predictions_data
WHERE {_MADE}
GROUP BY ModelName"""  # noqa: S608  (a constant of ours)

# Of what was replayed with past times, and whose label came no earlier than the prediction itself, arrival says when it
# was replayed; when the label was observed is then the best that is known.
_ARRIVALS: Final = f"""SELECT ModelName, Came, Bin, count()
FROM
(
    SELECT
        made.ModelName AS ModelName,
        min(if(
            Known = 1,
            if(Replayed AND LabelReplayed AND LabelArrivedAt >= toInt64(MadeArrivedAt), ObservedAt, LabelArrivedAt),
            {EVER_US}
        )) AS Arrived,
        Arrived <= {{now_us:Int64}} AS Came,
        {_AGE} AS Bin
    FROM
    (
        SELECT
            ModelName,
            PredictionId,
            toUnixTimestamp64Micro(toDateTime64(argMin(Timestamp, predictions_data.ArrivedAt), 6, 'UTC')) AS At,
            argMin(predictions_data.Replayed, predictions_data.ArrivedAt) AS Replayed,
            toUnixTimestamp64Micro(min(predictions_data.ArrivedAt)) AS MadeArrivedAt
        FROM predictions_data
        WHERE {_MADE}
            AND {REAL}
            AND {_SAMPLED}
        GROUP BY ModelName, PredictionId
    ) AS made
    LEFT JOIN
    (
        SELECT
            PredictionId,
            1 AS Known,
            Replayed AS LabelReplayed,
            toUnixTimestamp64Micro(toDateTime64(labels_data.ObservedAt, 6, 'UTC')) AS ObservedAt,
            toUnixTimestamp64Micro(ArrivedAt) AS LabelArrivedAt
        FROM labels_data
        WHERE cityHash64(PredictionId) % {{least_every:UInt64}} = 0
            AND ArrivedAt <= fromUnixTimestamp64Micro({{as_of_us:Int64}}, 'UTC')
            AND PredictionId IN (
                SELECT PredictionId
                FROM predictions_data
                WHERE {_MADE}
                    AND {_SAMPLED}
            )
    ) AS labels
    ON made.PredictionId = labels.PredictionId
    GROUP BY made.ModelName, made.PredictionId
)
GROUP BY ModelName, Came, Bin"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Learned:
    """How labels come, and what that is learned from.

    Args:
        curve: None where too little is known.
        span: When the predictions were made that it is learned from.
    """

    curve: ArrivalCurve | None
    span: TimeRange


def history_span(now_ns: int) -> TimeRange:
    """The range that is learned from."""
    return TimeRange(max(0, now_ns - _HISTORY_SECONDS * NANOSECONDS), now_ns)


async def learn(database: Database, model: str, now_ns: int, *, as_of_ns: int | None = None) -> Learned:
    """Learn how long the labels of a model take.

    Args:
        database: Where to ask.
        model: Its name; all versions and variants count, for labels come for predictions, whoever made them.
        now_ns: The time at which it is asked.
        as_of_ns: Only predictions and labels that had arrived by then count; None: all.
    """
    return (await learn_each(database, [model], now_ns, as_of_ns=as_of_ns))[model]


async def learn_each(
    database: Database, models: Sequence[str], now_ns: int, *, as_of_ns: int | None = None
) -> dict[str, Learned]:
    """Learn it of several models in two statements.

    Args:
        database: Where to ask.
        models: Their names.
        now_ns: The time at which it is asked.
        as_of_ns: Only predictions and labels that had arrived by then count; None: all.
    """
    span = history_span(now_ns)
    parameters = {
        "models": list(models),
        "from_ns": span.start_ns,
        "now_ns": now_ns,
        "as_of_us": EVER_US if as_of_ns is None else as_of_ns // 1000,
    }
    counts = {str(model): int(count) for model, count in await database.fetch(Query(_COUNT, parameters))}
    every = [1 << max(0, (count - 1) // _MOST_PREDICTIONS).bit_length() for count in counts.values()]
    arrived: dict[str, dict[int, int]] = defaultdict(dict)
    waiting: dict[str, dict[int, int]] = defaultdict(dict)
    if counts:
        sample = {"now_us": now_ns // 1000, "every": every, "least_every": min(every), "models": list(counts)}
        for model, came, number, predictions in await database.fetch(Query(_ARRIVALS, parameters | sample)):
            (arrived if came else waiting)[str(model)][int(number)] = int(predictions)
    return {model: Learned(arrival_curve(arrived[model], waiting[model]), span) for model in models}


class SharedCurves:
    """What was learned of each model a moment ago, for all who ask; as of a time it is learned anew.

    Args:
        seconds: How old it may be.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float = _CURVE_SECONDS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: TTLCache[str, Learned] = TTLCache(_MOST_MODELS, seconds, timer=clock)
        self._asking: LRUCache[str, asyncio.Lock] = LRUCache(_MOST_MODELS)
        self._together = asyncio.Lock()

    async def __call__(self, database: Database, model: str, now_ns: int, *, as_of_ns: int | None = None) -> Learned:
        """As `learn`."""
        if as_of_ns is not None:
            return await learn(database, model, now_ns, as_of_ns=as_of_ns)
        async with self._asking.setdefault(model, asyncio.Lock()):
            known = self._known.get(model)
            if known is None:
                known = self._known[model] = await learn(database, model, now_ns)
            return known

    async def learn_all(self, database: Database, models: Iterable[str], now_ns: int) -> None:
        """Learn together what is not known of these models, before it is asked for one by one."""
        async with self._together:
            missing = [model for model in dict.fromkeys(models) if model not in self._known][:_MOST_MODELS]
            for begin in range(0, len(missing), _MODELS_AT_ONCE):
                part = missing[begin : begin + _MODELS_AT_ONCE]
                for model, learned in (await learn_each(database, part, now_ns)).items():
                    self._known[model] = learned


class PastCurves(SharedCurves):
    """What was known of each model at times that are past, learned once for each stretch of time.

    Args:
        stretch_ns: How long a stretch is: what was known at its beginning stands for all of it.
    """

    def __init__(self, stretch_ns: int) -> None:
        super().__init__()
        self._stretch_ns = stretch_ns
        self._models: dict[str, None] = {}
        self._then: dict[tuple[str, int], Learned] = {}

    async def __call__(self, database: Database, model: str, now_ns: int, *, as_of_ns: int | None = None) -> Learned:
        """As `learn`, at the beginning of a stretch."""
        if as_of_ns is not None:
            return await learn(database, model, now_ns, as_of_ns=as_of_ns)
        key = (model, self._begun(now_ns))
        if key not in self._then:
            await self.learn_all(database, [model], now_ns)
        return self._then[key]

    async def learn_all(self, database: Database, models: Iterable[str], now_ns: int) -> None:
        """Learn together what is not known of these models, before it is asked for one by one."""
        begun = self._begun(now_ns)
        # Who asked about a stretch asks about the next, too.
        self._models |= dict.fromkeys(models)
        async with self._together:
            missing = [model for model in self._models if (model, begun) not in self._then]
            for begin in range(0, len(missing), _MODELS_AT_ONCE):
                found = await learn_each(database, missing[begin : begin + _MODELS_AT_ONCE], begun)
                self._then.update({(model, begun): learned for model, learned in found.items()})

    def _begun(self, now_ns: int) -> int:
        return now_ns // self._stretch_ns * self._stretch_ns
