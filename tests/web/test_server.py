"""Where a server may listen."""

from datetime import UTC, datetime, timedelta

import pytest

from services.web import server
from services.web.access.register import create_token, revoke_tokens
from services.web.access.scopes import Scope
from services.web.access.token_file import TokenFile
from services.web.listener_settings import ListenerSettings

NOW = datetime.now(UTC)


@pytest.fixture
def started(monkeypatch):
    """What uvicorn was asked to run, instead of running it."""
    calls = []
    monkeypatch.setattr(server.uvicorn, "run", lambda app, **options: calls.append((app, options)))
    monkeypatch.setattr(server.signal, "signal", lambda *_arguments: None)
    return calls


def listener(tmp_path, host="127.0.0.1", **chosen):
    """Settings of a listener."""
    return ListenerSettings(_env_file=None, data_dir=tmp_path, host=host, port=1, **chosen)


BEYOND = ["0.0.0.0", "::", "192.168.1.5", "example.org", ""]


@pytest.mark.parametrize("host", BEYOND)
def test_nothing_is_served_beyond_loopback_without_a_token(started, host, tmp_path):
    """Where nobody could be let in, no other address is listened on, and the message says what to do."""
    with pytest.raises(SystemExit, match="sightglass tokens create"):
        server.serve("a:b", listener(tmp_path, host))
    assert started == []


@pytest.mark.parametrize("host", BEYOND)
def test_a_usable_token_opens_other_addresses(started, host, tmp_path):
    """With a token it is served; with one that has expired, or was revoked, it is not."""
    settings = listener(tmp_path, host)
    file = TokenFile(settings.tokens_path())
    create_token(file, "old", scopes=frozenset({Scope.READ}), delegate=False, now=NOW, expires_at=NOW)
    create_token(file, "gone", scopes=frozenset({Scope.READ}), delegate=False, now=NOW, expires_at=None)
    revoke_tokens(file, "gone", NOW)
    with pytest.raises(SystemExit, match="none that is usable"):
        server.serve("a:b", settings)
    create_token(
        file, "good", scopes=frozenset({Scope.READ}), delegate=False, now=NOW, expires_at=NOW + timedelta(days=1)
    )
    server.serve("a:b", settings)
    assert len(started) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_loopback_is_served(started, host, tmp_path):
    """Loopback addresses are listened on, by a factory when it is named as text."""
    server.serve("a:b", listener(tmp_path, host), workers=2)
    ((app, options),) = started
    assert app == "a:b"
    assert (options["factory"], options["workers"], options["host"]) == (True, 2, host)


@pytest.mark.parametrize("damage", ["open", "text", "folder"])
def test_a_tokens_file_that_cant_be_used_is_no_reason_to_let_everybody_in(started, damage, tmp_path):
    """With auth on, a broken or open file keeps the process from starting, also on loopback."""
    settings = listener(tmp_path, auth="on")
    path = settings.tokens_path()
    path.parent.mkdir()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_text("{}" if damage == "text" else '{"version": 1, "tokens": []}')
        path.chmod(0o600 if damage == "text" else 0o644)
    with pytest.raises(SystemExit, match="SIGHTGLASS_TOKENS_FILE"):
        server.serve("a:b", settings)
    assert started == []
