"""A sign of life to somebody else's service, which calls people when the signs stay away.

It is given only while rules are really evaluated in time, so that its silence also tells of a worker that runs and does
nothing.
"""

import logging
from dataclasses import dataclass, field

from pydantic import SecretStr

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.http_sender import HttpSender
from services.monitoring_api.notify.resolver import Allowed

_logger = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 10.0
_BODY = b'{"message": "alert rules are evaluated"}'


@dataclass
class DeadMansSwitch:
    """POSTs to a URL, as healthchecks.io, Cronitor and Alertmanager's watchdogs take it.

    Attributes:
        url: Where to; a secret, for whoever knows it can feign the sign.
        allowed: Internal targets that may be called.
        surroundings: Name resolution and the clock.
    """

    url: SecretStr
    allowed: Allowed
    surroundings: Surroundings
    _well: bool | None = field(default=None, init=False)

    async def give(self, *, evaluating: bool) -> None:
        """Give the sign, if it is true; what goes wrong is logged once.

        Args:
            evaluating: Whether rules are really evaluated in time.
        """
        if not evaluating:
            self._note("it is withheld, for rules are not evaluated in time")
            return
        sender = HttpSender(self.surroundings.resolve, _TIMEOUT_SECONDS, allow_private=False, allowed=self.allowed)
        try:
            await sender.post(self.url, _BODY, {"Content-Type": "application/json"}, now=self.surroundings.clock())
        except DeliveryFailedError as error:
            self._note(str(error))
        else:
            self._note("")

    def _note(self, trouble: str) -> None:
        well = not trouble
        if well != self._well:
            level = logging.INFO if well else logging.WARNING
            _logger.log(level, "The sign of life to SIGHTGLASS_WORKER_HEARTBEAT_URL: %s", trouble or "it is taken")
        self._well = well
