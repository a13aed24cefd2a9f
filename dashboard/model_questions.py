"""What the Models page asks of the monitoring API, and what it asks it to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from dashboard.api_client import Action, Question
from dashboard.model_answers import Models, Performance, Promotion, Reference
from dashboard.time_range import TimeRange

CHAMPION: Final = "champion"
# Figures of every labelled prediction of months take the API that long.
_PATIENCE_SECONDS: Final = 65.0


@dataclass(frozen=True)
class Chosen:
    """Which predictions are meant.

    Attributes:
        model: its name.
        version: empty for all.
        variant: such as `champion` or `shadow`.
        period: when they were made.
        features: conditions on features, and-ed.
        filters: conditions on columns, such as `features_source=store`.
    """

    model: str
    version: str = ""
    variant: str = CHAMPION
    period: TimeRange = field(default_factory=TimeRange)
    features: Sequence[str] = ()
    filters: Sequence[str] = ()

    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters that say so, but for the model."""
        return (
            *((("version", self.version),) if self.version else ()),
            ("variant", self.variant or CHAMPION),
            ("from", self.period.start),
            ("to", self.period.end),
            *(("feature", text) for text in self.features),
            *(("filter", text) for text in self.filters),
        )


def models(period: TimeRange) -> Question[Models]:
    """Every model that made predictions."""
    return Question("/api/v1/models", Models, (("from", period.start), ("to", period.end)))


def performance(
    chosen: Chosen,
    *,
    tz: str = "UTC",
    step: str = "auto",
    metrics: Sequence[str] = (),
    segment: str = "",
    curves: bool = False,
    threshold: float | None = None,
) -> Question[Performance]:
    """How a model did.

    Args:
        chosen: of which predictions.
        tz: whose days, where buckets are days.
        step: `auto` or a width.
        metrics: only these; all where there are none.
        segment: by what to tell predictions apart, such as `carrier` or `distance:5`.
        curves: whether reliability, confusion and thresholds are wanted.
        threshold: one to answer for besides every hundredth.
    """
    more = [("tz", tz), ("step", step), ("curves", str(curves).lower())]
    if metrics:
        more.append(("metrics", ",".join(metrics)))
    if segment:
        more.append(("segment", segment))
    if threshold is not None:
        more.append(("threshold", repr(threshold)))
    path = f"/api/v1/models/{_part(chosen.model)}/performance"
    return Question(path, Performance, (*chosen.parameters(), *more), timeout_seconds=_PATIENCE_SECONDS)


def reference(model: str, version: str = "") -> Question[Reference]:
    """What a model is compared with; without a version what was stored last."""
    parameters = (("version", version),) if version else ()
    return Question(f"/api/v1/models/{_part(model)}/reference", Reference, parameters)


def promote(model: str, version: str) -> Action[Promotion]:
    """Let another version answer."""
    return Action("POST", f"/api/v1/models/{_part(model)}/promote", Promotion, {"version": version})


def _part(text: str) -> str:
    return quote(text, safe="")
