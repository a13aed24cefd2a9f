"""Buckets in a real Redis: shared by processes, and never a reason for an answer to fail, wait or be wrong."""

import asyncio
import logging
import time

import pytest

from services.monitoring_api.database import DatabaseUnavailable
from services.monitoring_api.queries.cache_place import CachePlace
from services.monitoring_api.queries.redis_buckets import RedisBuckets
from services.monitoring_api.queries.series import SeriesRow
from services.monitoring_api.queries.store_identity import StoreIdentity
from tests.certificates import Certificates
from tests.monitoring_api.redis_server import RedisServer

pytestmark = pytest.mark.anyio
QUESTION, OTHER = b"q" * 32, b"o" * 32
ROWS = {bucket: [SeriesRow(bucket, bucket / 3, 1.0, False, ("/a", "200"))] for bucket in range(250, 280)}
US = 1_700_000_000_000_000


@pytest.fixture
def server():
    """A Redis of the test's own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def clock():
    """Seconds that a test moves: ``clock[0]``."""
    return [0.0]


@pytest.fixture
async def make(server, clock):
    """``make(**place)`` is one more process's cache."""
    made = []

    def make(store="19:A", **place):
        async def identity():
            return store

        chosen = CachePlace("127.0.0.1", **{"port": server.port, "timeout_seconds": 0.3, **place})
        made.append(RedisBuckets(chosen, identity, clock=lambda: clock[0]))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def rows_of(found):
    """What was got, as it was put."""
    return {bucket: list(entry.rows) for bucket, entry in found.items()}


async def test_one_process_takes_what_another_kept(make):
    """Every row as it was, over the ends of keys, and nothing of another question's."""
    first, second = make(), make()
    await first.put(QUESTION, US, ROWS)
    found = await second.get(QUESTION, [*sorted(ROWS), 9_999])
    assert rows_of(found) == ROWS
    assert {entry.as_of_us for entry in found.values()} == {US}
    assert await second.get(OTHER, sorted(ROWS)) == {}
    assert (second.tally.hits, second.tally.misses, second.tally.failures) == (30, 31, {})


async def test_another_store_s_buckets_are_never_read(make):
    """Neither those of another schema version, nor those of a store that was made anew at the same place."""
    await make("19:A").put(QUESTION, US, ROWS)
    for store in ("20:A", "19:B"):
        assert await make(store).get(QUESTION, sorted(ROWS)) == {}


async def test_keys_are_plain_and_go_by_themselves(make, server):
    """Nothing of what was asked is in a key; each has a time to live."""
    await make().put(b"\x00*?[]{}\r\n' " + b"q" * 21, US, ROWS)
    async with server.client() as client:
        keys = [key.decode() for key in await client.keys("*")]
        assert len(keys) == 2
        assert all(key.startswith("sightglass:buckets:1:19:A:002a3f5b") for key in keys)
        assert all([0 < await client.ttl(key) <= 86_400 for key in keys])


async def test_what_is_there_is_not_sent_again_until_it_is_old(make, server):
    """An unchanged bucket costs no writing for a minute; a changed one is written, and so is one that Redis dropped."""

    async def written():
        async with server.client() as client:
            return (await client.info("commandstats"))["cmdstat_hset"]["calls"]

    cache, key = make(), {300: [SeriesRow(300, 1.0, 1.0, False, ())]}
    await cache.put(QUESTION, US, key)
    await cache.put(QUESTION, US + 59_000_000, key)
    assert await written() == 1
    await cache.put(QUESTION, US + 1, {300: [SeriesRow(300, 2.0, 1.0, False, ())]})
    assert await written() == 2
    await cache.put(QUESTION, US + 61_000_000, {300: [SeriesRow(300, 2.0, 1.0, False, ())]})
    assert await written() == 3
    async with server.client() as client:
        await client.flushall()
    assert await cache.get(QUESTION, [300]) == {}
    await cache.put(QUESTION, US + 62_000_000, {300: [SeriesRow(300, 2.0, 1.0, False, ())]})
    assert await written() == 4


async def test_a_redis_that_is_gone_is_done_without(make, server, clock, caplog):
    """Killed in mid-run: what was kept is not found, nothing fails, one line says so; once back it is used again."""
    caplog.set_level(logging.INFO)
    cache = make()
    await cache.put(QUESTION, US, ROWS)
    server.kill()
    for _ in range(5):
        assert await cache.get(QUESTION, sorted(ROWS)) == {}
        await cache.put(QUESTION, US, ROWS)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"127.0.0.1:{server.port}" in caplog.text
    assert sum(cache.tally.failures.values()) == 10
    assert cache.tally.failures["resting"] == 9
    server.start()
    clock[0] += 6
    await cache.put(QUESTION, US, ROWS)
    assert rows_of(await cache.get(QUESTION, sorted(ROWS))) == ROWS
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_redis_that_hangs_is_waited_for_once(make, server):
    """Its connections stay open and it says nothing: one question waits its time, the next ones not at all."""
    cache = make()
    await cache.put(QUESTION, US, ROWS)
    server.pause()
    try:
        started = time.monotonic()
        for _ in range(50):
            assert await cache.get(QUESTION, sorted(ROWS)) == {}
        assert time.monotonic() - started < 10 * 0.3
        assert cache.tally.failures == {"timeout": 1, "resting": 49}
    finally:
        server.resume()


