"""How a request comes by its weather: at once from memory here, from a feature store elsewhere."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from opentelemetry.trace import Span

from services.ml_api.weather import Weather, WeatherTable

TIMED_OUT_EVENT: Final = "weather.timeout"
TIMED_OUT_SECONDS: Final = "seconds"
Hour = tuple[str, int]
"""Origin, and hours since 1970 in UTC."""


class WeatherLookup(Protocol):
    """Finds the weather of several hours at once.

    Attributes:
        instant: It answers from memory and never waits, so it needs no deadline.
    """

    @property
    def instant(self) -> bool:
        """Whether it never waits."""

    async def look_up(self, table: WeatherTable, hours: Sequence[Hour]) -> list[Weather]:
        """The weather of each hour, in their order."""


@dataclass(frozen=True, slots=True)
class TableLookup:
    """Takes the weather from the table in memory."""

    instant: bool = True

    async def look_up(self, table: WeatherTable, hours: Sequence[Hour]) -> list[Weather]:
        """The weather of each hour, in their order."""
        return [table.look_up(origin, hour) for origin, hour in hours]


@dataclass(frozen=True, slots=True)
class DelayedLookup:
    """Answers late: what a feature store in trouble looks like.

    Args:
        inner: What answers in the end.
        seconds: How much later.
    """

    inner: WeatherLookup
    seconds: float
    instant: bool = False

    async def look_up(self, table: WeatherTable, hours: Sequence[Hour]) -> list[Weather]:
        """The weather of each hour, in their order, after the delay."""
        await asyncio.sleep(self.seconds)
        return await self.inner.look_up(table, hours)


async def look_up_in_time(
    lookup: WeatherLookup, table: WeatherTable, hours: Sequence[Hour], seconds: float, span: Span
) -> list[Weather]:
    """The weather of each hour; what stands in for it when the lookup fails or takes longer than `seconds`.

    Args:
        lookup: What is asked.
        table: Holds the stand-ins: medians of the training window.
        hours: Which weather.
        seconds: How long it may take.
        span: Where a failure is recorded.
    """
    try:
        async with asyncio.timeout(seconds):
            return await lookup.look_up(table, hours)
    except TimeoutError:
        span.add_event(TIMED_OUT_EVENT, {TIMED_OUT_SECONDS: seconds})
    except Exception as error:  # whatever a feature store may raise, medians can stand in
        span.record_exception(error)
    return [table.assumed(origin) for origin, _ in hours]
