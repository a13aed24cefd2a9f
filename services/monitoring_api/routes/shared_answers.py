"""Answers that several people want: made once, kept for a moment, and given by their ETag."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache, TTLCache
from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.monitoring_api.queries.cache_tally import CacheTally
from services.monitoring_api.routes.etags import etag_of, header_of, holds

# A browser may keep it for this user, but asks each time whether it still holds.
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}

_MOST_REQUESTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer ready to be sent.

    Args:
        body: Its bytes.
        media_type: What they are.
        headers: More response headers.
    """

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the answer by what is in it."""
        object.__setattr__(self, "etag", etag_of(self.body))


@dataclass(slots=True)
class _Flight:
    """An answer that is being made, and how many wait for it."""

    task: asyncio.Task[Rendered]
    waiting: int = 0


class _Kept(TTLCache[Hashable, Rendered]):
    """Whole answers, counting those that go for want of room before their time is over."""

    def __init__(self, max_bytes: int, seconds: float, clock: Callable[[], float], tally: CacheTally) -> None:
        super().__init__(max_bytes, seconds, timer=clock, getsizeof=lambda answer: len(answer.body) + 1_000)
        self._tally = tally
        tally.size = lambda: int(self.currsize)

    def popitem(self) -> tuple[Hashable, Rendered]:
        """Drop the least recently used."""
        self._tally.evictions += 1
        return super().popitem()


class SharedAnswers:
    """Identical questions at the same time are asked once; so are those of the next moment.

    Only whole answers are kept: a question that failed is asked again by the next who wants it.

    Args:
        max_bytes: Most bytes of answers to keep; 0 keeps none.
        seconds: How long an answer is kept.
        clock: Monotonic seconds.

    Attributes:
        tally: What was kept already, was being made, and had to be made.
    """

    def __init__(self, max_bytes: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.tally = CacheTally()
        self._kept = _Kept(max_bytes, seconds, clock, self.tally)
        self._flights: dict[Hashable, _Flight] = {}
        # Requests by how they came: the same text asks the same thing, without being read once more.
        self._sent: LRUCache[Hashable, Hashable] = LRUCache(_MOST_REQUESTS)

    async def respond(self, key: Hashable, request: Request, make: Callable[[], Awaitable[Rendered]]) -> Response:
        """The answer to a request.

        Args:
            key: What is asked, in full: the same key gets the same answer.
            request: Who asks; one who leaves is cancelled. When nobody who wanted the answer is left, so is making it.
            make: Makes the answer.
        """
        answer = self._kept.get(key)
        if answer is None:
            answer = await self._made(key, make)
        else:
            self.tally.hits += 1
        if request.scope["method"] == "GET":
            self._sent[_as_sent(request.scope)] = key
        return _response(answer, request.scope)

    def find(self, scope: Scope) -> Response | None:
        """The answer to a GET that came before in the very same words, while it is kept."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        key = self._sent.get(_as_sent(scope))
        answer = None if key is None else self._kept.get(key)
        if answer is None:
            return None
        self.tally.hits += 1
        return _response(answer, scope)

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[Rendered]]) -> Rendered:
        flight = self._flights.get(key)
        if flight is None:
            self.tally.misses += 1
            flight = self._flights[key] = _Flight(asyncio.create_task(self._make(key, make)))
        else:
            self.tally.joined += 1
        flight.waiting += 1
        try:
            # Shielded: who is cancelled leaves it to the others.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]
                await asyncio.gather(flight.task, return_exceptions=True)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Rendered]]) -> Rendered:
        mine = asyncio.current_task()
        try:
            answer = await make()
        finally:
            flight = self._flights.get(key)
            if flight is not None and flight.task is mine:
                del self._flights[key]
        with contextlib.suppress(ValueError):  # larger than all that may be kept
            self._kept[key] = answer
        return answer


class KeptAnswers:
    """ASGI middleware: what is kept is given before anybody looks for a route and reads parameters.

    It must stand within all that decides who may ask.

    Args:
        app: The application behind it.
        answers: What is kept.
    """

    def __init__(self, app: ASGIApp, *, answers: SharedAnswers) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await (self._answers.find(scope) or self._app)(scope, receive, send)


def _response(answer: Rendered, scope: Scope) -> Response:
    headers = {**_HEADERS, **answer.headers, "ETag": answer.etag}
    if holds(header_of(scope, b"if-none-match"), answer.etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type=answer.media_type, headers=headers)


def _as_sent(scope: Scope) -> Hashable:
    """All of a request that its answer depends on."""
    return scope["path"], scope["query_string"], header_of(scope, b"accept")
