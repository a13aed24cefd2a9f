"""What the monitoring API is told, and what it refuses."""

import pytest

from services.monitoring_api.queries.cache_place import CachePlace
from services.monitoring_api.settings import MonitoringApiSettings
from sightglass.process_settings import BadSettingsError, checked_settings


@pytest.fixture
def told(monkeypatch, tmp_path):
    """``told(NAME=value)`` is the process's settings with these variables."""
    monkeypatch.chdir(tmp_path)

    def told(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"SIGHTGLASS_MONITORING_API_{name}", str(value))
        return checked_settings(MonitoringApiSettings)

    return told


def test_the_cache_is_in_memory_unless_a_redis_is_named(told, tmp_path):
    """A URL names it, a file the password."""
    assert told().cache_place() is None
    (tmp_path / "password").write_text("secret")
    place = told(CACHE_URL="rediss://cache:6380/3", CACHE_PASSWORD_FILE=tmp_path / "password").cache_place()
    assert place == CachePlace("cache", 6380, 3, tls=True, password_file=tmp_path / "password")
    assert told(CACHE_URL="redis://[::1]").cache_place().host == "::1"


@pytest.mark.parametrize(
    ("url", "told_of"),
    [
        ("redis://:hunter2@cache", "CACHE_PASSWORD_FILE"),
        ("redis://ann:hunter2@cache/0", "CACHE_USER"),
        ("redis://cache?password=hunter2", "CACHE_PASSWORD_FILE"),
        ("redis://cache?ssl_cert_reqs=none", "nothing else"),
        ("redis://cache/0/1", "nothing else"),
        ("redis://cache/²", "nothing else"),
        ("redis://cache:99999", "CACHE_URL"),
        ("http://cache", "redis://127.0.0.1:6379/0"),
        ("cache:6379", "redis://127.0.0.1:6379/0"),
        ("", "redis://127.0.0.1:6379/0"),
    ],
)
def test_a_cache_url_holds_a_place_and_no_login(told, url, told_of):
    """What is refused names the setting and the way out, and never tells the password."""
    with pytest.raises(BadSettingsError) as refused:
        told(CACHE_URL=url)
    assert "SIGHTGLASS_MONITORING_API_CACHE_URL" in str(refused.value)
    assert told_of in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_user_of_the_cache_has_a_password(told, tmp_path):
    """A user alone, and a file that is empty or not there, are refused."""
    with pytest.raises(BadSettingsError, match="CACHE_PASSWORD_FILE is missing"):
        told(CACHE_URL="redis://cache", CACHE_USER="ann")
    (tmp_path / "empty").write_text("\n")
    for name in ("empty", "missing"):
        with pytest.raises(BadSettingsError, match=name):
            told(CACHE_PASSWORD_FILE=tmp_path / name)


@pytest.mark.parametrize(
    ("host", "proxies", "chosen", "limit"),
    [
        ("127.0.0.1", "[]", None, None),
        ("127.0.0.1", '["10.0.0.1"]', None, 16),
        ("0.0.0.0", "[]", None, 16),
        ("0.0.0.0", "[]", 0, None),
        ("127.0.0.1", "[]", 2, 2),
    ],
)
def test_one_client_has_a_limit_beyond_loopback_unless_it_is_chosen(told, host, proxies, chosen, limit):
    """As with the rate: none where only this machine asks, for there clients can't be told apart."""
    variables = {} if chosen is None else {"CONCURRENCY_LIMIT": chosen}
    assert told(HOST=host, TRUSTED_PROXIES=proxies, **variables).requests_at_once() == limit


def test_no_connection_gives_up_before_the_most_patient_route(told):
    """Exact answers may take longer than others, and the connection waits for the longer of the two."""
    assert told().connection("api").longest_deadline_seconds == 30
    assert told(EXACT_DEADLINE_SECONDS=2).connection("api").longest_deadline_seconds == 5
