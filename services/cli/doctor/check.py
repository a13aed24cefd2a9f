"""The outcome of one look at something."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a check ended. Only `failed` makes the doctor's exit code 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do when it is not well, which is told only then."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""

    def describe(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self)
