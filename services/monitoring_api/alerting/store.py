"""The durable store of alert states and their history: SQLAlchemy Core, the same on SQLite and PostgreSQL.

Every function takes an open connection, so that whoever calls decides what is one transaction.
"""

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.models import AlertState, AlertStatus, Cause, Health

metadata = sa.MetaData()

# An identity column that is 64 bits wide where the database has such a thing.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("fingerprint", sa.String(16), primary_key=True),
    sa.Column("rule", sa.String(200), nullable=False),
    sa.Column("rule_key", sa.String(16), nullable=False, index=True),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("annotations", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("active_since", sa.Double),
    sa.Column("quiet_since", sa.Double),
    sa.Column("unproven_seconds", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double),
    sa.Column("fired_at", sa.Double),
    sa.Column("resolved_at", sa.Double),
    sa.Column("last_evaluated_at", sa.Double),
    sa.Column("value", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("health", sa.String(16)),
    sa.Column("failing_since", sa.Double),
    sa.Column("metric", sa.String(200)),
    sa.Column("condition", sa.Text),
    sa.Column("runbook", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("trace_ids", sa.Text),
)

alert_events = sa.Table(
    "alert_events",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("rule", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("alert_events_by_alert", "fingerprint", "id"),
)

workers = sa.Table(
    "alert_workers",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("heartbeat_at", sa.Double, nullable=False),
    sa.Column("last_evaluation_at", sa.Double),
    sa.Column("error", sa.Text),
    # Of several workers one evaluates; the others stand by.
    sa.Column("leads", sa.Boolean, nullable=False, server_default=sa.false()),
)


def read_alerts(
    connection: Connection, *, rule_keys: Iterable[str] | None = None, status: AlertStatus | None = None
) -> list[StoredAlert]:
    """The alerts of these rules and of this status; all of them where None is given."""
    query = sa.select(alerts).order_by(alerts.c.rule, alerts.c.fingerprint)
    if rule_keys is not None:
        query = query.where(alerts.c.rule_key.in_(list(rule_keys)))
    if status is not None:
        query = query.where(alerts.c.status == str(status))
    return [_alert(row) for row in connection.execute(query).mappings()]


def write_changes(connection: Connection, changes: Iterable[Change]) -> None:
    """Keep what a look made of the alerts, and add its events to the history."""
    for change in changes:
        alert = change.alert
        this = alerts.c.fingerprint == alert.fingerprint
        if change.forget:
            connection.execute(sa.delete(alerts).where(this))
        else:
            row = _row(alert)
            if not connection.execute(sa.update(alerts).where(this).values(row)).rowcount:
                connection.execute(sa.insert(alerts).values(row))
        for event in change.events:
            connection.execute(
                sa.insert(alert_events).values(
                    fingerprint=alert.fingerprint,
                    rule=alert.rule,
                    kind=str(event.kind),
                    at=event.at,
                    value=event.value,
                    cause=str(event.cause),
                    error=event.error,
                )
            )


def forget_events(connection: Connection, *, before: float) -> None:
    """Drop history older than an epoch second."""
    connection.execute(sa.delete(alert_events).where(alert_events.c.at < before))


def record_worker(
    connection: Connection,
    name: str,
    *,
    heartbeat_at: float,
    last_evaluation_at: float | None,
    error: str | None,
    leads: bool = True,
) -> None:
    """Keep a sign of life of a worker, and whether it is the one that evaluates."""
    row: dict[str, Any] = {
        "name": name,
        "heartbeat_at": heartbeat_at,
        "error": error,
        "leads": leads,
        **({} if last_evaluation_at is None else {"last_evaluation_at": last_evaluation_at}),
    }
    if not connection.execute(sa.update(workers).where(workers.c.name == name).values(row)).rowcount:
        connection.execute(sa.insert(workers).values(row))


def read_worker(connection: Connection) -> tuple[float, float | None, str | None] | None:
    """Heartbeat, last evaluation and error of the worker that evaluates, as far as is known; None without any worker.

    While nobody leads yet, the one seen last stands for them. The last evaluation may have been another's, before.
    """
    query = (
        sa.select(workers.c.heartbeat_at, workers.c.last_evaluation_at, workers.c.error)
        .order_by(workers.c.leads.desc(), workers.c.heartbeat_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return row[0], connection.execute(sa.select(sa.func.max(workers.c.last_evaluation_at))).scalar_one(), row[2]


def standing_by(connection: Connection, *, since: float) -> int:
    """How many workers gave a sign of life since an epoch second and wait for their turn."""
    waiting = sa.select(sa.func.count()).where(workers.c.heartbeat_at >= since, ~workers.c.leads)
    return int(connection.execute(waiting).scalar_one())


def forget_workers(connection: Connection, *, before: float) -> None:
    """Drop workers not seen since an epoch second, but never the one seen last."""
    newest = sa.select(sa.func.max(workers.c.heartbeat_at)).scalar_subquery()
    connection.execute(sa.delete(workers).where(workers.c.heartbeat_at < before, workers.c.heartbeat_at < newest))


def _row(alert: StoredAlert) -> dict[str, Any]:
    state = alert.state
    return {
        "fingerprint": alert.fingerprint,
        "rule": alert.rule,
        "rule_key": alert.rule_key,
        "labels": json.dumps(dict(alert.labels)),
        "annotations": json.dumps(dict(alert.annotations)),
        "status": str(state.status),
        "cause": str(state.cause),
        "active_since": state.active_since,
        "quiet_since": state.quiet_since,
        "unproven_seconds": state.unproven_seconds,
        "seen_at": state.seen_at,
        "fired_at": state.fired_at,
        "resolved_at": state.resolved_at,
        "last_evaluated_at": state.last_evaluated_at,
        "value": state.value,
        "error": state.error,
        "health": str(state.health),
        "failing_since": state.failing_since,
        "metric": alert.metric,
        "condition": alert.condition,
        "runbook": alert.runbook,
        "url": alert.url,
        "trace_ids": json.dumps(alert.trace_ids),
    }


def _alert(row: RowMapping) -> StoredAlert:
    return StoredAlert(
        fingerprint=row["fingerprint"],
        rule=row["rule"],
        rule_key=row["rule_key"],
        labels=json.loads(row["labels"]),
        annotations=json.loads(row["annotations"]),
        state=AlertState(
            status=AlertStatus(row["status"]),
            cause=Cause(row["cause"]),
            active_since=row["active_since"],
            quiet_since=row["quiet_since"],
            unproven_seconds=row["unproven_seconds"],
            seen_at=row["seen_at"],
            fired_at=row["fired_at"],
            resolved_at=row["resolved_at"],
            last_evaluated_at=row["last_evaluated_at"],
            value=row["value"],
            error=row["error"],
            health=_health(row),
            failing_since=row["failing_since"],
        ),
        metric=row["metric"] or "",
        condition=row["condition"] or "",
        runbook=row["runbook"] or "",
        url=row["url"] or "",
        trace_ids=tuple(json.loads(row["trace_ids"] or "[]")),
    )


def _health(row: RowMapping) -> Health:
    """What an older version left empty follows from the rest."""
    if row["health"]:
        return Health(row["health"])
    return Health.OK if row["error"] is None else Health.ERROR
