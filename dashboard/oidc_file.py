"""The file with which Streamlit signs people in by OpenID Connect, checked before anybody meets its errors."""

import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dashboard.refused_start import StartRefusedError
from dashboard.settings import is_loopback

_SETTING: Final = "SIGHTGLASS_DASHBOARD_OIDC_FILE"
_CALLBACK: Final = "/oauth2callback"
_OF_THE_DASHBOARD: Final = ("redirect_uri", "cookie_secret")
_OF_A_PROVIDER: Final = ("client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET: Final = 32
DEFAULT: Final = "default"


def providers(path: Path) -> tuple[str, ...]:
    """Check the file and name its providers; `default` is the one whose keys stand in [auth] itself.

    Raises:
        StartRefusedError: the file cannot be used; names it and the key, never a value.
    """
    section = _section(path)
    _check_keys(path, "[auth]", section, _OF_THE_DASHBOARD)
    if len(section["cookie_secret"]) < _SHORTEST_SECRET:
        raise _refusal(
            path,
            f"cookie_secret in [auth] is shorter than {_SHORTEST_SECRET} characters; whoever guesses it can be anybody",
            "`openssl rand -hex 32` makes a good one.",
        )
    if not section["redirect_uri"].endswith(_CALLBACK):
        raise _refusal(
            path,
            f"redirect_uri in [auth] does not end in {_CALLBACK}",
            f"Write the address that browsers open, such as https://monitoring.example.org{_CALLBACK}.",
        )
    named = {name: value for name, value in section.items() if isinstance(value, dict) and name != "client_kwargs"}
    found = {DEFAULT: section} if any(key in section for key in _OF_A_PROVIDER) or not named else {}
    for name, provider in {**found, **named}.items():
        where = "[auth]" if name == DEFAULT else f"[auth.{name}]"
        if "_" in name:
            raise _refusal(path, f"{where} has an underscore in its name", "Streamlit takes names without it only.")
        _check_keys(path, where, provider, _OF_A_PROVIDER)
        address = urlsplit(provider["server_metadata_url"])
        if address.scheme != "https" and not is_loopback(address.hostname or ""):
            raise _refusal(
                path,
                f"server_metadata_url in {where} is no https address",
                "Whoever answers there decides who people are: use https.",
            )
    return (*found, *named)


def _section(path: Path) -> dict[str, Any]:
    if path.suffix != ".toml":
        raise _refusal(path, "its name does not end in .toml", "Streamlit reads such files only: rename it.")
    try:
        mode = path.stat().st_mode
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refusal(
            path, f"it cannot be read ({error.strerror})", "Name a file that the dashboard can read."
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # The parser's own message can quote the line, which may hold a secret.
        raise _refusal(path, "it is not TOML", 'Its first line is [auth], each further one is key = "value".') from None
    if mode & 0o077:
        raise _refusal(path, f"others may read it (mode {mode & 0o777:04o})", f"`chmod 600 {path}` closes it.")
    section = content.pop("auth", None)
    if not isinstance(section, dict):
        raise _refusal(path, "the section [auth] is missing", "Its first line is [auth].")
    if content:
        # Streamlit would put them into the environment of the process.
        raise _refusal(path, f"it holds more than [auth]: {', '.join(sorted(content))}", "Remove the rest.")
    return section


def _check_keys(path: Path, where: str, section: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        value = section.get(key)
        if not isinstance(value, str) or not value.strip():
            raise _refusal(path, f"{key} is missing in {where}", f'Add a line {key} = "…".')


def _refusal(path: Path, what: str, remedy: str) -> StartRefusedError:
    return StartRefusedError(f"{_SETTING} names {path}, which cannot be used: {what}. {remedy}")
