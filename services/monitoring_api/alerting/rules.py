"""Rule files: the strict model of what people write."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.monitoring_api.alerting.annotations import check_template
from services.monitoring_api.alerting.condition import ConditionText
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.models import NoDataPolicy, Timing
from services.monitoring_api.alerting.questions import FilterValue, Question, filter_pairs
from services.monitoring_api.configuration.duration import Duration

ALERTNAME = "alertname"
LABEL_NAME = r"^[A-Za-z_][A-Za-z0-9_.]{0,127}$"

# Two looks up to this many intervals apart still count as continuous: one failed look in between is forgiven.
TOLERATED_INTERVALS = 2.5

LabelName = Annotated[str, Field(pattern=LABEL_NAME)]


def _filter_value(value: object) -> object:
    """A filter compares text: `true` and 1.5 of YAML become what the metric's labels say."""
    if isinstance(value, bool):
        return str(value).lower()
    return [_filter_value(item) for item in value] if isinstance(value, list) else value


_FilterText = Annotated[FilterValue, BeforeValidator(_filter_value)]


@dataclass(frozen=True, slots=True)
class MetricShape:
    """What a rule may ask of a metric: the keys it can be filtered and grouped by."""

    filters: frozenset[str]
    group_by: frozenset[str]


Catalogue = Mapping[str, MetricShape]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Rule(_Strict):
    """One alert rule over a metric of the catalogue."""

    alert: str = Field(min_length=1, max_length=200, pattern=r"^\S.*$", description="The name that people will read.")
    metric: str | None = Field(default=None, description="A metric of the catalogue, like error_ratio.")
    sql: Any = Field(default=None, description="Not available yet.")
    slo: Any = Field(default=None, description="Not available yet.")
    window: Duration = Field(default=300.0, gt=0, le=604800, description="How far each look reaches back, like 5m.")
    filter: Mapping[LabelName, _FilterText] = Field(
        default_factory=dict, description="Only rows with these values; a list means any of them."
    )
    group_by: tuple[LabelName, ...] = Field(default=(), max_length=4, description="One alert for each of their values.")
    condition: ConditionText = Field(description='What is bad, like "> 0.05" or "> 5%".')
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
    labels: Mapping[LabelName, str] = Field(default_factory=dict, description="Added to the alert; routes match them.")
    annotations: Mapping[LabelName, Annotated[str, AfterValidator(check_template)]] = Field(
        default_factory=dict, description="Texts in Jinja2, like summary, description, runbook_url."
    )

    @field_validator("sql", "slo")
    @classmethod
    def _not_yet(cls, _value: object) -> object:
        raise ValueError("not available yet: use `metric:` with a metric of the catalogue")

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str | None, info: ValidationInfo) -> str | None:
        catalogue = _catalogue(info)
        if metric is not None and catalogue is not None and metric not in catalogue:
            raise ValueError(f"unknown metric {metric!r}; there are: {_listed(catalogue)}")
        return metric

    @field_validator("filter")
    @classmethod
    def _known_filters(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        shape = _shape(info)
        unknown = [] if shape is None else sorted(value.keys() - shape.filters)
        if shape is not None and unknown:
            raise ValueError(f"{info.data['metric']} has no filter {unknown[0]!r}; it has: {_listed(shape.filters)}")
        return value

    @field_validator("group_by")
    @classmethod
    def _known_groups(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a key twice")
        shape = _shape(info)
        unknown = [] if shape is None else [key for key in value if key not in shape.group_by]
        if shape is not None and unknown:
            known = _listed(shape.group_by)
            raise ValueError(f"{info.data['metric']} can't be grouped by {unknown[0]!r}, only by: {known}")
        return value

    @field_validator("labels")
    @classmethod
    def _no_reserved_label(cls, labels: Mapping[str, str]) -> Mapping[str, str]:
        if ALERTNAME in labels:
            raise ValueError(f"`{ALERTNAME}` is set by the rule's name")
        return labels

    @model_validator(mode="after")
    def _whole(self) -> "Rule":
        if self.metric is None:
            raise ValueError("missing: a rule needs `metric:`")
        clash = sorted(set(self.group_by) & {*self.labels, ALERTNAME})
        if clash:
            raise ValueError(f"group_by and labels both set {', '.join(clash)}")
        return self

    @property
    def key(self) -> str:
        """Identity of the rule itself: its name and its own labels."""
        return fingerprint(self.alert_labels({}))

    def alert_labels(self, group: Mapping[str, str]) -> dict[str, str]:
        """The labels of the alert for one group; the rule's own win."""
        return {**group, **self.labels, ALERTNAME: self.alert}

    def questions(self, slot: float) -> tuple[Question, ...]:  # noqa: ARG002 - windows are told relative to the slot
        """What has to be answered to look at it in one slot; the figure itself comes first.

        Args:
            slot: The time of the look, epoch seconds.
        """
        return (Question(self.metric, self.sql, self.window, 0.0, filter_pairs(self.filter), self.group_by),)

    def timing(self, interval_seconds: float) -> Timing:
        """What the state machine reads of it."""
        return Timing(
            for_seconds=self.for_seconds,
            keep_firing_for_seconds=self.keep_firing_for,
            minimum_count=self.minimum_count,
            no_data=self.no_data,
            tolerance_seconds=TOLERATED_INTERVALS * interval_seconds,
        )


def _catalogue(info: ValidationInfo) -> Catalogue | None:
    return info.context  # a catalogue, or None when the file is read without one


def _shape(info: ValidationInfo) -> MetricShape | None:
    catalogue = _catalogue(info)
    return None if catalogue is None else catalogue.get(info.data.get("metric") or "")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class RuleGroup(_Strict):
    """Rules that are looked at together."""

    name: str = Field(min_length=1, max_length=200, description="Names the group in logs.")
    interval: Duration | None = Field(
        default=None, ge=1, le=86400, description="Time between two looks, like 15s; else the worker's setting."
    )
    rules: tuple[Rule, ...] = Field(description="At least none.")


class RuleFile(_Strict):
    """A whole file."""

    groups: tuple[RuleGroup, ...] = Field(description="Groups of rules.")
