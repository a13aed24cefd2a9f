"""How severe a log record is: OpenTelemetry's numbers and their names."""

import re
from typing import Final

from services.monitoring_api.errors import bad_field

_NAMES: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_OTHER_NAMES: Final = {"warning": "warn", "critical": "fatal"}
_STEP: Final = 4
_NUMBER: Final = re.compile(r"[1-9]|1[0-9]|2[0-4]")

# A record without a number is as severe as its text says; one without either is below everything.
SEVERITY: Final = """multiIf(
        SeverityNumber > 0, SeverityNumber,
        lower(SeverityText) IN ('fatal', 'critical', 'alert', 'emergency', 'panic'), 21,
        lower(SeverityText) IN ('error', 'err'), 17,
        lower(SeverityText) IN ('warn', 'warning'), 13,
        lower(SeverityText) IN ('info', 'information', 'notice'), 9,
        lower(SeverityText) = 'debug', 5,
        lower(SeverityText) = 'trace', 1,
        0
    )"""


def parse_severity(text: str) -> int:
    """Read a severity, by name or number: the least number that is as severe.

    Raises:
        BadInput: Naming ``severity``.
    """
    name = _OTHER_NAMES.get(text.lower(), text.lower())
    if name in _NAMES:
        return 1 + _STEP * _NAMES.index(name)
    if _NUMBER.fullmatch(text):
        return int(text)
    raise bad_field("severity", f"not one of {', '.join(_NAMES)}, nor a number from 1 to 24")


def severity_name(number: int) -> str:
    """The name of a number from 1 on; empty for 0."""
    return _NAMES[min((number - 1) // _STEP, len(_NAMES) - 1)].upper() if number > 0 else ""
