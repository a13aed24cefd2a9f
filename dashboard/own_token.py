"""The dashboard's own token for the monitoring API."""

import re
from typing import Final

from pydantic import SecretStr

from dashboard.refused_start import StartRefusedError
from dashboard.settings import DashboardSettings

_FILE: Final = "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE"


def own_token(settings: DashboardSettings) -> SecretStr | None:
    """Read the token from where the settings say.

    Raises:
        StartRefusedError: its file is unreadable or empty, or what it holds cannot be sent; names the file.
    """
    if settings.api_token_file is None:
        if settings.api_token is not None and not _is_sendable(settings.api_token.get_secret_value()):
            raise StartRefusedError("SIGHTGLASS_DASHBOARD_API_TOKEN holds no token, but spaces or other characters.")
        return settings.api_token
    if settings.api_token is not None:
        raise StartRefusedError(f"SIGHTGLASS_DASHBOARD_API_TOKEN and {_FILE} are both set. Unset one of them.")
    path = settings.api_token_file
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartRefusedError(
            f"{_FILE} names {path}, which cannot be read ({error.strerror}). "
            "Name a file that the dashboard's user can read."
        ) from None
    except UnicodeDecodeError:
        text = "\0"
    if not text:
        raise StartRefusedError(f"{_FILE} names {path}, which is empty. `sightglass tokens create` prints a token.")
    if not _is_sendable(text):
        raise StartRefusedError(f"{_FILE} names {path}, which holds something else than one token.")
    return SecretStr(text)


def _is_sendable(text: str) -> bool:
    return re.fullmatch(r"[!-~]+", text) is not None
