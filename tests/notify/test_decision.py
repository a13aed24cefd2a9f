"""Should a channel be told? One row per reason."""

import pytest

from services.monitoring_api.notify.decision import LastNotification, NotifyReason, decide
from services.monitoring_api.notify.notification import NotificationStatus

FIRING, RESOLVED = NotificationStatus
NOW = 10_000.0


def told(status=FIRING, incident="this", at=NOW - 100, waiting=False) -> LastNotification:
    """What the channel heard last."""
    return LastNotification(incident, status, at, waiting)


@pytest.mark.parametrize(
    ("status", "last", "given", "reason"),
    [
        (None, None, {}, NotifyReason.NOT_ACTIVE),
        (None, told(), {}, NotifyReason.NOT_ACTIVE),
        (FIRING, None, {}, NotifyReason.FIRST),
        (FIRING, told(incident="before"), {}, NotifyReason.FIRST),
        (FIRING, told(RESOLVED, incident="before"), {}, NotifyReason.FIRST),
        (FIRING, told(), {}, NotifyReason.ALREADY_TOLD),
        (FIRING, told(at=NOW - 3600), {}, NotifyReason.REPEAT),
        (FIRING, told(at=NOW - 3599), {}, NotifyReason.ALREADY_TOLD),
        (FIRING, told(at=NOW - 9000, waiting=True), {}, NotifyReason.STILL_WAITING),
        (FIRING, None, {"routed": False}, NotifyReason.NOT_WANTED),
        (FIRING, told(at=NOW - 9000), {"routed": False}, NotifyReason.NOT_WANTED),
        (RESOLVED, told(), {}, NotifyReason.RESOLVED),
        (RESOLVED, told(waiting=True), {}, NotifyReason.RESOLVED),
        (RESOLVED, told(), {"routed": False}, NotifyReason.RESOLVED),
        (RESOLVED, None, {}, NotifyReason.NEVER_TOLD),
        (RESOLVED, told(incident="before"), {}, NotifyReason.NEVER_TOLD),
        (RESOLVED, told(RESOLVED), {}, NotifyReason.ALREADY_TOLD),
        (RESOLVED, told(), {"send_resolved": False}, NotifyReason.NOT_WANTED),
    ],
)
def test_each_reason(status, last, given, reason):
    """A message is due for the first firing, a repeat, and the end of what was told."""
    options = {"repeat_interval_seconds": 3600, "send_resolved": True, "routed": True, "now": NOW, **given}
    assert decide(status, "this", last, **options) is reason
    assert reason.due is (reason in {NotifyReason.FIRST, NotifyReason.REPEAT, NotifyReason.RESOLVED})
