"""The last slot in which each group of rules was looked at, kept with the states that this look made."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.store import metadata

slots = sa.Table(
    "alert_slots",
    metadata,
    sa.Column("group_name", sa.String(200), primary_key=True),
    sa.Column("slot", sa.Double, nullable=False),
)


def read_slot(connection: Connection, group: str) -> float | None:
    """The last slot (epoch seconds) of a group; None when it was never looked at."""
    slot = connection.execute(sa.select(slots.c.slot).where(slots.c.group_name == group)).scalar_one_or_none()
    return None if slot is None else float(slot)


def read_slots(connection: Connection) -> dict[str, float]:
    """The last slot of every group."""
    rows = connection.execute(sa.select(slots.c.group_name, slots.c.slot))
    return {str(group): float(slot) for group, slot in rows}


def write_slot(connection: Connection, group: str, slot: float) -> None:
    """Keep a group's last slot."""
    this = slots.c.group_name == group
    if not connection.execute(sa.update(slots).where(this).values(slot=slot)).rowcount:
        connection.execute(sa.insert(slots).values(group_name=group, slot=slot))


def keep_slots(connection: Connection, groups: Collection[str]) -> None:
    """Forget groups that are no longer there: one that comes back begins anew, and replays nothing."""
    connection.execute(sa.delete(slots).where(slots.c.group_name.not_in(list(groups))))
