"""Whether an alert is told to nobody now, and why: silences and inhibitions together."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.monitoring_api.notify.inhibition import Inhibition, Target
from services.monitoring_api.notify.notification import AlertPart
from services.monitoring_api.notify.silences import Silence


@dataclass(frozen=True, slots=True)
class Muting:
    """What holds alerts back at one time."""

    silences: Sequence[Silence]
    inhibition: Inhibition
    now: float

    def reason(self, alert: AlertPart, *, told: bool) -> str | None:
        """Why nobody is told, in words; None when people are.

        Args:
            alert: The alert.
            told: Whether its channel knows of it, so that only reminders are left to hold back.
        """
        for silence in self.silences:
            if silence.mutes(alert.labels, self.now):
                return str(silence)
        target = Target(alert.fingerprint, alert.labels, alert.cause, bool(alert.error), told)
        return self.inhibition.reason(target)
