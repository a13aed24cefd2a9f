"""Taking messages from the outbox to one channel, for as long as it runs. Each channel has its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.configuration.duration import format_duration
from services.monitoring_api.notify.backoff import LONGEST_ASKED_SECONDS, Backoff
from services.monitoring_api.notify.channel import Channel, DeliveryFailedError
from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.outbox import (
    WaitingNotification,
    mark_abandoned,
    mark_begun,
    mark_delivered,
    mark_failed,
    next_waiting,
)
from services.monitoring_api.notify.rate_limit import RateLimit, fold_what_is_over, pause_for

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 2.0
_STORE_PAUSE_SECONDS = 1.0

T = TypeVar("T")


class Transactions(Protocol):
    """Runs a function in one transaction of the store, off the event loop."""

    def __call__(self, work: Callable[[Connection], T], /) -> Awaitable[T]:
        """Commit what the function did; roll back when it raises."""
        ...


async def _plain(notification: Notification, _most: int) -> Notification:
    """The message as it is."""
    return notification


@dataclass(frozen=True)
class DeliveryPolicy:
    """How stubborn a delivery is.

    Attributes:
        backoff: Delays between attempts.
        give_up_after_seconds: How old a message may become before it is given up.
        attempt_seconds: The longest one attempt may take, whatever the channel's own time-outs.
        clock: The time, epoch seconds.
        random: Gives numbers in [0, 1).
        tally: Told the outcome of each attempt: delivered, failed or abandoned.
        may_send: Asked at the last moment before each attempt: another worker may have taken over.
        illustrate: Gives so many alerts of a message the figures for their pictures, within seconds; never raises.
    """

    backoff: Backoff
    give_up_after_seconds: float
    attempt_seconds: float
    clock: Callable[[], float]
    random: Callable[[], float]
    tally: Callable[[str, str], None] = field(default=lambda _channel, _outcome: None)
    may_send: Callable[[], bool] = field(default=lambda: True)
    illustrate: Callable[[Notification, int], Awaitable[Notification]] = field(default=_plain)


class Delivery:
    """Sends one channel's messages, one at a time, each group's in their order."""

    def __init__(
        self,
        channel: Channel,
        transactions: Transactions,
        policy: DeliveryPolicy,
        *,
        limit: RateLimit | None = None,
        folds: bool = True,
        pictures: int = 0,
    ) -> None:
        self._channel = channel
        self._transactions = transactions
        self._policy = policy
        self._limit = limit
        self._folds = folds
        self._pictures = pictures
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be something new to send."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the attempt under way and end."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Send until stopped."""
        while not self._stopping:
            try:
                pause = await self._step()
            except SQLAlchemyError as error:
                _logger.error("The store can't be used: %s", error, extra={"alert.channel": self._channel.name})  # noqa: TRY400 - it repeats; one line is enough
                pause = _STORE_PAUSE_SECONDS
            if pause > 0 and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()

    async def _step(self) -> float:
        """Make the attempt that is due, and return how long to wait for the next."""
        now = self._policy.clock()
        found = await self._transactions(lambda connection: self._take(connection, now))
        if not isinstance(found, WaitingNotification):
            return min(found, _POLL_SECONDS)
        if not self._policy.may_send():
            return _STORE_PAUSE_SECONDS
        await self._attempt(found)
        return 0.0

    def _take(self, connection: Connection, now: float) -> WaitingNotification | float:
        """The message whose attempt begins now; else how long to wait for one, in seconds."""
        name = self._channel.name
        if self._limit is not None:
            if pause := pause_for(connection, name, self._limit, now):
                return pause
            if self._folds:
                fold_what_is_over(connection, name, self._limit, now)
        waiting = next_waiting(connection, name)
        if waiting is None:
            return _POLL_SECONDS
        pause = waiting.next_attempt_at - now
        # A due time further off than any back-off means that the clock was set back.
        if 0 < pause <= max(LONGEST_ASKED_SECONDS, self._policy.backoff.maximum_seconds):
            return pause
        mark_begun(connection, waiting.id, at=now)
        return waiting

    async def _attempt(self, waiting: WaitingNotification) -> None:
        late = max(0.0, self._policy.clock() - waiting.notification.created_at)
        try:
            async with asyncio.timeout(self._policy.attempt_seconds):
                notification = replace(waiting.notification, late_seconds=late)
                if self._pictures:
                    notification = await self._policy.illustrate(notification, self._pictures)
                receipt = await self._channel.send(notification)
        except DeliveryFailedError as error:
            await self._failed(waiting, error)
        except TimeoutError:
            await self._failed(waiting, DeliveryFailedError("the attempt took too long"))
        except Exception as error:  # a bug in a channel must neither lose the message nor end the worker
            _logger.exception("The channel failed in an unexpected way", extra={"alert.channel": self._channel.name})
            await self._failed(waiting, DeliveryFailedError(f"unexpected {type(error).__name__}", permanent=True))
        else:
            at = self._policy.clock()
            await self._recorded(lambda c: mark_delivered(c, waiting.id, at=at, receipt=receipt))
            self._report(waiting, "delivered", receipt)

    async def _failed(self, waiting: WaitingNotification, error: DeliveryFailedError) -> None:
        now = self._policy.clock()
        text = str(error)
        if now - waiting.since > self._policy.give_up_after_seconds:
            await self._recorded(lambda c: mark_abandoned(c, waiting.id, at=now, error=text))
            self._report(waiting, "abandoned", text)
            return
        delay = self._policy.backoff.delay(
            waiting.attempts,
            self._policy.random,
            retry_after_seconds=error.retry_after_seconds,
            permanent=error.permanent,
        )
        await self._recorded(lambda c: mark_failed(c, waiting.id, next_attempt_at=now + delay, error=text))
        self._report(waiting, "failed", f"{text}; next attempt in {format_duration(delay)}")

    async def _recorded(self, work: Callable[[Connection], None]) -> None:
        """Record an outcome, whatever it takes: an unrecorded success would be sent again at once."""
        while True:
            try:
                await self._transactions(work)
            except SQLAlchemyError as error:
                _logger.error("A delivery's outcome can't be recorded yet: %s", error)  # noqa: TRY400 - it repeats
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
            else:
                return

    def _report(self, waiting: WaitingNotification, outcome: str, detail: str) -> None:
        levels = {"delivered": logging.INFO, "failed": logging.WARNING, "abandoned": logging.ERROR}
        notification = waiting.notification
        _logger.log(
            levels[outcome],
            "Notification %s: %s",
            outcome,
            detail,
            extra={
                "alert.channel": notification.channel,
                "alert.name": notification.headline,
                "alert.group": notification.group_key,
                "alert.idempotency_key": notification.idempotency_key,
                "alert.attempts": waiting.attempts + 1,
            },
        )
        self._policy.tally(notification.channel, outcome)
