"""`GET /alerts` over a store."""

from pathlib import Path

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.monitoring_api.alerting import store
from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.models import AlertEvent, AlertState, AlertStatus, EventKind, Health
from services.monitoring_api.alerting.store import record_worker, write_changes
from services.monitoring_api.operating.alerts import StoredAlerts
from services.monitoring_api.operating.files import NotificationsPlace
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.routes.alerts import alerts_router
from services.web.handlers import install_problems


def client(url: str, now: float = 1000.0) -> TestClient:
    """The route alone, at a given time."""
    app = FastAPI()
    install_problems(app)
    place = NotificationsPlace(Path("/nowhere"))
    desk = StoredAlerts(AlertStore(url), place, dashboard_url="http://dashboard/", clock=lambda: now)
    app.include_router(alerts_router(desk), prefix="/api/v1")
    return TestClient(app)


def filled(folder) -> str:
    """A store with a firing and a failing alert."""
    url = f"sqlite:///{folder / 'alerts.sqlite'}"
    engine = sa.create_engine(url)
    store.metadata.create_all(engine)
    states = {
        "Quiet": AlertState(error="ClickHouse can't be reached", last_evaluated_at=990.0, health=Health.ERROR),
        "Burning": AlertState(AlertStatus.FIRING, active_since=900.0, fired_at=960.5, value=0.25),
    }
    about = {
        "metric": "error_ratio",
        "condition": "> 0.05",
        "runbook": "https://example.org/runbook",
        "url": "http://dashboard/history",
        "trace_ids": ("a", "b"),
    }
    with engine.begin() as connection:
        for number, (rule, state) in enumerate(states.items()):
            alert = StoredAlert(f"{number:016}", rule, "k", {"alertname": rule}, {"summary": "s"}, state, **about)
            write_changes(connection, [Change(alert, (AlertEvent(EventKind.FAILING, 1.0),))])
        record_worker(connection, "worker", heartbeat_at=980.0, last_evaluation_at=975.0, error=None)
        record_worker(connection, "other", heartbeat_at=985.0, last_evaluation_at=None, error=None, leads=False)
        record_worker(connection, "gone", heartbeat_at=900.0, last_evaluation_at=None, error=None, leads=False)
    engine.dispose()
    return url


def test_what_needs_somebody_comes_first(tmp_path):
    """Firing before inactive, times as RFC 3339, errors shown, the worker's life, and who could take over."""
    answer = client(filled(tmp_path)).get("/api/v1/alerts").json()
    assert [alert["rule"] for alert in answer["alerts"]] == ["Burning", "Quiet"]
    assert answer["alerts"][0] == {
        "fingerprint": "0000000000000001",
        "rule": "Burning",
        "state": "firing",
        "health": "ok",
        "cause": "condition",
        "labels": {"alertname": "Burning"},
        "annotations": {"summary": "s"},
        "value": 0.25,
        "active_since": "1970-01-01T00:15:00Z",
        "fired_at": "1970-01-01T00:16:00.500000Z",
        "resolved_at": None,
        "last_evaluated_at": None,
        "error": None,
        "metric": "error_ratio",
        "condition": "> 0.05",
        "runbook": "https://example.org/runbook",
        "url": "http://dashboard/history",
        "trace_ids": ["a", "b"],
        "incident": "0000000000000001-960500",
        "acknowledged_by": None,
        "acknowledged_at": None,
        "acknowledgement": None,
        "silenced_by": [],
        "inhibited_by": None,
        "links": {
            "alert": "http://dashboard/alerts?alert=0000000000000001",
            "dashboard": "http://dashboard/history",
            "runbook": "https://example.org/runbook",
        },
    }
    assert answer["alerts"][1]["error"] == "ClickHouse can't be reached"
    assert answer["alerts"][1]["health"] == "error"
    assert answer["worker"] == {
        "state": "running",
        "last_evaluation_at": "1970-01-01T00:16:15Z",
        "error": None,
        "standby": 1,
    }


def test_alerts_of_one_state(tmp_path):
    """The parameter narrows; one that there isn't is refused by name."""
    api = client(filled(tmp_path))
    assert [a["rule"] for a in api.get("/api/v1/alerts?state=inactive").json()["alerts"]] == ["Quiet"]
    assert api.get("/api/v1/alerts?state=resolved").json()["alerts"] == []
    for wrong in ("state=broken", "stat=firing"):
        refused = api.get(f"/api/v1/alerts?{wrong}")
        assert refused.status_code == 422
        assert wrong.split("=", maxsplit=1)[0] in refused.text


def test_a_silent_worker_is_named_silent(tmp_path):
    """Without a heartbeat for half a minute nobody claims that all is well."""
    assert client(filled(tmp_path), now=1011.0).get("/api/v1/alerts").json()["worker"]["state"] == "silent"


def test_before_any_worker_ran(tmp_path):
    """No file and an empty file are the same: never; and reading makes nothing."""
    path = tmp_path / "none.sqlite"
    for _ in range(2):
        assert client(f"sqlite:///{path}").get("/api/v1/alerts").json()["worker"]["state"] == "never"
    assert not path.exists()
    path.touch()
    assert client(f"sqlite:///{path}").get("/api/v1/alerts").json()["worker"]["state"] == "never"


def test_a_store_that_can_t_be_read_is_a_503(tmp_path):
    """A file that is no database is a problem with Retry-After, not a crash."""
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    answer = client(f"sqlite:///{path}").get("/api/v1/alerts")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "Retry-After" in answer.headers
