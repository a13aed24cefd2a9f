"""What has to be true before the dashboard listens, and how people sign in."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from dashboard.own_token import own_token
from dashboard.refused_start import StartRefusedError
from dashboard.settings import DashboardSettings, SignIn
from dashboard.start_check import check_start
from tests.dashboard.test_oidc_file import GOOD, written


def settings(**values: Any) -> DashboardSettings:
    """Settings of these values alone."""
    return DashboardSettings(_env_file=None, **values)


def refusal(**values: Any) -> str:
    """Why the dashboard does not start with these settings."""
    with pytest.raises(StartRefusedError) as refused:
        check_start(settings(**values))
    return str(refused.value)


@pytest.mark.parametrize(
    ("values", "way"),
    [
        ({}, SignIn.NONE),
        ({"host": "localhost"}, SignIn.NONE),
        ({"host": "0.0.0.0"}, SignIn.TOKEN),
        ({"host": "::"}, SignIn.TOKEN),
        ({"host": "monitoring.example.org"}, SignIn.TOKEN),
        ({"SIGHTGLASS_AUTH": "on"}, SignIn.TOKEN),
        ({"oidc_file": "o.toml"}, SignIn.OIDC),
        ({"oidc_file": "o.toml", "host": "0.0.0.0"}, SignIn.OIDC),
        ({"oidc_file": "o.toml", "sign_in": "token"}, SignIn.TOKEN),
        ({"sign_in": "token"}, SignIn.TOKEN),
        ({"sign_in": "oidc"}, SignIn.OIDC),
    ],
)
def test_how_people_sign_in(values: dict[str, Any], way: SignIn) -> None:
    """By default: OpenID Connect where there is a file for it, else a token where one is asked for."""
    assert settings(**values).way is way


@pytest.mark.parametrize("values", [{"host": "0.0.0.0"}, {"host": "10.0.0.7"}, {"SIGHTGLASS_AUTH": "on"}])
def test_nobody_looks_without_signing_in_where_others_can_reach_it(values: dict[str, Any]) -> None:
    """Refused, with the setting and both ways out."""
    text = refusal(sign_in="none", **values)
    assert "SIGHTGLASS_DASHBOARD_SIGN_IN=none" in text
    assert "SIGHTGLASS_DASHBOARD_HOST" in text
    check_start(settings(**values))
    check_start(settings(sign_in="none"))


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), ("", "empty"), (" \n", "empty"), ("a b", "else"), (b"\xff", "else")]
)
def test_an_own_token_that_cannot_be_used_is_named(tmp_path: Path, content: str | bytes | None, why: str) -> None:
    """Unreadable, empty or something else: the setting and the file are in the text."""
    path = tmp_path / "none" if content is None else written(tmp_path, content, name="token")
    text = refusal(api_token_file=path)
    assert "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE" in text
    assert str(path) in text
    assert why in text


def test_the_own_token_comes_from_one_place(tmp_path: Path) -> None:
    """From the file, without its line's end; two places are refused."""
    path = written(tmp_path, "sgt_x\n", name="token")
    token = own_token(settings(api_token_file=path))
    assert token is not None
    assert token.get_secret_value() == "sgt_x"
    assert "both set" in refusal(api_token_file=path, api_token="sgt_y")
    assert "SIGHTGLASS_DASHBOARD_API_TOKEN" in refusal(api_token="a b")


def test_openid_connect_needs_all_of_its_parts(tmp_path: Path) -> None:
    """The file, a token of the dashboard's own, and somebody who may get in."""
    path = written(tmp_path, GOOD)
    assert "SIGHTGLASS_DASHBOARD_OIDC_FILE" in refusal(sign_in="oidc")
    assert "--delegate" in refusal(oidc_file=path, viewers=["a@example.org"])
    assert "SIGHTGLASS_DASHBOARD_VIEWERS" in refusal(oidc_file=path, api_token="sgt_x")
    for wrong in ("*", "example.org", "@example.org", "a@b@c", "*@", "a*@b", "a@b\n", ""):
        text = refusal(oidc_file=path, api_token="sgt_x", operators=[wrong])
        assert "SIGHTGLASS_DASHBOARD_OPERATORS" in text
        assert repr(wrong) in text
    check_start(settings(oidc_file=path, api_token="sgt_x", operators=["*@example.org"]))


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """Half a pair, a missing file, a key of another certificate, and a bundle without certificates."""
    authority = trustme.CA()
    for name in ("one", "two"):
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate, key = tmp_path / "one.pem", tmp_path / "one.key"
    assert "SIGHTGLASS_DASHBOARD_TLS_KEY_FILE is not" in refusal(tls_cert_file=certificate)
    assert "SIGHTGLASS_DASHBOARD_TLS_CERT_FILE is not" in refusal(tls_key_file=key)
    missing = refusal(tls_cert_file=certificate, tls_key_file=tmp_path / "none.key")
    assert "SIGHTGLASS_DASHBOARD_TLS_KEY_FILE" in missing
    assert "none.key" in missing
    for wrong in (tmp_path / "two.key", certificate):
        assert str(wrong) in refusal(tls_cert_file=certificate, tls_key_file=wrong)
    assert "SIGHTGLASS_TLS_CA_FILE" in refusal(SIGHTGLASS_TLS_CA_FILE=key)
    assert "none.pem" in refusal(SIGHTGLASS_TLS_CA_FILE=tmp_path / "none.pem")
    check_start(settings(tls_cert_file=certificate, tls_key_file=key, SIGHTGLASS_TLS_CA_FILE=tmp_path / "ca.pem"))
