"""Service level objectives: one line expands to multi-window, multi-burn-rate rules.

Windows, burn rates and shares of the budget are those of "The Site Reliability Workbook" (Google, O'Reilly 2018),
chapter 5, "Alerting on SLOs", approach 6. The burn rate is how many times faster than allowed errors come: at 1 the
budget lasts exactly the period. A pair's burn rate is the one that spends its share of the budget within its long
window: share x period / long window. The short window, a twelfth of the long one, makes the alert end soon after the
errors do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from services.monitoring_api.alerting.condition import Condition
from services.monitoring_api.configuration.duration import Duration, format_duration
from services.monitoring_api.configuration.whole_model import WholeModel
from services.monitoring_api.queries.slow_requests import metric_name

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_PERCENTAGE: Final = re.compile(r"\s*(\d{1,2}(?:\.\d{1,6})?)\s*%\s*")


class Indicator(StrEnum):
    """What makes a request good."""

    AVAILABILITY = "availability"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class BurnPair:
    """Two windows that must both burn.

    Attributes:
        severity: The alert's label.
        budget_share: The part of the period's budget that the long window spends when the alert fires.
        long_seconds: The window that says how much is spent.
        short_seconds: The window that says that it is still being spent.
    """

    severity: str
    budget_share: float
    long_seconds: float
    short_seconds: float

    def burn_rate(self, period_seconds: float) -> float:
        """How many times faster than allowed the budget is then spent."""
        return round(self.budget_share * period_seconds / self.long_seconds, 6)


PAIRS: Final = (
    BurnPair("page", 0.02, _HOUR, 300.0),
    BurnPair("page", 0.05, 6 * _HOUR, 1800.0),
    BurnPair("ticket", 0.10, _DAY, 2 * _HOUR),
    BurnPair("ticket", 0.10, 3 * _DAY, 6 * _HOUR),
)


def _objective(value: object) -> object:
    match = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('not an objective: write a percentage like "99.9%"')
    return float(Decimal(match[1]) / 100)


class Slo(WholeModel):
    """An objective for a service's requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: Annotated[
        float, BeforeValidator(_objective), WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}(\.\d{1,6})?%$"})
    ] = Field(ge=0.5, lt=1, description='The share of requests that must be good, like "99.9%".')
    indicator: Indicator = Field(
        description="availability: it did not fail; latency: it took no longer than threshold."
    )
    threshold: Duration | None = Field(
        default=None, gt=0, le=3600, description="The longest time of a good request, like 300ms; for latency only."
    )
    period: Duration = Field(
        default=30 * _DAY, ge=28 * _DAY, le=90 * _DAY, description="Over which the objective holds; 28d to 90d."
    )

    @classmethod
    def whole_errors(cls, given: Mapping[str, Any], context: Any) -> Iterable[tuple[str | None, str]]:  # noqa: ARG003
        """A threshold that is missing, or one too many."""
        indicator = given.get("indicator")
        if indicator in list(Indicator) and (given.get("threshold") is None) == (indicator == Indicator.LATENCY):
            yield None, "a latency indicator needs a `threshold:`, and no other has one"

    @property
    def budget(self) -> float:
        """The share of requests that may be bad."""
        return round(1 - self.objective, 9)

    @property
    def metric(self) -> str:
        """The metric that measures the share of bad requests."""
        return "error_ratio" if self.threshold is None else metric_name(self.threshold)

    def pairs(self) -> Sequence[BurnPair]:
        """The pairs that can fire: with a low objective not even all requests failing burns as fast as some ask."""
        return [pair for pair in PAIRS if self.condition(pair).threshold < 1]

    def condition(self, pair: BurnPair) -> Condition:
        """When a window of a pair burns, as a share of bad requests."""
        return Condition(">", round(pair.burn_rate(self.period) * self.budget, 9))

    def burn_rate(self, bad_share: float) -> float:
        """How many times faster than allowed the budget is spent at a share of bad requests."""
        return bad_share / self.budget

    def spent(self, bad_share: float, window_seconds: float) -> float:
        """The part of the period's budget that a window with this share of bad requests has spent."""
        return self.burn_rate(bad_share) * window_seconds / self.period

    def texts(self) -> dict[str, str]:
        """Annotations for rules that bring none."""
        bad = "failed" if self.threshold is None else f"took longer than {self.threshold * 1000:g} ms"
        return {
            "summary": "{{ alertname }}: the error budget goes {{ burn_rate | number(3) }} times too fast",
            "description": f"Of the requests of the last {{{{ window }}}}, {{{{ value | percent(2) }}}} {bad}, "
            f"and it goes on; over {format_duration(self.period)} no more than {self.budget * 100:g} % may. "
            "These alone spent {{ budget_spent | percent }} of that budget.",
        }


def metrics_of(slo: object) -> list[str]:
    """The metrics that an objective may be about, as far as what was written of it tells.

    Args:
        slo: What was written; any of it may be wrong.
    """
    if isinstance(slo, Slo):
        return [slo.metric]
    indicator = slo.get("indicator") if isinstance(slo, Mapping) else None
    # Every threshold's metric can be asked the same.
    metrics = {Indicator.AVAILABILITY: "error_ratio", Indicator.LATENCY: metric_name(1.0)}
    return [metric for each, metric in metrics.items() if indicator in (each, None) or indicator not in list(Indicator)]
