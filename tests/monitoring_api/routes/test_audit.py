"""What the audit log tells over HTTP: every operator's action, under the name of the person."""

import json

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.operating import audit_trail
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.access.register import create_token
from services.web.access.scopes import Scope
from services.web.access.token_file import TokenFile
from tests.monitoring_api.store import T0
from tests.web.access.conftest import NOW

from .test_hostile_input import Silent

pytestmark = pytest.mark.anyio
AUDIT = "/api/v1/audit"
ACTIONS = [
    ("POST", "/api/v1/alerts/00000000000000f1/acknowledge", "alert.acknowledge", "00000000000000f1"),
    ("POST", "/api/v1/silences", "silence.create", None),
    ("DELETE", "/api/v1/silences/7", "silence.expire", "7"),
    ("POST", "/api/v1/channels/mail/test", "channel.test", "mail"),
    ("POST", "/api/v1/notifications/3/resend", "notification.resend", "3"),
    ("POST", "/api/v1/models/flight-delay/promote", "model.promote", "flight-delay"),
]


def line(at, **more):
    """A line as a process writes it."""
    return json.dumps(
        {"time": at, "process": "ml-api", "actor": "ops", "action": "model.promote", "outcome": "ok", **more}
    )


async def test_every_action_is_told_under_the_name_of_the_person(tmp_path):
    """Done or not: whoever asks on behalf of somebody is written down with that person's name, and so it is shown."""
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, auth="on", ml_api_url="http://127.0.0.1:1")
    file = TokenFile(settings.tokens_path())
    scopes = frozenset({Scope.READ, Scope.OPERATE, Scope.ADMIN})
    _, token = create_token(file, "dashboard", scopes=scopes, delegate=True, now=NOW, expires_at=None)
    who = {"X-Sightglass-User": "ann@example.org", "X-Sightglass-Role": "admin"}
    app = create_app(settings, database=Silent())
    headers = {"Authorization": f"Bearer {token}", **who}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://localhost", headers=headers
    ) as client:
        for method, path, _, _ in ACTIONS:
            await client.request(method, path, json={} if method == "POST" else None)
        answer = (await client.get(AUDIT)).json()
    told = [(one["who"], one["actor"], one["action"], one["target"]) for one in reversed(answer["entries"])]
    assert told == [("ann@example.org", "dashboard", action, target) for _, _, action, target in ACTIONS]
    assert answer["readable"] is True


async def test_entries_of_all_processes_come_newest_first(api, tmp_path):
    """Filtered by action or person, bounded, and torn lines left out."""
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "a.jsonl").write_text(
        "\n".join([line("2026-03-02T09:00:00Z", on_behalf_of="ann"), '{"time": "2026', line("2026-03-02T09:02:00Z")])
    )
    (folder / "b.jsonl").write_text(line("2026-03-02T09:01:00Z", action="silence.create", status=201) + "\n[1]\n")
    whole = (await api.get(AUDIT)).json()
    assert [(one["at"], one["who"]) for one in whole["entries"]] == [
        ("2026-03-02T09:02:00Z", "ops"),
        ("2026-03-02T09:01:00Z", "ops"),
        ("2026-03-02T09:00:00Z", "ann"),
    ]
    assert whole["truncated"] is False
    some = (await api.get(AUDIT, params={"action": "silence"})).json()["entries"]
    assert [(one["action"], one["status"]) for one in some] == [("silence.create", 201)]
    assert len((await api.get(AUDIT, params={"who": "ann"})).json()["entries"]) == 1
    first = (await api.get(AUDIT, params={"limit": 1})).json()
    assert (len(first["entries"]), first["truncated"]) == (1, True)


async def test_no_log_is_said_and_no_error(api):
    """There is nothing to read yet."""
    assert (await api.get(AUDIT)).json() == {"entries": [], "truncated": False, "readable": False}


def test_of_a_long_log_only_the_end_is_read(tmp_path, monkeypatch):
    """However long it has grown."""
    monkeypatch.setattr(audit_trail, "_MOST_BYTES", 500)
    lines = [line(f"2026-03-02T09:{minute:02}:00Z") for minute in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    found = audit_trail.read_audit_trail(tmp_path, limit=100)
    assert found is not None
    assert found.truncated
    assert 1 <= len(found.entries) <= 4
    assert found.entries[0].at.minute == 59
    assert found.entries[-1].at < T0
