"""Where a server may listen."""

import pytest

from services.web import server


@pytest.fixture
def started(monkeypatch):
    """What uvicorn was asked to run, instead of running it."""
    calls = []
    monkeypatch.setattr(server.uvicorn, "run", lambda app, **options: calls.append((app, options)))
    monkeypatch.setattr(server.signal, "signal", lambda *_arguments: None)
    return calls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_nothing_is_served_beyond_loopback(started, host):
    """Without authentication no other address is listened on, and the message says why."""
    with pytest.raises(SystemExit, match="authentication"):
        server.serve("a:b", host=host, port=1)
    assert started == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_loopback_is_served(started, host):
    """Loopback addresses are listened on, by a factory when it is named as text."""
    server.serve("a:b", host=host, port=1, workers=2)
    ((app, options),) = started
    assert app == "a:b"
    assert (options["factory"], options["workers"], options["host"]) == (True, 2, host)
