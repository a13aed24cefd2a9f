"""What has to be true before the dashboard listens."""

import ssl
from pathlib import Path
from typing import Final

from dashboard.members import is_entry
from dashboard.oidc_file import providers
from dashboard.own_token import own_token
from dashboard.refused_start import StartRefusedError
from dashboard.settings import DashboardSettings, SignIn

_TLS: Final = ("SIGHTGLASS_DASHBOARD_TLS_CERT_FILE", "SIGHTGLASS_DASHBOARD_TLS_KEY_FILE")


def check_start(settings: DashboardSettings) -> None:
    """Look at every file and every combination of settings.

    Raises:
        StartRefusedError: one cannot be used; names it and the remedy.
    """
    token = own_token(settings)
    _check_tls(settings)
    if settings.way is SignIn.NONE and settings.authentication_asked:
        where = f"listens on {settings.host}" if settings.auth == "auto" else "follows SIGHTGLASS_AUTH=on"
        raise StartRefusedError(
            f"SIGHTGLASS_DASHBOARD_SIGN_IN=none is refused, for the dashboard {where}: anybody could look. Set it to "
            "`token` or `oidc`, or listen on 127.0.0.1 (SIGHTGLASS_DASHBOARD_HOST) without SIGHTGLASS_AUTH=on."
        )
    if settings.way is SignIn.OIDC:
        _check_oidc(settings, has_token=token is not None)


def _check_oidc(settings: DashboardSettings, *, has_token: bool) -> None:
    if settings.oidc_file is None:
        raise StartRefusedError(
            "SIGHTGLASS_DASHBOARD_SIGN_IN=oidc needs SIGHTGLASS_DASHBOARD_OIDC_FILE: a TOML file of mode 0600 with "
            "Streamlit's section [auth]."
        )
    providers(settings.oidc_file)
    if not has_token:
        raise StartRefusedError(
            "Signing in by OpenID Connect needs a token of the dashboard's own. Set "
            "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE to a file with one made by "
            "`sightglass tokens create dashboard --role operator --delegate`."
        )
    if not settings.viewers and not settings.operators:
        raise StartRefusedError(
            "Nobody could get in: set SIGHTGLASS_DASHBOARD_VIEWERS or SIGHTGLASS_DASHBOARD_OPERATORS to a JSON list of "
            'e-mail addresses, such as ["ann@example.org", "*@example.com"].'
        )
    for name in ("viewers", "operators"):
        for entry in getattr(settings, name):
            if not is_entry(entry):
                raise StartRefusedError(
                    f"SIGHTGLASS_DASHBOARD_{name.upper()} holds {entry!r}, which is neither an e-mail address nor "
                    "`*@` and a domain."
                )


def _check_tls(settings: DashboardSettings) -> None:
    files = (settings.tls_cert_file, settings.tls_key_file)
    for path, name, other in zip(files, _TLS, reversed(_TLS), strict=True):
        if path is None and any(files):
            raise StartRefusedError(f"{other} is set and {name} is not. Set both, or none.")
        if path is not None:
            _check_readable(path, name)
    certificate, key = files
    if certificate and key:
        try:
            # A password is never asked for: a service has nobody who could type it.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        except (OSError, ValueError):
            raise StartRefusedError(
                f"{_TLS[0]} ({certificate}) and {_TLS[1]} ({key}) are no certificate in PEM and its key without a "
                "password."
            ) from None
    if settings.tls_ca_file is not None:
        _check_readable(settings.tls_ca_file, "SIGHTGLASS_TLS_CA_FILE")
        try:
            ssl.create_default_context(cafile=settings.tls_ca_file)
        except (OSError, ValueError):
            raise StartRefusedError(
                f"SIGHTGLASS_TLS_CA_FILE names {settings.tls_ca_file}, which holds no certificates in PEM."
            ) from None


def _check_readable(path: Path, name: str) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise StartRefusedError(
            f"{name} names {path}, which cannot be read ({error.strerror}). "
            "Name a file that the dashboard's user can read."
        ) from None
