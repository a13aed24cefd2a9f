"""The lease on a real PostgreSQL: who may record, and what happens to whoever believes that he may."""

import asyncio
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa

from services.monitoring_api.alerting.store import workers
from services.monitoring_api.worker.lease import Lease, LeaseLostError, leases
from services.monitoring_api.worker.store import Store
from tests.integration.alert_worker import wait_for


class Party:
    """A worker's store and lease, with a clock that the test moves."""

    def __init__(self, url: str, name: str, seconds: float = 30.0) -> None:
        self.now = 100.0
        self.store = Store(url)
        self.store.create()
        self.lease = self.store.lease = Lease(name, seconds=seconds, sole=self.store.sole, clock=lambda: self.now)

    def acquire(self) -> bool:
        """Try to get the lease."""
        return asyncio.run(self.lease.acquire(self.store.aside))

    def renew(self) -> None:
        """Renew it."""
        asyncio.run(self.lease.renew(self.store.aside))

    def record(self, name: str) -> None:
        """Record something, as rounds and deliveries do."""
        asyncio.run(self.store(lambda c: c.execute(sa.insert(workers).values(name=name, heartbeat_at=0))))

    def recorded(self) -> set[str]:
        """What is in the store."""
        return asyncio.run(self.store.aside(lambda c: set(c.execute(sa.select(workers.c.name)).scalars())))

    def expire(self) -> None:
        """Let the lease run out by the database's clock."""
        asyncio.run(self.store.aside(lambda c: c.execute(sa.update(leases).values(expires_at=1.0))))

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


@pytest.fixture
def two(postgresql):
    """Two workers on one store."""
    url = postgresql.database()
    with closing(Party(url, "one")) as one, closing(Party(url, "two")) as two:
        yield one, two


def test_one_of_two_has_it(two):
    """The second does not get it and records nothing, until it has run out or was given back."""
    one, other = two
    assert one.acquire()
    assert not other.acquire()
    with pytest.raises(LeaseLostError):
        other.record("other")
    one.record("one")
    asyncio.run(one.lease.release(one.store.aside))
    assert other.acquire()
    other.record("other")
    assert other.recorded() == {"one", "other"}


def test_whoever_was_replaced_records_nothing_whatever_its_clock_says(two):
    """By its own clock the term goes on; the epoch in the transaction says that it is over, and then it knows."""
    one, other = two
    assert one.acquire()
    one.expire()
    assert other.acquire()
    assert one.lease.held, "nobody has told it yet"
    with pytest.raises(LeaseLostError):
        one.record("too late")
    assert not one.lease.held
    assert other.recorded() == set()
    with pytest.raises(LeaseLostError):
        one.renew()


def test_its_own_clock_ends_a_term_before_the_databases_does(two):
    """A paused worker knows after the pause that it may not send, without asking anybody."""
    one, _ = two
    assert one.acquire()
    one.now += 28.0
    assert one.lease.held
    one.now += 1.0
    assert not one.lease.held
    one.renew()
    assert one.lease.held


def test_a_renewal_that_is_not_committed_counts_for_nothing(two):
    """The database refuses: the term ends when it would have ended."""
    one, _ = two
    assert one.acquire()
    one.now += 20.0

    async def broken(work):
        def then_fail(connection):
            work(connection)
            raise RuntimeError

        return await one.store.aside(then_fail)

    with pytest.raises(RuntimeError):
        asyncio.run(one.lease.renew(broken))
    one.now += 9.0
    assert not one.lease.held


def test_nobody_takes_over_in_the_middle_of_a_transaction(two):
    """While one records, its lease can be renewed but not taken, even when it has run out."""
    one, other = two
    assert one.acquire()
    inside, go_on = threading.Event(), threading.Event()

    def slow(connection):
        connection.execute(sa.insert(workers).values(name="slow", heartbeat_at=0))
        inside.set()
        assert go_on.wait(20)

    recording = threading.Thread(target=lambda: asyncio.run(one.store(slow)))
    recording.start()
    assert inside.wait(20)
    one.renew()
    one.expire()
    assert not other.acquire()
    go_on.set()
    recording.join()
    assert other.acquire()
    assert other.recorded() == {"slow"}


def test_a_worker_that_stops_inside_a_transaction_holds_up_nobody_for_long(two):
    """The server ends a transaction in which nothing happens: its locks are free, and nothing of it is kept."""
    one, other = two
    assert one.acquire()
    go_on = threading.Event()
    failed = []

    def stops(connection):
        connection.execute(sa.insert(workers).values(name="stopped", heartbeat_at=0))
        assert go_on.wait(60)

    def record() -> None:
        try:
            asyncio.run(one.store(stops))
        except sa.exc.SQLAlchemyError as error:
            failed.append(error)

    recording = threading.Thread(target=record)
    recording.start()
    wait_for(lambda: not free_of_locks(other), "the transaction")
    one.expire()
    wait_for(other.acquire, "the lease", seconds=15)
    go_on.set()
    recording.join()
    assert failed, "the transaction could not be committed"
    assert other.recorded() == set()


def free_of_locks(party: Party) -> bool:
    """Whether nobody has the lease's row locked."""

    def look(connection):
        return connection.execute(sa.select(leases.c.name).with_for_update(skip_locked=True)).first() is not None

    return asyncio.run(party.store.aside(look))


def test_on_sqlite_the_lock_of_the_file_is_enough(tmp_path):
    """Whoever has the file has the lease at once, also after a kill, and for as long as it lives."""
    url = f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    with closing(Party(url, "killed")) as killed:
        assert killed.acquire()
    with closing(Party(url, "next")) as after:
        assert after.acquire()
        after.now += 1e6
        assert after.lease.held
        after.record("it")
        assert after.recorded() == {"it"}


def test_of_many_that_ask_at_once_one_gets_it(postgresql):
    """Also for the very first time, when there is no row yet."""
    url = postgresql.database()
    parties = [Party(url, f"w{number}") for number in range(6)]
    got = []
    threads = [threading.Thread(target=lambda p=p: got.append(p.acquire())) for p in parties]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 5 + [True]
    for party in parties:
        party.close()
