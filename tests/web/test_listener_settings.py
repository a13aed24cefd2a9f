"""What a listener is told: who must have a token, how often one may ask, and with which certificate."""

import pytest
from pydantic import ValidationError

from services.ml_api.settings import MlApiSettings
from services.web.listener_settings import ListenerSettings


def listener(**chosen):
    """Settings of a listener."""
    return ListenerSettings(_env_file=None, port=1, **chosen)


@pytest.mark.parametrize(
    ("host", "auth", "asks"),
    [
        ("127.0.0.1", "auto", False),
        ("::1", "auto", False),
        ("localhost", "auto", False),
        ("127.0.0.1", "on", True),
        ("0.0.0.0", "auto", True),
        ("::", "auto", True),
        ("", "auto", True),
        ("10.0.0.1", "auto", True),
        ("10.0.0.1", "on", True),
    ],
)
def test_a_token_is_asked_for_beyond_loopback_or_always(host, auth, asks):
    """Nothing switches it off beyond loopback."""
    assert listener(host=host, auth=auth).asks_for_token() is asks


def test_auth_is_auto_or_on():
    """There is no `off` that somebody could forget."""
    with pytest.raises(ValidationError, match="auto"):
        listener(auth="off")


@pytest.mark.parametrize(
    ("host", "proxies", "limit", "rate"),
    [
        ("127.0.0.1", (), None, None),
        ("0.0.0.0", (), None, 100),
        ("0.0.0.0", (), 0, None),
        ("127.0.0.1", (), 7, 7),
        ("127.0.0.1", ("127.0.0.1",), None, 100),
        ("127.0.0.1", ("127.0.0.1",), 0, None),
    ],
)
def test_a_limit_is_there_beyond_loopback_or_behind_a_proxy_unless_it_is_chosen(host, proxies, limit, rate):
    """0 switches it off."""
    assert listener(host=host, trusted_proxies=proxies, rate_limit=limit).requests_per_second() == rate


@pytest.mark.parametrize(
    ("given", "taken"),
    [("127.0.0.1", "127.0.0.1"), (" ::1 ", "::1"), ("10.1.2.9/24", "10.1.2.0/24"), ("FD00::/32", "fd00::/32")],
)
def test_proxies_are_addresses_or_networks(given, taken):
    """Written as they are compared."""
    assert listener(trusted_proxies=(given,)).trusted_proxies == (taken,)


@pytest.mark.parametrize(
    "given", ["*", "", "proxy.example.org", "127.0.0.1:80", "0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3"]
)
def test_not_everybody_is_a_proxy(given):
    """Whoever is believed could claim any address: the message says what to name."""
    with pytest.raises(ValidationError, match=r"trusted_proxies\s.*name the reverse proxies"):
        listener(trusted_proxies=(given,))


def test_a_certificate_needs_its_key_and_both_must_be_readable(tmp_path):
    """The message names the setting of the process, or the file."""
    file = tmp_path / "file.pem"
    file.write_text("")
    with pytest.raises(ValidationError, match="SIGHTGLASS_ML_API_TLS_KEY_FILE is missing"):
        MlApiSettings(_env_file=None, tls_cert_file=file)
    with pytest.raises(ValidationError, match="SIGHTGLASS_ML_API_TLS_CERT_FILE is missing"):
        MlApiSettings(_env_file=None, tls_key_file=file)
    with pytest.raises(ValidationError, match=r"none\.pem can't be read"):
        MlApiSettings(_env_file=None, tls_cert_file=file, tls_key_file=tmp_path / "none.pem")
    with pytest.raises(ValidationError, match="not a file"):
        MlApiSettings(_env_file=None, tls_cert_file=tmp_path, tls_key_file=file)
    assert MlApiSettings(_env_file=None, tls_cert_file=file, tls_key_file=file).serves_tls()


def test_a_process_with_settings_of_several_kinds_checks_all_their_files(tmp_path):
    """The monitoring API's come from two classes, and neither's checks hide the other's."""
    from services.monitoring_api.settings import MonitoringApiSettings

    missing = tmp_path / "none.pem"
    with pytest.raises(ValidationError) as refused:
        MonitoringApiSettings(_env_file=None, tls_ca_file=missing, tls_cert_file=missing, tls_key_file=missing)
    assert len(refused.value.errors()) == 3
