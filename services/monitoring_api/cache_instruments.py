"""What caches tell of themselves; they only count, and are looked at when metrics are collected."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from services.monitoring_api.queries.cache_tally import CacheTally
from services.monitoring_api.terms import (
    CACHE,
    CACHE_EVICTIONS,
    CACHE_FAILURES,
    CACHE_LOOKUPS,
    CACHE_SIZE,
    ERROR_TYPE,
    OUTCOME,
    meaning_of,
)

_Callback = Callable[[CallbackOptions], Iterator[Observation]]
_OUTCOMES: Final[Mapping[str, Callable[[CacheTally], int]]] = {
    "hit": lambda tally: tally.hits,
    "miss": lambda tally: tally.misses,
    "joined": lambda tally: tally.joined,
}


def observe_caches(meter: Meter, caches: Mapping[str, CacheTally]) -> None:
    """Make the instruments of these caches, by name.

    Args:
        meter: Makes them.
        caches: What each did.
    """

    def each(value: Callable[[CacheTally], int]) -> _Callback:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for name, tally in caches.items():
                yield Observation(value(tally), {CACHE: name})

        return observe

    def lookups(_: CallbackOptions) -> Iterator[Observation]:
        for name, tally in caches.items():
            for outcome, value in _OUTCOMES.items():
                yield Observation(value(tally), {CACHE: name, OUTCOME: outcome})

    def failures(_: CallbackOptions) -> Iterator[Observation]:
        for name, tally in caches.items():
            for why, count in list(tally.failures.items()):
                yield Observation(count, {CACHE: name, ERROR_TYPE: why})

    counter = meter.create_observable_counter
    counter(CACHE_LOOKUPS, [lookups], "{lookup}", meaning_of(CACHE_LOOKUPS))
    counter(CACHE_EVICTIONS, [each(lambda tally: tally.evictions)], "{entry}", meaning_of(CACHE_EVICTIONS))
    counter(CACHE_FAILURES, [failures], "{failure}", meaning_of(CACHE_FAILURES))
    meter.create_observable_up_down_counter(
        CACHE_SIZE, [each(lambda tally: tally.size())], "By", meaning_of(CACHE_SIZE)
    )
