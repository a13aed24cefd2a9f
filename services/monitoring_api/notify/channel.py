"""The one interface of a channel. Read channels/log.py for the smallest whole example."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from services.monitoring_api.configuration.environment import given_variables
from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.resolver import Resolve, system_resolve


class DeliveryFailedError(Exception):
    """An attempt that the receiver did not confirm.

    Attributes:
        message: What happened; it holds no secret.
        remedy: What a person can do about it; empty when nothing is known. As text, the error is both.
        retry_after_seconds: When the receiver said to come back.
        permanent: Whether trying again soon is pointless: a person has to change something first. It is still
            tried again, seldom, because that person may.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        permanent: bool = False,
        remedy: str = "",
    ) -> None:
        super().__init__(f"{message}: {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy
        self.retry_after_seconds = retry_after_seconds
        self.permanent = permanent

    def explained(self, remedy: str, *, message: str | None = None) -> Self:
        """The same failure with another remedy, and maybe in other words."""
        return type(self)(
            self.message if message is None else message,
            retry_after_seconds=self.retry_after_seconds,
            permanent=self.permanent,
            remedy=remedy,
        )


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Its name in the notifications file."""
        ...

    async def send(self, notification: Notification) -> str:
        """Send one message, and return the receiver's confirmation.

        Raises:
            DeliveryFailedError: When the receiver did not confirm. The message holds no secret.
        """
        ...

    async def reach(self) -> str:
        """See whether a message could be sent, without sending one, and say what answered.

        Raises:
            DeliveryFailedError: When a secret is missing, or nobody answers.
        """
        ...


@dataclass(frozen=True)
class Surroundings:
    """The effects that channels are built with; tests replace them.

    Attributes:
        environment: Where `*_env` secrets are looked up, `.env` included.
        resolve: Turns a host name into addresses.
        clock: The time, epoch seconds.
    """

    environment: Mapping[str, str] = field(default_factory=given_variables, repr=False)
    resolve: Resolve = system_resolve
    clock: Callable[[], float] = time.time
