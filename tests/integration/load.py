"""Sends real predictions and labels to the ML API and remembers what was answered."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "distance": 1400, "sched_dep": "2013-12-08T07:15:00"}


@dataclass
class Answered:
    """What the ML API answered with success, by route, and the ids it handed out."""

    requests: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    prediction_ids: list[str] = field(default_factory=list)
    labelled: list[str] = field(default_factory=list)

    def count(self, route: str) -> None:
        """Note one more success on `route`."""
        self.requests[route] = self.requests.get(route, 0) + 1


async def send(
    url: str,
    *,
    requests: int,
    concurrency: int = 8,
    label_every: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Answered:
    """Send `requests` requests: predictions, and for every `label_every`-th of them one label request."""
    answered = Answered()
    numbers = itertools.count()

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        while (number := next(numbers)) < requests:
            if progress:
                progress(number)
            unlabelled = len(answered.prediction_ids) - len(answered.labelled)
            if number % label_every == label_every - 1 and unlabelled > 0:
                await _label(session, answered)
            else:
                await _predict(session, answered)

    async with _session(url) as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(concurrency)))
    return answered


@asynccontextmanager
async def _session(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        yield session


async def _predict(session: aiohttp.ClientSession, answered: Answered) -> None:
    async with session.post("/v1/predict", json={"features": FLIGHT}) as response:
        body = await response.json()
        if response.status == 200:
            answered.count("/v1/predict")
            answered.prediction_ids.append(body["prediction_id"])
        else:
            answered.failed.append(f"predict {response.status}: {body}")


async def _label(session: aiohttp.ClientSession, answered: Answered) -> None:
    prediction_id = answered.prediction_ids[len(answered.labelled)]
    answered.labelled.append(prediction_id)  # taken before the await, so that no other task labels it too
    label = {"prediction_id": prediction_id, "label": "late", "observed_at": "2026-01-01T00:00:00Z"}
    async with session.post("/v1/labels", json={"labels": [label]}) as response:
        if response.status == 200:
            answered.count("/v1/labels")
        else:
            answered.failed.append(f"label {response.status}: {await response.text()}")
