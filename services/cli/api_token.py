"""The token with which commands ask the APIs."""

from pathlib import Path

from services.cli.settings import SupervisorSettings
from sightglass.export.bearer_token import read_token, reason_of
from sightglass.process_settings import BadSettingsError


def api_token(settings: SupervisorSettings, file: Path | None = None) -> str | None:
    """Give the token of a file, or else that of SIGHTGLASS_TOKEN; None where neither is named.

    Raises:
        BadSettingsError: the file holds no token that can be used; the text names it, and never its content.
    """
    if file is None:
        return (settings.token.get_secret_value().strip() or None) if settings.token else None
    try:
        return read_token(file)
    except (OSError, ValueError) as error:
        raise BadSettingsError(f"{file} {reason_of(error)}.") from None
