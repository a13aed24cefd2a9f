"""The library's own settings: plain values, from SIGHTGLASS_* variables or from the caller."""

import difflib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sightglass.entity_salt import ENTITY_SALT_FILE_VARIABLE, ENTITY_SALT_VARIABLE, read_entity_salt

DENIED_FEATURES_VARIABLE: Final = "SIGHTGLASS_DENIED_FEATURES"
ALLOWED_FEATURES_VARIABLE: Final = "SIGHTGLASS_ALLOWED_FEATURES"
TRACE_HEADERS_VARIABLE: Final = "SIGHTGLASS_TRACE_HEADERS"
SPOOL_DIR_VARIABLE: Final = "SIGHTGLASS_SPOOL_DIR"
SPOOL_MAX_BYTES_VARIABLE: Final = "SIGHTGLASS_SPOOL_MAX_BYTES"
OTLP_TOKEN_FILE_VARIABLE: Final = "SIGHTGLASS_OTLP_TOKEN_FILE"  # noqa: S105  # a name, not a token
VARIABLES: Final = (
    DENIED_FEATURES_VARIABLE,
    ALLOWED_FEATURES_VARIABLE,
    ENTITY_SALT_VARIABLE,
    ENTITY_SALT_FILE_VARIABLE,
    TRACE_HEADERS_VARIABLE,
    SPOOL_DIR_VARIABLE,
    SPOOL_MAX_BYTES_VARIABLE,
    OTLP_TOKEN_FILE_VARIABLE,
)
SPOOL_MAX_BYTES: Final = 1 << 30
_LEAST_SPOOL_BYTES: Final = 1 << 20

DENIED_BY_DEFAULT: Final = frozenset(
    {
        "access_token",
        "api_key",
        "authorization",
        "card_number",
        "cookie",
        "credit_card",
        "cvv",
        "email",
        "iban",
        "pass",
        "passwd",
        "password",
        "phone",
        "secret",
        "ssn",
        "token",
    }
)
_SWITCH: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_ALIKE: Final = 0.88

Value = TypeVar("Value")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service decides about its own telemetry, besides the OTEL_* variables.

    Args:
        denied_features: Names, in lower case, of features whose values never leave the process.
        allowed_features: If given, the only names, in lower case, of features that do.
        entity_salt: Secret with which entity ids are hashed; None where the one that was set can't be used, so that
            none is recorded.
        trace_headers: Whether answers name their trace, in `X-Trace-Id` and `traceresponse`.
        spool_dir: Folder in which predictions, labels and logs wait for the receiver; None keeps them in memory.
        spool_max_bytes: What may wait there for one process.
    """

    denied_features: frozenset[str] = DENIED_BY_DEFAULT
    allowed_features: frozenset[str] | None = None
    entity_salt: str | None = field(default="", repr=False)
    trace_headers: bool = True
    spool_dir: Path | None = None
    spool_max_bytes: int = SPOOL_MAX_BYTES

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings that the variables amount to.

        A value that cannot be used is left at its default with a warning: a service must not fail to start for its
        telemetry.
        """
        given = os.environ if environ is None else environ
        for line in _suspicious(given):
            _logger.warning(line)
        allowed = given.get(ALLOWED_FEATURES_VARIABLE, "")
        return cls(
            denied_features=DENIED_BY_DEFAULT | _names(given.get(DENIED_FEATURES_VARIABLE, "")),
            allowed_features=_names(allowed) if allowed.strip() else None,
            entity_salt=_entity_salt(given),
            trace_headers=_read(given, TRACE_HEADERS_VARIABLE, _switch, "true or false", default=True),
            # A service may change its working folder later.
            spool_dir=Path(folder).absolute() if (folder := given.get(SPOOL_DIR_VARIABLE, "").strip()) else None,
            spool_max_bytes=_read(
                given,
                SPOOL_MAX_BYTES_VARIABLE,
                _spool_bytes,
                f"a number of bytes from {_LEAST_SPOOL_BYTES}",
                default=SPOOL_MAX_BYTES,
            ),
        )


def _entity_salt(environ: Mapping[str, str]) -> str | None:
    try:
        return read_entity_salt(environ)
    except ValueError as error:
        _logger.warning("%s. Entity ids are left out, for without the salt they could be guessed.", error)
        return None


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def _switch(text: str) -> bool:
    return _SWITCH[text.lower()]


def _spool_bytes(text: str) -> int:
    if (number := int(text)) < _LEAST_SPOOL_BYTES:
        raise ValueError(text)
    return number


def _read(
    environ: Mapping[str, str], name: str, parse: Callable[[str], Value], expected: str, *, default: Value
) -> Value:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except (KeyError, ValueError):
        _logger.warning("%s=%s is not %s; %s is used.", name, text[:40], expected, default)
        return default


def _suspicious(environ: Mapping[str, Any]) -> list[str]:
    """Names that look like one of ours, misspelled. Others may well belong to another process."""
    return [
        f"{name} is no setting; is {near[0]} meant?"
        for name in environ
        if name.startswith("SIGHTGLASS_") and name not in VARIABLES
        if (near := difflib.get_close_matches(name, VARIABLES, 1, _ALIKE))
    ]