async def test_who_leaves_in_mid_command_takes_nobody_s_answer(make, server):
    """Questions that are cancelled while Redis is slow leave no answer behind for the next one to take for its own."""
    cache = make(timeout_seconds=5.0)
    await cache.put(QUESTION, US, ROWS)
    await cache.put(OTHER, US, {bucket: [] for bucket in ROWS})
    for turn in range(20):
        server.pause()
        asking = [asyncio.create_task(cache.get(OTHER, sorted(ROWS))) for _ in range(3)]
        for _ in range(turn):
            await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        server.resume()
        await asyncio.gather(*asking, return_exceptions=True)
        assert rows_of(await cache.get(QUESTION, sorted(ROWS))) == ROWS
    assert cache.tally.failures == {}


async def test_what_somebody_else_wrote_is_not_taken(make, server):
    """Garbage, a value of another question, a key of another type: asked for anew, and counted."""
    cache = make()
    await cache.put(QUESTION, US, ROWS)
    async with server.client() as client:
        (first, second) = sorted(await client.keys("*"))
        await client.hset(first, mapping={"250": b"\x80\x04garbage", "251": OTHER[:8] + b"[251,1,[]]"})
        found = await cache.get(QUESTION, sorted(ROWS))
        assert sorted(found) == sorted(set(ROWS) - {250, 251})
        assert cache.tally.failures == {"unreadable": 2}
        await client.set(second, "text")
        assert await cache.get(QUESTION, sorted(ROWS)) == {}
    assert cache.tally.failures["ResponseError"] == 1


async def test_it_logs_in_by_a_file_that_may_change(make, tmp_path, caplog):
    """A wrong password is a cache that can't be used; a new one is read at the next connection; none is ever told."""
    file = tmp_path / "password"
    file.write_text("hunter2secret\n")
    with RedisServer("--requirepass", "hunter2secret") as guarded:
        cache = make(port=guarded.port, password_file=file)
        await cache.put(QUESTION, US, ROWS)
        assert len(await cache.get(QUESTION, sorted(ROWS))) == len(ROWS)
        for content in ("hunter2wrong", ""):
            file.write_text(content)
            other = make(port=guarded.port, password_file=file)
            assert await other.get(QUESTION, sorted(ROWS)) == {}
            assert sum(other.tally.failures.values()) == 1
    assert len(caplog.records) == 2
    assert "hunter2" not in caplog.text


async def test_by_tls_the_certificate_is_checked(make, tmp_path):
    """With the authorities that are named it is used, and not with the system's."""
    certificates = Certificates(tmp_path)
    port = RedisServer().port
    tls = ("--tls-port", str(port), "--tls-cert-file", str(certificates.cert), "--tls-key-file", str(certificates.key))
    with RedisServer(*tls, "--tls-auth-clients", "no"):
        cache = make(port=port, tls=True, ca_file=certificates.ca, timeout_seconds=5.0)
        await cache.put(QUESTION, US, ROWS)
        assert len(await cache.get(QUESTION, sorted(ROWS))) == len(ROWS)
        other = make(port=port, tls=True, timeout_seconds=5.0)
        assert await other.get(QUESTION, sorted(ROWS)) == {}
        assert sum(other.tally.failures.values()) == 1


async def test_the_store_s_identity_is_asked_for_once_a_minute(clock):
    """Many at once ask once; a failure is not kept, and is a cache that is not used."""

    class Ledger:
        """Counts; fails when told."""

        asked, fails = 0, True

        async def fetch(self, *_, **__):
            """The newest migration."""
            self.asked += 1
            if self.fails:
                raise DatabaseUnavailable("away")
            return [(19, f"{self.asked:X}")]

    ledger = Ledger()
    identity = StoreIdentity(ledger, clock=lambda: clock[0])
    cache = RedisBuckets(CachePlace("127.0.0.1", 1), identity, clock=lambda: clock[0])
    assert await cache.get(QUESTION, [1]) == {}
    assert cache.tally.failures == {"store_unknown": 1}
    ledger.fails = False
    assert set(await asyncio.gather(*(identity() for _ in range(9)))) == {"19:2"}
    clock[0] = 59.0
    assert await identity() == "19:2"
    clock[0] = 61.0
    assert await identity() == "19:3"
    await cache.close()
