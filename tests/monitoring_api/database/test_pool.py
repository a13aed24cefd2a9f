"""Places for statements, and the client that they share."""

import asyncio

import pytest

from services.monitoring_api.database.pool import Places, SharedClient

pytestmark = pytest.mark.anyio


class Client:
    """A driver's client that knows whether it was closed."""

    closed = False

    async def close(self):
        """Close it."""
        self.closed = True


async def test_places_are_counted_and_freed_however_a_statement_ends():
    """Two of three run, the third waits; one fails, one is cancelled, one goes through."""
    places, may = Places(2), asyncio.Event()

    async def statement(fail=False):
        async with places.taken():
            await may.wait()
            if fail:
                raise ValueError

    running = [asyncio.create_task(statement(fail)) for fail in (False, True, False)]
    await asyncio.sleep(0)
    assert (places.used, places.waiting) == (2, 1)
    running[0].cancel()
    await asyncio.gather(running[0], return_exceptions=True)
    await asyncio.sleep(0)
    assert (places.used, places.waiting) == (2, 0)
    may.set()
    assert [type(each) for each in await asyncio.gather(*running[1:], return_exceptions=True)] == [
        ValueError,
        type(None),
    ]
    assert (places.used, places.waiting) == (0, 0)


async def test_one_who_stops_waiting_takes_no_place():
    """A waiting statement that is cancelled leaves its turn to the next."""
    places = Places(1)
    async with places.taken():
        waiting = [asyncio.create_task(places.taken().__aenter__()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        assert places.waiting == 1
    await waiting[1]
    assert (places.used, places.waiting) == (1, 0)


async def test_a_dropped_client_is_closed_once_nobody_uses_it():
    """One statement's broken connection does not cut off the answers of the others."""
    made = []

    async def connect():
        made.append(Client())
        return made[-1]

    shared = SharedClient(connect)
    async with shared.lent() as first, shared.lent() as same:
        assert first is same
        await shared.drop(first)
        async with shared.lent() as other:
            assert other is not first
            await shared.drop(first)
        assert [client.closed for client in made] == [False, False]
    assert [client.closed for client in made] == [True, False]
    await shared.drop()
    assert [client.closed for client in made] == [True, True]


async def test_whoever_fails_to_connect_leaves_it_to_the_next():
    """A connection that can't be made is tried anew by the next statement."""
    tries = []

    async def connect():
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionRefusedError
        return Client()

    shared = SharedClient(connect)
    with pytest.raises(ConnectionRefusedError):
        async with shared.lent():
            pass
    async with shared.lent() as client:
        assert isinstance(client, Client)
