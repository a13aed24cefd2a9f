"""What labels must say for a model to have been bad: the definition that firings are graded by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.monitoring_api.alerting.condition import Condition, ConditionText
from services.monitoring_api.alerting.questions import Question, filter_pairs
from services.monitoring_api.configuration.duration import Duration, format_duration
from services.monitoring_api.queries.catalogue import CATALOGUE

DAY_SECONDS: Final = 86_400.0
# What a metric that rests on labels is held against where nobody says more: its own value over so long before.
REFERENCE_SECONDS: Final = 28 * DAY_SECONDS
# So much worse than that is bad.
WORSE: Final = 0.1
# In this order the first is taken that the model has: binary, any classes, regression. And which way is worse.
DEFAULTS: Final[Mapping[str, str]] = {"log_loss": ">", "accuracy": "<", "mae": ">"}


def _of_labels(name: str) -> str:
    known = [metric.name for metric in CATALOGUE.values() if metric.needs_labels]
    if name not in known:
        raise ValueError(f"no metric that labels make; there are: {', '.join(sorted(known))}")
    return name


class BadWhen(BaseModel):
    """The model was bad in a window when a figure that rests on labels meets the condition."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Annotated[str, AfterValidator(_of_labels)] = Field(description="A metric that needs labels, like accuracy.")
    condition: ConditionText = Field(description='What is bad, like "< 0.7".')
    window: Duration = Field(
        default=DAY_SECONDS, ge=60, le=2_678_400, description="Over the predictions of how long, like 1d."
    )


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with what it is about.

    Attributes:
        metric: The metric.
        condition: What is bad.
        window_seconds: Over the predictions of how long.
        filters: Which predictions.
        group_by: Which of them are judged apart.
        said: The definition in words.
    """

    metric: str
    condition: Condition
    window_seconds: float
    filters: tuple[tuple[str, str | tuple[str, ...]], ...]
    group_by: tuple[str, ...]
    said: str

    def question(self) -> Question:
        """What is asked in each slot."""
        return Question(self.metric, None, self.window_seconds, 0.0, self.filters, self.group_by)


def about(
    filters: Mapping[str, str | tuple[str, ...]], group_by: Sequence[str], known: frozenset[str]
) -> tuple[tuple[tuple[str, str | tuple[str, ...]], ...], tuple[str, ...]]:
    """The rule's filters and groups, as far as predictions with labels have them.

    Args:
        filters: The rule's filters.
        group_by: The rule's groups.
        known: What predictions with labels can be filtered and grouped by.
    """
    mine = filter_pairs({key: value for key, value in filters.items() if key in known})
    return mine, tuple(key for key in group_by if key in known)


def stated(
    bad_when: BadWhen, filters: tuple[tuple[str, str | tuple[str, ...]], ...], group_by: tuple[str, ...]
) -> Definition:
    """The definition that a rule or a request states."""
    said = f"{bad_when.metric} over {format_duration(bad_when.window)} {bad_when.condition}"
    return Definition(bad_when.metric, bad_when.condition, bad_when.window, filters, group_by, said)


def reference_question(metric: str, filters: tuple[tuple[str, str | tuple[str, ...]], ...]) -> Question:
    """What the default definition holds a model against: its figure over the weeks before."""
    return Question(metric, None, REFERENCE_SECONDS, 0.0, filters, ())


def default(
    metric: str,
    reference: float,
    filters: tuple[tuple[str, str | tuple[str, ...]], ...],
    group_by: tuple[str, ...],
) -> Definition:
    """The definition where nobody states one: clearly worse than before."""
    way = DEFAULTS[metric]
    threshold = reference * (1 + WORSE if way == ">" else 1 - WORSE)
    condition = Condition(way, threshold)
    said = (
        f"{metric} over {format_duration(DAY_SECONDS)} {condition}: {WORSE:.0%} worse than {reference:.6g}, that of "
        f"the {format_duration(REFERENCE_SECONDS)} before"
    )
    return Definition(metric, condition, DAY_SECONDS, filters, group_by, said)
