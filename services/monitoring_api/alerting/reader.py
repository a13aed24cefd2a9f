"""What `/alerts` answers, read from the worker's store by another process."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.store import alerts, read_alerts, read_worker, workers
from services.monitoring_api.configuration.instant import rfc3339
from services.web.problems import Unavailable

SILENT_AFTER_SECONDS: Final = 30.0

# What needs somebody comes first.
_ORDER: Final = (AlertStatus.FIRING, AlertStatus.PENDING, AlertStatus.RESOLVED, AlertStatus.INACTIVE)


class AlertReader:
    """Reads alerts; opens the store at the first question and creates nothing.

    Args:
        url: The worker's store, an SQLAlchemy URL.
        clock: The time, epoch seconds.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._engine = open_store(url, writer=False)
        self._clock = clock

    async def read(self, state: str | None) -> dict[str, Any]:
        """Every alert, those that need somebody first, and how the worker is.

        Args:
            state: Only alerts in this state; all when None.

        Raises:
            Unavailable: When the store can't be read.
        """
        try:
            return await asyncio.to_thread(self._read, state)
        except SQLAlchemyError as error:
            raise Unavailable(f"The alert store can't be read now: {type(error).__name__}.") from error

    async def close(self) -> None:
        """Let go of the store."""
        await asyncio.to_thread(self._engine.dispose)

    def _read(self, state: str | None) -> dict[str, Any]:
        now = self._clock()
        if not self._made():
            return {"alerts": [], "worker": _worker(None, now)}
        with self._engine.begin() as connection:
            if not _complete(connection):
                return {"alerts": [], "worker": _worker(None, now)}
            found = [alert for alert in read_alerts(connection) if state in {None, str(alert.state.status)}]
            seen = read_worker(connection)
        found.sort(key=lambda alert: (_ORDER.index(alert.state.status), alert.rule, alert.fingerprint))
        return {"alerts": [_shown(alert) for alert in found], "worker": _worker(seen, now)}

    def _made(self) -> bool:
        parsed = make_url(self._url)
        return parsed.get_backend_name() != "sqlite" or (bool(parsed.database) and Path(str(parsed.database)).exists())


def _complete(connection: Connection) -> bool:
    inspector = sa.inspect(connection)
    return inspector.has_table(alerts.name) and inspector.has_table(workers.name)


def _worker(seen: tuple[float, float | None, str | None] | None, now: float) -> dict[str, Any]:
    if seen is None:
        return {"state": "never", "last_evaluation_at": None, "error": None}
    heartbeat_at, last_evaluation_at, error = seen
    silent = now - heartbeat_at > SILENT_AFTER_SECONDS
    return {
        "state": "silent" if silent else "running",
        "last_evaluation_at": rfc3339(last_evaluation_at),
        "error": error,
    }


def _shown(alert: StoredAlert) -> dict[str, Any]:
    state = alert.state
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
    }
