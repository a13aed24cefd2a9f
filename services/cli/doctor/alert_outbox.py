"""Checks that alerts are looked for, and that what they tell reaches people."""

import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from services.cli.doctor.check import Check, Verdict
from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.alerting.store import read_worker, workers
from services.monitoring_api.notify.outbox import notifications
from services.monitoring_api.operating.alerts import SILENT_AFTER_SECONDS
from sightglass.process_settings import shown

_NAME = "alert outbox"
_STUCK_AFTER_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
_REMEDY = (
    "`sightglass channels test NAME` sends one message and says what its receiver answers; mend the channel in "
    "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE (it is read again by itself), and what waits is sent."
)


def check_outbox(url: str, now: float | None = None) -> Check:
    """The worker looks, and no message waits for long or was given up lately.

    Args:
        url: the worker's store.
        now: the time (epoch seconds).
    """
    at = time.time() if now is None else now
    try:
        where = make_url(url)
        if where.get_backend_name() == "sqlite" and not Path(str(where.database)).exists():
            return Check(_NAME, Verdict.SKIPPED, f"no {where.database} is seen from here")
        engine = open_store(url, writer=False)
        try:
            with engine.begin() as connection:
                return _look(connection, at)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        remedy = "Check SIGHTGLASS_WORKER_STORE_URL, and that its database runs and its driver is installed."
        return Check(_NAME, Verdict.FAILED, f"{shown(url)}: {type(error).__name__}", remedy)


def _look(connection: Connection, at: float) -> Check:
    known = sa.inspect(connection)
    if not (known.has_table(notifications.name) and known.has_table(workers.name)):
        return Check(_NAME, Verdict.SKIPPED, "the worker has not made its store yet")
    waiting, given_up = (connection.execute(statement).all() for statement in (_waiting(at), _given_up(at)))
    return _judge(read_worker(connection), waiting, given_up, at)


def _judge(seen: tuple[float, float | None, str | None] | None, waiting: Any, given_up: Any, at: float) -> Check:
    if seen is None or at - seen[0] > SILENT_AFTER_SECONDS:
        since = "never was heard" if seen is None else f"has not been heard for {at - seen[0]:.0f} s"
        return Check(_NAME, Verdict.FAILED, f"the worker {since}: no rule is evaluated", "Look at the worker's log.")
    if seen[2]:
        return Check(
            _NAME, Verdict.FAILED, f"the worker says: {seen[2][:300]}", "`sightglass rules check` names the line."
        )
    if given_up:
        channels = ", ".join(f"{row.messages} to {row.channel}" for row in given_up)
        return Check(_NAME, Verdict.FAILED, f"given up within a day: {channels}", _REMEDY)
    if waiting:
        channels = ", ".join(
            f"{row.messages} to {row.channel} for {at - row.oldest:.0f} s, after {row.attempts} attempts"
            for row in waiting
        )
        return Check(_NAME, Verdict.FAILED, f"stuck: {channels}", _REMEDY)
    return Check(_NAME, Verdict.OK, "the worker evaluates, and no message is stuck")


def _waiting(at: float) -> Any:
    table = notifications.c
    return (
        sa.select(
            table.channel,
            sa.func.count().label("messages"),
            sa.func.min(table.created_at).label("oldest"),
            sa.func.max(table.attempts).label("attempts"),
        )
        .where(table.delivered_at.is_(None), table.abandoned_at.is_(None), table.created_at < at - _STUCK_AFTER_SECONDS)
        .group_by(table.channel)
        .order_by(table.channel)
    )


def _given_up(at: float) -> Any:
    table = notifications.c
    return (
        sa.select(table.channel, sa.func.count().label("messages"))
        .where(table.abandoned_at > at - _DAY_SECONDS)
        .group_by(table.channel)
        .order_by(table.channel)
    )
