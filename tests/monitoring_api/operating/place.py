"""An application over a store as a worker leaves it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting import store as alert_store
from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.models import AlertEvent, AlertState, AlertStatus, Cause, EventKind, Health
from services.monitoring_api.app import create_app
from services.monitoring_api.notify import tables
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.routes.test_hostile_input import Silent

NOW = 10_000.0
FIRING, PENDING, QUIET = "00000000000000f1", "00000000000000b2", "00000000000000a3"
CHANNELS = """
channels:
  - {name: log, type: log}
  - {name: hook, type: webhook, url_env: HOOK_URL}
inhibit:
  - {source: [alertname=Burning], target: [alertname=Warm]}
"""


class Place:
    """A data folder with a store and a notifications file, and a client of an application over them."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.folder = folder
        self.file = folder / "notifications.yaml"
        self.file.write_text(CHANNELS)
        self.settings = MonitoringApiSettings(_env_file=None, data_dir=folder, notifications_file=self.file)
        self.client = TestClient(
            create_app(self.settings, database=Silent(), clock=lambda: datetime.fromtimestamp(self.now, UTC)),
            base_url="http://localhost",
        )

    def fill(self) -> None:
        """Make the store, with alerts in three states and the history of one."""
        (self.folder / "worker").mkdir()
        fill(self.settings.store_url())

    def run(self, work: Callable[[Connection], Any]) -> Any:
        """One transaction on the store, as the worker makes it."""
        engine = open_store(self.settings.store_url(), writer=True)
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            engine.dispose()

    def get(self, path: str, **parameters: Any) -> Any:
        """A GET's JSON, which must be one."""
        answer = self.client.get(f"/api/v1{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        """A POST's answer."""
        return self.client.post(f"/api/v1{path}", json=body)

    def audit(self) -> list[tuple[str, str, str]]:
        """(action, target, outcome) of every line."""
        path = self.settings.audit_folder() / "monitoring-api.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [(line["action"], line["target"], line["outcome"]) for line in lines]


def fill(url: str) -> None:
    """Make a store with alerts in three states and the history of one."""
    engine = open_store(url, writer=True)
    with engine.begin() as connection:
        alert_store.metadata.create_all(connection)
        tables.metadata.create_all(connection)
        alert_store.write_changes(connection, _changes())
        alert_store.record_worker(connection, "w", heartbeat_at=NOW, last_evaluation_at=NOW, error=None)
    engine.dispose()


def _changes() -> list[Change]:
    def alert(fingerprint: str, rule: str, state: AlertState) -> StoredAlert:
        return StoredAlert(
            fingerprint,
            rule,
            "k",
            {"alertname": rule, "severity": "page"},
            {"summary": rule},
            state,
            metric="error_ratio",
            condition="> 0.05",
            runbook="https://example.org/r",
            url="http://d/history",
            trace_ids=(),
        )

    burning = AlertState(AlertStatus.FIRING, active_since=9_000.0, fired_at=9_060.0, value=0.2)
    warm = AlertState(AlertStatus.PENDING, active_since=9_990.0, value=0.06)
    quiet = AlertState(health=Health.NO_DATA, last_evaluated_at=NOW)
    past = [
        AlertEvent(EventKind.PENDING, 9_000.0, 0.2),
        AlertEvent(EventKind.FIRED, 9_060.0, 0.2),
        AlertEvent(EventKind.FAILING, 9_100.0, None, Cause.ERROR, "ClickHouse is away"),
        AlertEvent(EventKind.RECOVERED, 9_200.0, 0.3),
    ]
    return [
        Change(alert(FIRING, "Burning", burning), tuple(past)),
        Change(alert(PENDING, "Warm", warm), ()),
        Change(alert(QUIET, "Quiet", quiet), ()),
    ]


def rows(connection: Connection, table: sa.Table) -> list[Any]:
    """All rows of a table."""
    return list(connection.execute(sa.select(table)).mappings())
