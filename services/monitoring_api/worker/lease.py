"""The lease: which of several workers on one store evaluates and sends.

A row says who holds it, until when by the database's clock, and how often it has changed hands: its epoch. A worker
that records anything first locks that row and sees whether its epoch is still the present one, in the same transaction.
So nothing of a worker that was paused, cut off or declared dead is recorded after another has taken over, whatever it
believes itself (a fencing token, as in M. Kleppmann, 'How to do distributed locking', 2016). What can't be done in a
transaction, a send, is begun only while the lease has not run out by this machine's own clock.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

metadata = sa.MetaData()

leases = sa.Table(
    "worker_lease",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(128), nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

_NAME: Final = "evaluation"
_THIS = leases.c.name == _NAME
# Our own clock may go slower than the database's by this much of a lease.
_DRIFT: Final = 0.05


T = TypeVar("T")


class Transact(Protocol):
    """Runs a function in one transaction of the store, off the event loop."""

    def __call__(self, work: Callable[[Connection], T], /) -> Awaitable[T]:
        """Commit what the function did; roll back when it raises."""
        ...


class LeaseLostError(SQLAlchemyError):
    """Another worker holds the lease: nothing was recorded.

    To everybody who records it is one more reason why the store can't be used now; only leadership tells it apart.
    """


def steady_clock() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the process is stopped or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class _Term:
    epoch: int
    ends_at: float


class Lease:
    """One worker's view of the lease.

    Args:
        holder: What this worker is called.
        seconds: How long it is good for without being renewed.
        sole: Nobody else can be there, for this process holds the lock of the store's file: then the lease is taken at
            once, whoever had it before, and never runs out.
        clock: Seconds on a clock that nobody sets.
    """

    def __init__(self, holder: str, *, seconds: float, sole: bool, clock: Callable[[], float] = steady_clock) -> None:
        self.holder = holder
        self.seconds = seconds
        self._sole = sole
        self._clock = clock
        self._term: _Term | None = None

    @property
    def held(self) -> bool:
        """Whether this worker surely holds it now: what it does outside of a transaction, it does only then."""
        term = self._term
        return term is not None and self._clock() < term.ends_at

    async def acquire(self, transact: Transact) -> bool:
        """Take the lease when nobody holds it; return whether this worker has it now."""
        asked_at = self._clock()
        epoch = await transact(self._take)
        if epoch is not None:
            self._begin(epoch, asked_at)
        return epoch is not None

    async def renew(self, transact: Transact) -> None:
        """Make the term end later.

        Raises:
            LeaseLostError: When another worker has it.
        """
        asked_at = self._clock()
        epoch = self._own_epoch()

        def work(connection: Connection) -> bool:
            # Goes on beside transactions that record, for theirs is a lock of the key alone.
            mine = sa.update(leases).where(_THIS, leases.c.epoch == epoch)
            return bool(connection.execute(mine.values(expires_at=_now(connection) + self.seconds)).rowcount)

        if not await transact(work):
            self._lose()
        # Only what is committed counts.
        self._begin(epoch, asked_at)

    async def release(self, transact: Transact) -> None:
        """End the term, so that another worker need not wait for its end."""
        term, self._term = self._term, None
        if term is not None:
            mine = sa.update(leases).where(_THIS, leases.c.epoch == term.epoch)
            await transact(lambda connection: connection.execute(mine.values(expires_at=0.0)).rowcount)

    def check(self, connection: Connection) -> None:
        """Let the transaction go on only in this worker's own term; nobody else's begins before it has ended.

        Raises:
            LeaseLostError: When another worker has the lease.
        """
        epoch = self._own_epoch()
        # FOR KEY SHARE: held against `acquire`, which asks for the whole row, but not against `renew`.
        query = sa.select(leases.c.epoch).where(_THIS).with_for_update(read=True, key_share=True)
        if connection.execute(query).scalar_one_or_none() != epoch:
            self._lose()

    def _take(self, connection: Connection) -> int | None:
        now = _now(connection)
        # Whoever records at this moment has the row's lock, and is alive: then the lease is not free.
        query = sa.select(leases.c.epoch, leases.c.expires_at).where(_THIS).with_for_update(skip_locked=True)
        row = connection.execute(query).one_or_none()
        if row is None:
            return self._take_first(connection, now)
        if not self._sole and row.expires_at > now:
            return None
        epoch: int = row.epoch + 1
        taken = sa.update(leases).where(_THIS)
        connection.execute(taken.values(holder=self.holder, epoch=epoch, expires_at=now + self.seconds))
        return epoch

    def _take_first(self, connection: Connection, now: float) -> int | None:
        if connection.execute(sa.select(leases.c.epoch).where(_THIS)).one_or_none() is not None:
            return None  # locked by somebody
        first = sa.insert(leases).values(name=_NAME, holder=self.holder, epoch=1, expires_at=now + self.seconds)
        try:
            with connection.begin_nested():
                connection.execute(first)
        except IntegrityError:
            return None
        return 1

    def _begin(self, epoch: int, asked_at: float) -> None:
        # Reckoned from before the database was asked, so it ends here before it ends there.
        self._term = _Term(epoch, float("inf") if self._sole else asked_at + self.seconds * (1 - _DRIFT))

    def _own_epoch(self) -> int:
        if self._term is None:
            raise LeaseLostError("this worker does not hold the lease of the alert store")
        return self._term.epoch

    def _lose(self) -> None:
        self._term = None
        raise LeaseLostError("another worker holds the lease of the alert store")


def _now(connection: Connection) -> float:
    """The database's clock, so that workers need not agree on the time; SQLite has the machine's own."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float(connection.execute(sa.select(sa.extract("epoch", sa.func.clock_timestamp()))).scalar_one())
