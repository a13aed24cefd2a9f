"""`/markers`: first sights of versions, promotions of the audit log, alerts that fired."""

import json
from datetime import timedelta

import pytest

from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.models import AlertEvent, AlertState, AlertStatus, Cause, EventKind
from services.monitoring_api.alerting.store import write_changes
from services.monitoring_api.worker.store import Store, prepare_folder
from sightglass.attributes import HEARTBEAT_METRIC
from tests.monitoring_api.store import T0, point, prediction

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)


def heartbeat(at, version, service="ml-api"):
    """A sign of life of a process of a version."""
    made = point(at, HEARTBEAT_METRIC, 1.0, service=service)
    return {**made, "ResourceAttributes": {**made["ResourceAttributes"], "service.version": version}}


async def told(client, **query):
    """What is answered, in short."""
    answer = await client.get("/api/v1/markers", params={"from": "now-6h", **query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [(one["kind"], one["name"], one["version"], one["at"]) for one in body["markers"]], body


async def test_first_sights_are_told_once(store, asking):
    """What was seen in the day before is not new; a restart of the same version is not; the doctor's never is."""
    store.insert(
        "otel_logs",
        [
            prediction(T0 - 20 * HOUR, version="old"),
            prediction(T0 - 2 * HOUR, version="old"),
            prediction(T0 - 2 * HOUR, version="new"),
            prediction(T0 - HOUR, version="new"),
        ],
    )
    store.insert(
        "otel_metrics_gauge",
        [
            heartbeat(T0 - 9 * HOUR, "1.0"),
            heartbeat(T0 - 3 * HOUR, "1.0"),
            heartbeat(T0 - 3 * HOUR, "1.1"),
            heartbeat(T0 - HOUR, "", service="unversioned"),
            heartbeat(T0 - HOUR, "9", service="sightglass-doctor"),
        ],
    )
    async with asking(store) as client:
        found, body = await told(client)
        assert found == [
            ("service_version", "ml-api", "1.1", "2026-03-02T07:00:00Z"),
            ("model_version", "flight-delay", "new", "2026-03-02T08:00:00Z"),
        ]
        assert (body["truncated"], body["unknown"]) == (False, ["promotion"])
        assert (await told(client, model="another"))[0] == found[:1]
        assert (await told(client, service="another"))[0] == []


async def test_promotions_and_alerts_are_told(store, asking, tmp_path):
    """A promotion is in two logs and told once; a broken line is passed over; an alert ends where it was resolved."""
    entry = {"action": "model.promote", "target": "flight-delay/v2", "outcome": "ok", "time": "2026-03-02T09:00:00Z"}
    later = {**entry, "time": "2026-03-02T09:00:02Z"}
    refused = {**entry, "target": "flight-delay/v3", "outcome": "refused"}
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "a.jsonl").write_text(f"{json.dumps(entry)}\n{json.dumps(refused)}\n{{model.promote\n")
    (tmp_path / "audit" / "b.jsonl").write_text(json.dumps(later) + "\n")
    url = f"sqlite:///{tmp_path / 'worker' / 'alerts.sqlite'}"
    prepare_folder(url)
    worker = Store(url)
    worker.create()
    now = T0.timestamp()
    events = [AlertEvent(EventKind.FIRED, now - 7200, 1.0, Cause.CONDITION)]
    events += [AlertEvent(EventKind.RESOLVED, now - 3600, 0.0, Cause.CONDITION)]
    alert = StoredAlert("f1", "Slow", "k", {"service": "ml-api"}, {}, AlertState(AlertStatus.RESOLVED))
    await worker(lambda connection: write_changes(connection, [Change(alert, tuple(events))]))
    worker.close()
    async with asking(store) as client:
        found, body = await told(client)
        assert found == [
            ("alert", "Slow", "", "2026-03-02T08:00:00Z"),
            ("promotion", "flight-delay", "v2", "2026-03-02T09:00:00Z"),
        ]
        assert (body["markers"][0]["until"], body["markers"][0]["fingerprint"]) == ("2026-03-02T09:00:00Z", "f1")
        assert body["unknown"] == []
        assert [kind for kind, *_ in (await told(client, service="another"))[0]] == ["promotion"]


async def test_bad_ranges_are_named(store, asking):
    """Backwards, no time, and a parameter that there is not."""
    async with asking(store) as client:
        for query in ({"from": "now", "to": "now-1h"}, {"from": "soon"}, {"form": "now-1h"}):
            assert (await client.get("/api/v1/markers", params=query)).status_code == 422
