"""Rule files: the strict model of what people write."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from services.monitoring_api.alerting.annotations import check_template
from services.monitoring_api.alerting.bad_when import BadWhen
from services.monitoring_api.alerting.change import ChangeAgainst
from services.monitoring_api.alerting.condition import Condition, ConditionText
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.label_names import ALERTNAME, SEVERITY, SLO_WINDOW
from services.monitoring_api.alerting.metric_shapes import shape_of
from services.monitoring_api.alerting.models import IncompletePolicy, NoDataPolicy, Timing
from services.monitoring_api.alerting.questions import FilterValue, Question, filter_pairs
from services.monitoring_api.alerting.slo import BurnPair, Slo
from services.monitoring_api.alerting.sql_text import MAXIMUM_CHARACTERS, check_sql
from services.monitoring_api.alerting.whole_rule import whole_errors
from services.monitoring_api.configuration.duration import Duration, format_duration
from services.monitoring_api.configuration.whole_model import WholeModel

LABEL_NAME = r"^[A-Za-z_][A-Za-z0-9_.]{0,127}$"

# Two looks up to this many intervals apart still count as continuous: one failed look in between is forgiven.
TOLERATED_INTERVALS = 2.5

LabelName = Annotated[str, Field(pattern=LABEL_NAME)]


def _filter_value(value: object) -> object:
    """A filter compares text: `true` and 1.5 of YAML become what the metric's labels say."""
    if isinstance(value, bool):
        return str(value).lower()
    return [_filter_value(item) for item in value] if isinstance(value, list) else value


