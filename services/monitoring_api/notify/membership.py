"""Who joins which group: an alert that fires is put where its routes lead, and one that ends is marked there."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.notify.decision import FIRING, RESOLVED, Timing
from services.monitoring_api.notify.grouping import in_parts, timing_of
from services.monitoring_api.notify.notification import AlertPart, NotificationStatus
from services.monitoring_api.notify.routing import Route
from services.monitoring_api.notify.tables import groups, members

Lead = Callable[[Mapping[str, str]], Mapping[str, Route]]


def join(connection: Connection, parts: Sequence[AlertPart], lead: Lead | None, now: float) -> frozenset[str]:
    """Take notice of alerts that fire or have just ended, so that the next flush decides about their groups.

    Args:
        connection: A transaction that the caller commits.
        parts: The alerts. One that fires on is named at every look, so that changed routes take effect.
        lead: The channels that an alert goes to, each with its route; None while nothing is known about routes: then
            only ends count.
        now: The present time, epoch seconds.

    Returns:
        The channels whose groups changed.
    """
    joining = _Joining(connection, now)
    known = _memberships(connection, {part.fingerprint for part in parts})
    for part in parts:
        mine = known.get(part.fingerprint, [])
        if part.status is RESOLVED:
            joining.end([one for one in mine if one.incident == part.incident], part)
            continue
        # A firing that the next one found still open: nobody said that it ended, but it did.
        joining.end([one for one in mine if one.incident != part.incident], None)
        if lead is not None:
            joining.fire(part, [one for one in mine if one.incident == part.incident], lead(part.labels))
    return joining.finish()


@dataclass(frozen=True, slots=True)
class _Membership:
    """Where a firing is a member already."""

    group_id: int
    channel: str
    group_key: str
    timing: Timing
    incident: str
    status: NotificationStatus
    told: bool
    routed: bool
    part: str


def _memberships(connection: Connection, fingerprints: Collection[str]) -> dict[str, list[_Membership]]:
    found: dict[str, list[_Membership]] = {}
    for some in in_parts(fingerprints):
        query = (
            sa.select(members, groups)
            .join_from(members, groups, members.c.group_id == groups.c.id)
            .where(members.c.fingerprint.in_(some))
        )
        for row in connection.execute(query).mappings():
            found.setdefault(row["fingerprint"], []).append(
                _Membership(
                    row["group_id"],
                    row["channel"],
                    row["group_key"],
                    timing_of(row),
                    row["incident"],
                    NotificationStatus(row["status"]),
                    row["told"] is not None,
                    row["routed"],
                    row["part"],
                )
            )
    return found


class _Joining:
    """One transaction's changes, and the groups that they touch."""

    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now
        self._touched: dict[int, str] = {}
        self._new: list[dict[str, Any]] = []

    def fire(self, part: AlertPart, mine: Sequence[_Membership], routes: Mapping[str, Route]) -> None:
        """An alert fires: it is in the groups where its routes lead, and in no other."""
        for one in mine:
            route = routes.get(one.channel)
            # What was told stays in its conversation, also when the route that leads to the channel has changed.
            stays = route is not None and (one.told or route.group_key(part.labels) == one.group_key)
            if stays is not one.routed:
                self._update(one, routed=stays)
            if route is not None and stays and route.timing() != one.timing:
                self._retime(one.group_id, one.channel, route.timing())
        there = {one.channel for one in mine if one.told}
        there |= {one.channel for one in mine if one.channel in routes and self._same(one, routes, part)}
        for channel, route in routes.items():
            if channel not in there:
                self._enter(part, channel, route)

    def end(self, mine: Sequence[_Membership], part: AlertPart | None) -> None:
        """A firing has ended; without the alert as it was at its end, as it was when it joined."""
        for one in mine:
            if one.status is FIRING:
                ended = part or replace(AlertPart.from_json(one.part), status=RESOLVED, ended_at=self._now)
                self._update(one, status=str(RESOLVED), part=ended.to_json())

    def finish(self) -> frozenset[str]:
        """Let the touched groups be decided about; return their channels."""
        if self._new:
            self._connection.execute(sa.insert(members), self._new)
        for some in in_parts(self._touched):
            self._connection.execute(
                sa.update(groups).where(groups.c.id.in_(some)).values(due_at=self._now, set_at=self._now)
            )
        return frozenset(self._touched.values())

    @staticmethod
    def _same(one: _Membership, routes: Mapping[str, Route], part: AlertPart) -> bool:
        return routes[one.channel].group_key(part.labels) == one.group_key

    def _update(self, one: _Membership, **values: Any) -> None:
        this = sa.and_(members.c.group_id == one.group_id, members.c.incident == one.incident)
        self._connection.execute(sa.update(members).where(this).values(values))
        self._touched[one.group_id] = one.channel

    def _retime(self, group_id: int, channel: str, timing: Timing) -> None:
        self._connection.execute(sa.update(groups).where(groups.c.id == group_id).values(_patience(timing)))
        self._touched[group_id] = channel

    def _enter(self, part: AlertPart, channel: str, route: Route) -> None:
        group_id = self._group(part, channel, route)
        self._new.append(
            {
                "group_id": group_id,
                "incident": part.incident,
                "fingerprint": part.fingerprint,
                "status": str(part.status),
                "joined_at": self._now,
                "routed": True,
                "part": part.to_json(),
            }
        )
        self._touched[group_id] = channel

    def _group(self, part: AlertPart, channel: str, route: Route) -> int:
        key = route.group_key(part.labels)
        there = sa.select(groups).where(groups.c.channel == channel, groups.c.group_key == key)
        row = self._connection.execute(there).mappings().one_or_none()
        if row is not None:
            if timing_of(row) != route.timing():
                self._retime(row["id"], channel, route.timing())
            return int(row["id"])
        name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16]
        made = self._connection.execute(
            sa.insert(groups).values(
                channel=channel,
                group_key=key,
                group_labels=json.dumps(route.group_labels(part.labels)),
                incident=f"{name}-{int(self._now * 1000)}",
                messages=0,
                set_at=self._now,
                **_patience(route.timing()),
            )
        )
        (group_id,) = made.inserted_primary_key or (0,)
        return int(group_id)


def _patience(timing: Timing) -> dict[str, float]:
    return {"wait_seconds": timing.wait, "interval_seconds": timing.interval, "repeat_seconds": timing.repeat}
