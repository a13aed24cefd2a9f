"""The worker's store: one engine, one writing thread, and only one worker that records at a time."""

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.worker.lease import Lease
from services.monitoring_api.worker.schema.upgrade import NewerStoreError, upgrade
from sightglass.process_settings import shown

T = TypeVar("T")


class StoreTakenError(Exception):
    """Another worker uses this store."""


class StoreUnusableError(Exception):
    """The store can't be opened, or not brought to this version."""


class Store:
    """Transactions on the store, one after another on a thread of their own.

    The thread is not the event loop's: name resolution uses that pool, and a slow resolver must not hold up the store.

    Attributes:
        lease: When set, a transaction is made only while this worker holds it.

    Args:
        url: An SQLAlchemy URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = _lock(url)
        self._engine = open_store(url, writer=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alert-store")
        # SQLite has one writer anyway. On a server the lease is renewed beside a long transaction.
        self._second = self._thread if self.sole else ThreadPoolExecutor(1, thread_name_prefix="alert-store-lease")
        self.lease: Lease | None = None

    @property
    def sole(self) -> bool:
        """Whether no other worker can use this store at the same time."""
        return self._engine.dialect.name == "sqlite"

    async def __call__(self, work: Callable[[Connection], T], /) -> T:
        """Run a function in one transaction.

        Raises:
            LeaseLostError: When there is a lease and another worker has it; then nothing was done.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._fenced, work)

    async def aside(self, work: Callable[[Connection], T], /) -> T:
        """Run a function in one transaction whoever holds the lease: for what every worker says of itself."""
        return await asyncio.get_running_loop().run_in_executor(self._second, self._run, work)

    def create(self) -> None:
        """Bring the tables to the version that this code works with.

        Raises:
            StoreUnusableError: When that can't be done; the text says why and what to do.
        """
        try:
            with self._engine.begin() as connection:
                upgrade(connection)
        except NewerStoreError as error:
            raise StoreUnusableError(str(error)) from None
        except SQLAlchemyError as error:
            raise StoreUnusableError(
                f"the alert store {shown(self._url)} can't be used ({getattr(error, 'orig', None) or error}): check "
                "SIGHTGLASS_WORKER_STORE_URL, and that its database runs and lets this user make tables"
            ) from error

    def close(self) -> None:
        """Let the transaction under way end, and let go of the store."""
        self._thread.shutdown(wait=True)
        self._second.shutdown(wait=True)
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _fenced(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            if self.lease is not None:
                self.lease.check(connection)
            return work(connection)

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


def prepare_folder(url: str) -> None:
    """Make the folder of a SQLite file, for its owner only."""
    path = _sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def _lock(url: str) -> IO[str] | None:
    path = _sqlite_path(url)
    if path is None:
        return None
    lock = path.with_name(path.name + ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StoreTakenError(
            f"{path} is used by another alert worker (process {owner}): stop it, or set SIGHTGLASS_WORKER_STORE_URL"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)