_TEXT_SCHEMA = {"type": ["string", "number", "boolean"]}
_FilterText = Annotated[
    FilterValue,
    BeforeValidator(_filter_value),
    WithJsonSchema({"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}]}),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Rule(WholeModel, _Strict):
    """One alert rule: over a metric of the catalogue, over a statement's rows, or for an objective."""

    # Fields are checked in this order, and each sees those before it.
    alert: str = Field(min_length=1, max_length=200, pattern=r"^\S.*$", description="The name that people will read.")
    metric: str | None = Field(
        default=None, description="A metric of the catalogue, like error_ratio, or slow_ratio_300ms for any threshold."
    )
    sql: Annotated[str, AfterValidator(check_sql)] | None = Field(
        default=None,
        max_length=MAXIMUM_CHARACTERS,
        description="A SELECT between {from:DateTime64(9)} and {to:DateTime64(9)}: `value`, maybe `count`, and labels.",
    )
    slo: Slo | None = Field(default=None, description="An objective; it becomes rules on how fast its budget is spent.")
    absent: bool = Field(
        default=False, strict=True, description="Bad is that there is no data; instead of `condition`."
    )
    window: Duration = Field(default=300.0, gt=0, le=604800, description="How far each look reaches back, like 5m.")
    offset: Duration = Field(
        default=0.0, le=2_592_000, description="How much earlier the window ends, so that late labels have come."
    )
    filter: Mapping[LabelName, _FilterText] = Field(
        default_factory=dict, description="Only rows with these values; a list means any of them."
    )
    group_by: tuple[LabelName, ...] = Field(default=(), max_length=4, description="One alert for each of their values.")
    change: ChangeAgainst | None = Field(
        default=None, description="The condition judges how the figure changed, not the figure."
    )
    confirm_window: Duration | None = Field(
        default=None, gt=0, le=604800, description="A shorter window that must be bad too, so that an alert ends soon."
    )
    condition: ConditionText | None = Field(default=None, description='What is bad, like "> 0.05" or "> 5%".')
    resolve_condition: ConditionText | None = Field(
        default=None,
        description='What ends a firing alert, like "< 0.04"; without it, that the condition does not hold.',
    )
    for_seconds: Duration = Field(
        default=0.0, alias="for", le=604800, description="How long it must be bad before it fires."
    )
    keep_firing_for: Duration = Field(
        default=0.0, le=604800, description="How long it must be good again before it resolves."
    )
    minimum_count: int = Field(
        default=0, ge=0, strict=True, description="A window with fewer events than this is treated as having no data."
    )
    no_data: NoDataPolicy = Field(
        default=NoDataPolicy.KEEP,
        description="What a window without data counts as: alert (bad), ok (good) or keep (nothing changes).",
    )
    incomplete: IncompletePolicy = Field(
        default=IncompletePolicy.KEEP,
        description="What becomes of a window of which some data has not arrived: keep (nothing changes) or judge.",
    )
    error_for: Duration | None = Field(
        default=None,
        le=604800,
        description="How long looks must fail before the alert fires because of it; without it, it is only shown.",
    )
    labels: Mapping[LabelName, str] = Field(default_factory=dict, description="Added to the alert; routes match them.")
    annotations: Mapping[LabelName, Annotated[str, AfterValidator(check_template)]] = Field(
        default_factory=dict, description="Texts in Jinja2, like summary and description."
    )
    bad_when: BadWhen | None = Field(
        default=None, description="What labels must say for the model to have been bad: backtests grade firings by it."
    )
    view: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^[a-z]+(\?[^\s#]*)?$",
        description="The dashboard's page that its link opens, with parameters: `traces?section=slow`; else the chart.",
    )
    runbook: str | None = Field(
        default=None, max_length=2_000, pattern=r"^https?://\S+$", description="A page that says what to do."
    )

    @classmethod
    def whole_errors(cls, given: Mapping[str, Any], context: Any) -> Iterable[tuple[str | None, str]]:
        """What does not go together; the context is the catalogue of metrics, or None."""
        return whole_errors(given, context)

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str | None, info: ValidationInfo) -> str | None:
        if metric is not None and info.context is not None:
            shape_of(info.context, metric)
        return metric

    @field_validator("confirm_window")
    @classmethod
    def _within_the_window(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value >= info.data.get("window", value + 1):
            raise ValueError("must be shorter than `window`")
        return value

    @field_validator("resolve_condition")
    @classmethod
    def _ends_the_condition(cls, value: Condition | None, info: ValidationInfo) -> Condition | None:
        condition = info.data.get("condition")
        if condition is not None and value is not None and not condition.ended_by(value):
            raise ValueError(f'can\'t end "{condition}": it must point the other way, and not overlap with it')
        return value

    @property
    def key(self) -> str:
        """Identity of the rule itself: its name and its own labels."""
        return fingerprint(self.alert_labels({}))

    @property
    def judged(self) -> str:
        """When it is bad, in words."""
        if self.absent or self.condition is None:
            return "no data"
        return f"{self.change} {self.condition}" if self.change else str(self.condition)

    def expanded(self) -> Iterable["Rule"]:
        """The rules that are looked at: those of its objective, or just this one."""
        if self.slo is None or self.metric is not None:
            return [self]
        return [self._burning(self.slo, pair) for pair in self.slo.pairs()]

    def _burning(self, slo: Slo, pair: BurnPair) -> "Rule":
        own = {SEVERITY: pair.severity, SLO_WINDOW: format_duration(pair.long_seconds)}
        return self.model_copy(
            update={
                "metric": slo.metric,
                "window": pair.long_seconds,
                "confirm_window": pair.short_seconds,
                "condition": slo.condition(pair),
                "labels": {**self.labels, **own},
                "annotations": {**slo.texts(), **self.annotations},
            }
        )

    def alert_labels(self, group: Mapping[str, str]) -> dict[str, str]:
        """The labels of the alert for one group; the rule's own win."""
        return {**group, **self.labels, ALERTNAME: self.alert}

    def group_of(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Which of its groups an alert is about, by the alert's labels."""
        return {key: labels[key] for key in self.group_by if key in labels}

    def within(self, labels: Mapping[str, str]) -> dict[str, FilterValue]:
        """What the rows of one alert's group have, as filters."""
        return {**self.filter, **self.group_of(labels)}

    def questions(self, slot: float) -> tuple[Question, ...]:  # noqa: ARG002 - windows are told relative to the slot
        """What has to be answered to look at it in one slot; the figure itself comes first.

        Args:
            slot: The time of the look, epoch seconds.
        """
        asked = Question(self.metric, self.sql, self.window, self.offset, filter_pairs(self.filter), self.group_by)
        if self.change is not None:
            return asked, replace(asked, end_offset_seconds=self.offset + self.change.offset(self.window))
        if self.confirm_window is not None:
            return asked, replace(asked, window_seconds=self.confirm_window)
        return (asked,)

    def timing(self, interval_seconds: float) -> Timing:
        """What the state machine reads of it."""
        return Timing(
            for_seconds=self.for_seconds,
            keep_firing_for_seconds=self.keep_firing_for,
            minimum_count=self.minimum_count,
            no_data=NoDataPolicy.ALERT if self.absent else self.no_data,
            error_for_seconds=self.error_for,
            tolerance_seconds=TOLERATED_INTERVALS * interval_seconds,
        )


class RuleGroup(_Strict):
    """Rules that are looked at together."""

    name: str = Field(min_length=1, max_length=200, description="Names the group in logs.")
    interval: Duration | None = Field(
        default=None, ge=1, le=86400, description="Time between two looks, like 15s; else the worker's setting."
    )
    rules: tuple[Rule, ...] = Field(description="At least none.")

    def expanded(self) -> Self:
        """The same group with what is looked at in place of objectives."""
        return self.model_copy(update={"rules": tuple(each for rule in self.rules for each in rule.expanded())})


class RuleFile(_Strict):
    """A whole file."""

    groups: tuple[RuleGroup, ...] = Field(description="Groups of rules.")
