"""Gives messages the figures that their pictures are drawn from, when they are sent."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from services.monitoring_api.alerting.figures import Figures, Points
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.notify.notification import AlertPart, Notification

DEADLINE_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Illustrator:
    """Finds the rule of each of a message's first alerts, and what its metric did around the event.

    Attributes:
        rules: Gives the rules in force.
        figures: Finds what a metric did.
        clock: The time, epoch seconds.
    """

    rules: Callable[[], Iterable[Rule]]
    figures: Figures
    clock: Callable[[], float]

    async def __call__(self, notification: Notification, most: int) -> Notification:
        """The message with figures where they were found in time; a message is never late for want of a picture.

        Args:
            notification: The message.
            most: For how many of its alerts.
        """
        first = notification.alerts[:most]
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                found = await asyncio.gather(*(self._of(alert) for alert in first))
        except TimeoutError:
            return notification
        pictured = [replace(alert, series=series) for alert, series in zip(first, found, strict=True)]
        return replace(notification, alerts=(*pictured, *notification.alerts[most:]))

    async def _of(self, alert: AlertPart) -> Points:
        rule = next((rule for rule in self.rules() if is_of(alert, rule)), None)
        if rule is None:
            return ()
        return await self.figures(rule, alert.labels, alert.fired_at, self.clock())


def is_of(alert: AlertPart, rule: Rule) -> bool:
    """Whether an alert is one of a rule's: its labels are the rule's and those of one of its groups."""
    return rule.alert_labels(rule.group_of(alert.labels)) == alert.labels
