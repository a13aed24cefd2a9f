"""What an incident is: a cause that is planted and mended, and what should be seen of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from services.cli.demo.traffic import Traffic

Planted = Mapping[str, Any]
"""What mending needs to know of a planting, as JSON: it may be another process that mends."""


@dataclass(frozen=True)
class Scene:
    """What an incident may lay hands on.

    Args:
        data_dir: The demo's data folder.
        models_dir: The folder of all models.
        traffic: Live traffic; None where there is none any more: what a killed demo left is being mended.
    """

    data_dir: Path
    models_dir: Path
    traffic: Traffic | None = None

    @property
    def faults_file(self) -> Path:
        """Which faults the ML API plants in its weather lookups."""
        return self.data_dir / "demo" / "faults.json"


@dataclass(frozen=True)
class Question:
    """How the explainer is asked, and what it should put first.

    Args:
        path: Of the monitoring API, below /api/v1.
        parameters: Besides `from` and `to`.
        fields: The first finding, or a part of it, is about one of these fields,
        value: with this value; None: whatever value or range.
        before_seconds: What is asked about begins so long before the incident. Where only some requests are concerned
            it begins with the incident: what else was different then would be found as well.
    """

    path: str
    parameters: Mapping[str, str]
    fields: tuple[str, ...]
    value: str | None = None
    before_seconds: float = 0.0

    def names(self, finding: Mapping[str, Any]) -> bool:
        """Whether a finding names the cause."""
        parts = finding.get("parts") or [finding]
        return any(
            part.get("field") in self.fields and (self.value is None or part.get("value") == self.value)
            for part in parts
        )


@dataclass(frozen=True)
class Story:
    """What is told of an incident.

    Args:
        name: As after --incident.
        planted: What is planted, in a sentence.
        alert: The starter rule that should fire.
        alert_minutes: About how long that takes.
        look: What to look at then, in a sentence.
        page: The page of the dashboard that shows it, with its parameters.
        question: What the explainer is asked; None where nothing is slow or wrong, so that it has no say.
        needs_faults: Whether the ML API must be started with a file of faults.
    """

    name: str
    planted: str
    alert: str
    alert_minutes: int
    look: str
    page: str
    question: Question | None = None
    needs_faults: bool = field(default=False, kw_only=True)


class Incident(Protocol):
    """A cause that can be planted in live traffic, and mended."""

    @property
    def story(self) -> Story:
        """What is told of it."""

    def plant(self, scene: Scene, now: float) -> Planted:
        """Begin; return what mending needs to know."""

    def mend(self, scene: Scene, planted: Planted) -> None:
        """End it; what is mended already stays as it is."""
