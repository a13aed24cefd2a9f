"""Turning groups that are due into messages: who is told what now, in one transaction with what was decided."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.notify.acknowledgements import acknowledgements
from services.monitoring_api.notify.decision import FIRING, Decision, History, NotifyReason, after, decide
from services.monitoring_api.notify.delivery import Transactions
from services.monitoring_api.notify.group_message import compose_messages
from services.monitoring_api.notify.grouping import Group, StoredMember, due_groups, keep_decision, members_of
from services.monitoring_api.notify.inhibition import FiringAlert, Inhibition
from services.monitoring_api.notify.muting import Muting
from services.monitoring_api.notify.notification import AlertPart
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.outbox import enqueue
from services.monitoring_api.notify.silences import active_silences
from services.monitoring_api.worker.alert_part import alert_part

_logger = logging.getLogger(__name__)

# How long a due group may go unseen: silences and acknowledgements are also written by other processes.
_POLL_SECONDS = 1.0
# So many groups are decided about in one transaction, so that rounds get their turn in a storm.
GROUPS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did: the channels with something new to send, and whether more groups are due."""

    channels: frozenset[str] = frozenset()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Flusher:
    """Decides about groups.

    Attributes:
        file: The channels and routes in force; None while none could be read: then nothing is decided.
        dashboard_url: Where links lead.
    """

    file: NotificationFile | None
    dashboard_url: str

    def flush(self, connection: Connection, now: float) -> Flushed:
        """Decide about the groups that are due, put their messages into the outbox, and keep what was told.

        Args:
            connection: A transaction that the caller commits.
            now: The present time, epoch seconds.
        """
        if self.file is None:
            return Flushed()
        due = due_groups(connection, now, GROUPS_AT_ONCE)
        if not due:
            return Flushed()
        current = {
            part.incident: part
            for alert in read_alerts(connection, status=AlertStatus.FIRING)
            for part in (alert_part(alert, FIRING, dashboard_url=self.dashboard_url, now=now),)
        }
        firing = [FiringAlert(part.fingerprint, part.labels) for part in current.values()]
        muting = Muting(active_silences(connection, now), Inhibition(self.file.inhibit, firing), now)
        stored = members_of(connection, [group.id for group in due])
        taken_on = acknowledgements(connection, [one.member.incident for some in stored.values() for one in some])
        woken = set()
        for group in due:
            seen = [
                _seen(one, current, muting, acknowledged=one.member.incident in taken_on) for one in stored[group.id]
            ]
            if self._settle(connection, group, stored[group.id], seen, now):
                woken.add(group.channel)
        return Flushed(frozenset(woken), len(due) == GROUPS_AT_ONCE)

    def _settle(
        self,
        connection: Connection,
        group: Group,
        before: Sequence[StoredMember],
        seen: Sequence[StoredMember],
        now: float,
    ) -> bool:
        """Decide about one group; return whether a message came of it."""
        channel = None if self.file is None else self.file.channel(group.channel)
        wanted = channel is not None and channel.send_resolved
        members = [one.member for one in seen]
        if channel is not None and channel.expires:
            members = [replace(one, acknowledged=False, muted=one.muted and one.told is None) for one in members]
        # A channel that is gone is told nothing; what it was told is kept while it is true, for it may come back.
        decision = Decision(NotifyReason.NOT_WANTED)
        if channel is not None:
            history = History(group.told_at, group.waiting)
            decision = decide(members, history, group.timing, send_resolved=wanted, now=now)
        left = {one.incident: one for one in after(members, decision.news, send_resolved=wanted)}
        look_again_at = decision.look_again_at
        if decision.reason.due:
            messages = compose_messages(group, seen, decision, self.dashboard_url, now)
            for message in messages:
                enqueue(connection, message)
            group = replace(group, told_at=now, messages=group.messages + len(messages))
            history = History(now, waiting=True)
            then = decide(list(left.values()), history, group.timing, send_resolved=wanted, now=now)
            look_again_at = then.look_again_at
        stay = [replace(one, member=left[one.member.incident]) for one in seen if one.member.incident in left]
        keep_decision(connection, group, before=before, left=stay, look_again_at=look_again_at, now=now)
        return decision.reason.due


def _seen(one: StoredMember, current: Mapping[str, AlertPart], muting: Muting, *, acknowledged: bool) -> StoredMember:
    """A member as it is now: its figures, and what holds it back."""
    if one.member.status is not FIRING:
        return replace(one, muted_by=None)
    part = current.get(one.member.incident, one.part)
    reason = muting.reason(part, told=one.member.told is not None)
    member = replace(one.member, muted=reason is not None, acknowledged=acknowledged)
    return replace(one, member=member, part=part, muted_by=reason)


class Flushing:
    """Flushes whenever something is due, for as long as the worker runs.

    Args:
        transactions: Runs a function in one transaction of the store.
        flusher: Gives the flusher with the files in force.
        woken: Told the channels that have something new to send.
        clock: The time, epoch seconds.
    """

    def __init__(
        self,
        transactions: Transactions,
        flusher: Callable[[], Flusher],
        woken: Callable[[frozenset[str]], None],
        clock: Callable[[], float],
    ) -> None:
        self._transactions = transactions
        self._flusher = flusher
        self._woken = woken
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Groups have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Flush until cancelled. A flush that is cut off leaves nothing half done: it is one transaction."""
        while True:
            self._wake.clear()
            more = False
            try:
                flushed = await self._transactions(lambda connection: self._flusher().flush(connection, self._clock()))
                self._woken(flushed.channels)
                more = flushed.more
            except Exception:  # a full disk, say: the next flush decides again from what is stored
                _logger.exception("Groups of alerts could not be decided about")
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
