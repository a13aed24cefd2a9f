"""Alerts as people see them: their state, who looks after them, and what holds them back."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.incident import incident_of
from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.store import alert_events, alerts, read_alerts, read_worker, standing_by, workers
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.errors import bad_field
from services.monitoring_api.notify.acknowledgements import (
    Acknowledgement,
    InvalidAcknowledgementError,
    acknowledge,
    acknowledgements,
)
from services.monitoring_api.notify.inhibition import FiringAlert, Inhibition, InhibitRule, Target
from services.monitoring_api.notify.silences import Silence, active_silences
from services.monitoring_api.notify.tables import acknowledgements as acknowledgement_table
from services.monitoring_api.notify.tables import members, silences
from services.monitoring_api.operating.files import NotificationsPlace
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.routes import alerts as told
from services.web.problems import Conflict, NotFound

SILENT_AFTER_SECONDS: Final = 30.0
_ACTIVE: Final = (AlertStatus.FIRING, AlertStatus.PENDING)
# What needs somebody comes first.
_ORDER: Final = (*_ACTIVE, AlertStatus.RESOLVED, AlertStatus.INACTIVE)
_MUTING: Final = (silences, acknowledgement_table, members)


class StoredAlerts:
    """Reads alerts and takes them on.

    Args:
        store: The worker's store.
        place: The notifications file, which has the inhibitions.
        dashboard_url: Where links lead.
        clock: The time, epoch seconds.
    """

    def __init__(
        self,
        store: AlertStore,
        place: NotificationsPlace,
        *,
        dashboard_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._place = place
        self._dashboard_url = dashboard_url.rstrip("/")
        self._clock = clock

    async def alerts(self, state: str | None) -> told.Alerts:
        """Every alert, those that need somebody first, and how the worker is.

        Args:
            state: Only alerts in this state; all when None.

        Raises:
            Unavailable: When the store can't be read.
        """
        now = self._clock()
        read = await self._place.read()
        rules = read.content.inhibit if read.content is not None else ()

        def work(connection: Connection) -> told.Alerts:
            everything = read_alerts(connection)
            about = _About.read(connection, everything, rules, now)
            found = [alert for alert in everything if state in {None, str(alert.state.status)}]
            found.sort(key=lambda alert: (_ORDER.index(alert.state.status), alert.rule, alert.fingerprint))
            shown = [told.Alert.model_validate(self._shown(alert, about)) for alert in found]
            standby = standing_by(connection, since=now - SILENT_AFTER_SECONDS)
            return told.Alerts(alerts=shown, worker=_worker(read_worker(connection), now, standby))

        nothing = told.Alerts(alerts=[], worker=_worker(None, now))
        return await self._store.read(work, tables=(alerts, workers), empty=nothing)

    async def history(self, fingerprint: str, *, limit: int, cursor: int | None) -> told.AlertHistory:
        """What happened to an alert, the newest first.

        Raises:
            NotFound: When nothing is known of it.
            Unavailable: When the store can't be read.
        """

        def work(connection: Connection) -> told.AlertHistory | None:
            of = alert_events.c
            mine = of.fingerprint == fingerprint
            query = sa.select(alert_events).where(mine, sa.true() if cursor is None else of.id < cursor)
            rows = connection.execute(query.order_by(of.id.desc()).limit(limit + 1)).mappings().all()
            known = sa.select(alerts.c.rule).where(alerts.c.fingerprint == fingerprint)
            past = sa.select(of.rule).where(mine).order_by(of.id.desc()).limit(1)
            rule = connection.execute(known).scalar() or connection.execute(past).scalar()
            if rule is None:
                return None
            following = rows[limit - 1]["id"] if len(rows) > limit else None
            events = [_event(row) for row in rows[:limit]]
            return told.AlertHistory(fingerprint=fingerprint, rule=rule, events=events, next_cursor=following)

        found = await self._store.read(work, tables=(alerts, alert_events), empty=None)
        if found is None:
            raise _unknown(fingerprint)
        return found

    async def acknowledge(self, fingerprint: str, *, author: str, comment: str) -> told.Acknowledgement:
        """Take the present firing of an alert on.

        Raises:
            NotFound: There is no such alert.
            Conflict: It does not fire.
            BadInput: Naming the field.
            Unavailable: When the store can't be written.
        """
        now = self._clock()

        def work(connection: Connection) -> Acknowledgement:
            alert = next((one for one in read_alerts(connection) if one.fingerprint == fingerprint), None)
            if alert is None:
                raise _unknown(fingerprint)
            if alert.state.status is not AlertStatus.FIRING:
                raise Conflict(
                    f"The alert {alert.rule} does not fire, it is {alert.state.status}: only a firing one is taken on."
                )
            return acknowledge(
                connection,
                incident=incident_of(alert),
                fingerprint=fingerprint,
                author=author,
                comment=comment,
                now=now,
            )

        try:
            given = await self._store.write(work, tables=(alerts, acknowledgement_table))
        except InvalidAcknowledgementError as error:
            raise bad_field(error.field, error.message) from None
        return told.Acknowledgement(
            fingerprint=fingerprint,
            incident=given.incident,
            author=given.author,
            comment=given.comment,
            at=rfc3339(given.at),
        )

    def _shown(self, alert: StoredAlert, about: "_About") -> dict[str, Any]:
        state = alert.state
        fired = state.fired_at is not None
        firing = state.status is AlertStatus.FIRING
        taken_on = about.taken_on.get(incident_of(alert)) if firing else None
        active = state.status in _ACTIVE
        page = f"{self._dashboard_url}/alerts?alert={alert.fingerprint}" if self._dashboard_url else ""
        return {
            "fingerprint": alert.fingerprint,
            "rule": alert.rule,
            "state": str(state.status),
            "health": str(state.health),
            "cause": str(state.cause),
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "value": state.value,
            "active_since": rfc3339(state.active_since),
            "fired_at": rfc3339(state.fired_at),
            "resolved_at": rfc3339(state.resolved_at),
            "last_evaluated_at": rfc3339(state.last_evaluated_at),
            "error": state.error,
            "metric": alert.metric,
            "condition": alert.condition,
            "runbook": alert.runbook,
            "url": alert.url,
            "trace_ids": list(alert.trace_ids),
            "incident": incident_of(alert) if fired else None,
            "acknowledged_by": None if taken_on is None else taken_on.author,
            "acknowledged_at": None if taken_on is None else rfc3339(taken_on.at),
            "acknowledgement": None if taken_on is None else taken_on.comment,
            "silenced_by": [one.id for one in about.silences if one.mutes(alert.labels, about.now)] if active else [],
            "inhibited_by": about.inhibition(alert) if firing else None,
            "links": {"alert": page, "dashboard": alert.url, "runbook": alert.runbook},
        }


class _About:
    """What is known besides the alerts themselves."""

    def __init__(
        self,
        silences_in_force: Sequence[Silence],
        taken_on: Mapping[str, Acknowledgement],
        inhibitions: Inhibition,
        heard_of: Collection[str],
        now: float,
    ) -> None:
        self.silences = silences_in_force
        self.taken_on = taken_on
        self.now = now
        self._inhibitions = inhibitions
        self._heard_of = heard_of

    @classmethod
    def read(
        cls, connection: Connection, everything: Sequence[StoredAlert], rules: Sequence[InhibitRule], now: float
    ) -> "_About":
        firing = [alert for alert in everything if alert.state.status is AlertStatus.FIRING]
        inhibitions = Inhibition(rules, [FiringAlert(alert.fingerprint, alert.labels) for alert in firing])
        inspector = sa.inspect(connection)
        if not all(inspector.has_table(table.name) for table in _MUTING):
            # A store of before there was such a thing.
            return cls((), {}, inhibitions, frozenset(), now)
        taken_on = acknowledgements(connection, [incident_of(alert) for alert in firing])
        heard_of = sa.select(members.c.incident).where(members.c.told.is_not(None))
        return cls(
            active_silences(connection, now),
            taken_on,
            inhibitions,
            frozenset(connection.execute(heard_of).scalars()),
            now,
        )

    def inhibition(self, alert: StoredAlert) -> str | None:
        """What holds a firing alert back besides silences."""
        state = alert.state
        heard_of = incident_of(alert) in self._heard_of
        return self._inhibitions.reason(
            Target(alert.fingerprint, alert.labels, str(state.cause), bool(state.error), heard_of)
        )


def _worker(seen: tuple[float, float | None, str | None] | None, now: float, standby: int = 0) -> told.WorkerLife:
    if seen is None:
        return told.WorkerLife(state="never", last_evaluation_at=None, error=None)
    heartbeat_at, last_evaluation_at, error = seen
    return told.WorkerLife.model_validate(
        {
            "state": "silent" if now - heartbeat_at > SILENT_AFTER_SECONDS else "running",
            "last_evaluation_at": rfc3339(last_evaluation_at),
            "error": error or None,
            "standby": standby,
        }
    )


def _event(row: RowMapping) -> told.Event:
    kept = {name: row[name] for name in ("id", "kind", "value", "cause", "error")}
    return told.Event.model_validate({**kept, "at": rfc3339(row["at"])})


def _unknown(fingerprint: str) -> NotFound:
    return NotFound(f"There is no alert {fingerprint}; GET /api/v1/alerts lists them.")
