"""Taking the lease, keeping it, and noticing that it is gone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.worker.lease import Lease, LeaseLostError
from services.monitoring_api.worker.store import Store

_logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.5
_STANDBY_SECONDS: Final = 1.0
# Renewed this often within one lease.
_RENEWALS: Final = 3


class Leadership:
    """Makes a worker begin when it gets the lease, and end when it has lost it.

    Args:
        store: The store; its transactions are fenced by the lease from now on.
        lease: This worker's view of the lease.
        begin: Called when this worker has become the one that evaluates.
        end: Called when it no longer is, before it may become it again; it must leave nothing running.
    """

    def __init__(
        self, store: Store, lease: Lease, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]
    ) -> None:
        self._store = store
        self._lease = lease
        self._begin = begin
        self._end = end
        self._leads = False
        self._next = 0.0
        store.lease = lease

    @property
    def leads(self) -> bool:
        """Whether this worker is the one that evaluates."""
        return self._leads and self._lease.held

    async def run(self) -> None:
        """Stand by or lead until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await self._step(clock())
            except LeaseLostError as error:
                _logger.warning("%s: this worker stands by", error)
            except SQLAlchemyError as error:
                _logger.error("The lease of the alert store can't be looked after: %s", error)  # noqa: TRY400 - it repeats
                self._next = clock() + _STANDBY_SECONDS
            except Exception:  # whatever begins or ends may fail; the lease must be looked after all the same
                _logger.exception("A change of who leads went wrong")
                self._next = clock() + _STANDBY_SECONDS
            # In short steps, so that a lease that ran out is noticed when this process goes on after a pause.
            await asyncio.sleep(_LOOK_SECONDS)

    async def resign(self) -> None:
        """Let another worker take over at once; everything of this one has ended."""
        self._leads = False
        try:
            await self._lease.release(self._store.aside)
        except SQLAlchemyError as error:
            _logger.warning("The lease could not be given back, and runs out by itself: %s", error)

    async def _step(self, now: float) -> None:
        if self._leads and not self._lease.held:
            self._leads = False
            _logger.warning("The lease of the alert store ran out or was taken: this worker stands by")
            await self._end()
        if now < self._next:
            return
        if self._leads:
            self._next = now + self._lease.seconds / _RENEWALS
            await self._lease.renew(self._store.aside)
            return
        self._next = now + _STANDBY_SECONDS
        if await self._lease.acquire(self._store.aside):
            _logger.info("This worker holds the lease of the alert store: it evaluates and sends")
            self._leads = True
            await self._begin()
