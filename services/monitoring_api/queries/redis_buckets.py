"""Finished buckets of answers in Redis, for several API processes. Without it answers are made all the same."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar

from cachetools import LRUCache
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError

from services.monitoring_api.database.password_file import PasswordFileError, read_password
from services.monitoring_api.queries.bucket_cache import CachedBucket
from services.monitoring_api.queries.bucket_encoding import FORM, decoded, encoded
from services.monitoring_api.queries.cache_place import CachePlace
from services.monitoring_api.queries.cache_tally import CacheTally
from services.monitoring_api.queries.series import SeriesRow
from services.web.problems import Problem

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# A hash of so many consecutive buckets is one key: one round trip reads a day of minutes in six commands.
_BUCKETS_PER_KEY: Final = 256
# Of a key that nobody wrote to. What is asked for every day stays.
_KEPT_SECONDS: Final = 86_400
# How old an unchanged bucket's time may become before it is written again: minutes that were computed since are
# looked for from the oldest of them on.
_REWRITTEN_AFTER_US: Final = 60_000_000
_MOST_REMEMBERED: Final = 50_000
# After it failed nobody waits for it for so long.
_REST_SECONDS: Final = 5.0


class RedisBuckets:
    """Buckets by question in a Redis.

    Args:
        place: Which Redis.
        store: Tells which ClickHouse the buckets are of; other stores' are never read.
        clock: Monotonic seconds.
    """

    def __init__(
        self, place: CachePlace, store: Callable[[], Awaitable[str]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tally = CacheTally()
        self._store = store
        self._clock = clock
        self._timeout = place.timeout_seconds
        self._where = f"{place.host}:{place.port}"
        self._redis = _client(place)
        self._rests_until: float | None = None
        # What is known to be there: as of when, and a hash of the rows.
        self._there: LRUCache[tuple[bytes, int], tuple[int, int]] = LRUCache(_MOST_REMEMBERED)

    async def get(self, question: bytes, buckets: Sequence[int]) -> dict[int, CachedBucket]:
        """Those of these buckets that are kept (see `BucketCache.get`)."""
        found = await self._tried(lambda prefix: self._read(prefix, question, buckets)) or {}
        self.tally.hits += len(found)
        self.tally.misses += len(buckets) - len(found)
        return found

    async def put(self, question: bytes, as_of_us: int, rows: Mapping[int, Sequence[SeriesRow]]) -> None:
        """Keep these buckets' rows (see `BucketCache.put`); what is there already, and not old, is not sent again."""
        entries = {bucket: CachedBucket(as_of_us, tuple(found)) for bucket, found in rows.items()}
        new = {bucket: entry for bucket, entry in entries.items() if not self._is_there(question, bucket, entry)}
        if new:
            await self._tried(lambda prefix: self._write(prefix, question, new))

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    async def _read(self, prefix: str, question: bytes, buckets: Sequence[int]) -> dict[int, CachedBucket]:
        asked = list(_by_key(prefix, question, buckets))
        pipeline = self._redis.pipeline(transaction=False)
        for key, numbers in asked:
            pipeline.hmget(key, [str(number) for number in numbers])
        found: dict[int, CachedBucket] = {}
        for (_, numbers), values in zip(asked, await pipeline.execute(), strict=True):
            for number, value in zip(numbers, values, strict=True):
                entry = None if value is None else decoded(question, number, value)
                if entry is not None:
                    found[number] = entry
                    self._there[question, number] = entry.as_of_us, hash(entry.rows)
                else:
                    self._there.pop((question, number), None)
                    if value is not None:
                        self.tally.failed("unreadable")
        return found

    async def _write(self, prefix: str, question: bytes, entries: Mapping[int, CachedBucket]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for key, numbers in _by_key(prefix, question, sorted(entries)):
            values = [each for number in numbers for each in (str(number), encoded(question, number, entries[number]))]
            pipeline.hset(key, items=values)
            pipeline.expire(key, _KEPT_SECONDS)
        await pipeline.execute()
        for number, entry in entries.items():
            self._there[question, number] = entry.as_of_us, hash(entry.rows)

    def _is_there(self, question: bytes, bucket: int, entry: CachedBucket) -> bool:
        as_of_us, rows = self._there.get((question, bucket), (0, 0))
        return entry.as_of_us - as_of_us < _REWRITTEN_AFTER_US and rows == hash(entry.rows)

    async def _tried(self, doing: Callable[[str], Awaitable[_T]]) -> _T | None:
        """What Redis answers; None when it does not, for then the question is answered without it."""
        if self._rests_until is not None and self._clock() < self._rests_until:
            self.tally.failed("resting")
            return None
        try:
            prefix = await self._store()
        except Problem:
            # Whoever asks hears of it from their own question.
            self.tally.failed("store_unknown")
            return None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await doing(prefix)
        except (RedisError, OSError, PasswordFileError) as error:  # TimeoutError is an OSError
            self._failed(error)
            return None
        if self._rests_until is not None:
            _log.info("The cache at %s answers again.", self._where)
            self._rests_until = None
        return answer

    def _failed(self, error: Exception) -> None:
        timed_out = isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError"
        self.tally.failed("timeout" if timed_out else type(error).__name__)
        if self._rests_until is None:
            _log.warning(
                "The cache at %s can't be used (%s: %s); answers are made without it. It is tried again every %d s.",
                self._where,
                type(error).__name__,
                str(error)[:200],
                _REST_SECONDS,
            )
        self._there.clear()
        self._rests_until = self._clock() + _REST_SECONDS


class _Login(CredentialProvider):
    """User and password, read again at each new connection, so that the file may change."""

    def __init__(self, place: CachePlace) -> None:
        self._place = place

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """What AUTH is sent."""
        password = "" if self._place.password_file is None else read_password(self._place.password_file)
        return (self._place.user, password) if self._place.user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same; the file is a small one."""
        return self.get_credentials()


def _client(place: CachePlace) -> Redis:
    more: dict[str, Any] = {}
    if place.tls:
        more = {"ssl": True, "ssl_ca_certs": None if place.ca_file is None else str(place.ca_file)}
    return Redis(
        host=place.host,
        port=place.port,
        db=place.number,
        credential_provider=_Login(place) if place.password_file is not None else None,
        socket_timeout=place.timeout_seconds,
        socket_connect_timeout=place.timeout_seconds,
        # A connection that Redis closed meanwhile is made anew at once; more often there is no time for.
        retry=Retry(NoBackoff(), 1),
        client_name="sightglass-monitoring-api",
        **more,
    )


def _by_key(prefix: str, question: bytes, buckets: Iterable[int]) -> Iterable[tuple[str, list[int]]]:
    """The keys that hold these buckets, and which each holds; the buckets come in order."""
    for chunk, numbers in groupby(buckets, lambda bucket: bucket // _BUCKETS_PER_KEY):
        yield f"sightglass:buckets:{FORM}:{prefix}:{question.hex()}:{chunk}", list(numbers)
