"""What the monitoring API answers, as frozen models.

Unknown fields are ignored and optional ones have defaults, so that a newer API does not break an older dashboard.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text_values(value: object) -> object:
    """Labels are shown, never computed with: a null or a number becomes text."""
    if isinstance(value, Mapping):
        return {str(key): "" if item is None else str(item) for key, item in value.items()}
    return value


Point = tuple[float, float | None]
"""Start of the bucket in epoch seconds, and its value; None where there is no data."""

Labels = Annotated[dict[str, str], BeforeValidator(_text_values)]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Metric(Answer):
    """One entry of the catalogue."""

    name: str
    unit: str = ""
    description: str = ""
    kind: str = ""
    group_by: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


class Catalogue(Answer):
    """Every metric that can be asked for."""

    metrics: tuple[Metric, ...] = ()

    def named(self, name: str) -> Metric | None:
        """The entry of this name, if the API knows it."""
        return next((metric for metric in self.metrics if metric.name == name), None)


class Caller(Answer):
    """Whose token it is, and what it allows."""

    authenticated: bool
    name: str
    role: str | None = None
    scopes: tuple[str, ...] = ()

    @property
    def may(self) -> str:
        """The role; where none allows just this, the scopes."""
        return self.role or ", ".join(self.scopes)


class Series(Answer):
    """One line of a chart."""

    labels: Labels = Field(default_factory=dict)
    points: tuple[Point, ...] = ()


class History(Answer):
    """A metric over time, in buckets of `step_seconds`."""

    metric: str
    unit: str = ""
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    step_seconds: float
    source: str = ""
    complete: bool = True
    complete_until: datetime | None = None
    approximate: bool = False
    error_bound: float | None = None
    series: tuple[Series, ...] = ()

    @property
    def empty(self) -> bool:
        """True when no bucket of any series has a value."""
        return not any(value is not None for series in self.series for _, value in series.points)


class Group(Answer):
    """One group's value of a current metric."""

    labels: Labels = Field(default_factory=dict)
    value: float | None = None
    count: float | None = None


class Current(Answer):
    """A metric over the window that ends now."""

    metric: str
    unit: str = ""
    window_seconds: float = 0
    value: float | None = None
    count: float | None = None
    complete: bool = True
    series: tuple[Group, ...] = ()


class IngestLag(Answer):
    """Seconds from the end of a span until it can be queried."""

    p50: float | None = None
    p95: float | None = None
    max: float | None = None


class Completeness(Answer):
    """What a service counted against what is stored."""

    service: str
    signal: str
    counted: float | None = None
    stored: float | None = None
    ratio: float | None = None


class Drop(Answer):
    """Telemetry that was lost, where, and by which process."""

    service: str = ""
    instance: str = ""
    signal: str = ""
    stage: str = ""
    reason: str = ""
    detail: str = ""
    count: float = 0


class Retry(Answer):
    """Attempts that one process made after the first."""

    service: str = ""
    instance: str = ""
    signal: str = ""
    count: float = 0


class FailedMetricExport(Answer):
    """Exports of metrics that one process gave up; the next one said it all again."""

    service: str = ""
    instance: str = ""
    detail: str = ""
    count: float = 0


class Queue(Answer):
    """The Collector's durable queue."""

    size: float | None = None
    capacity: float | None = None


class Disk(Answer):
    """Room for the store, in bytes."""

    free_bytes: float | None = None
    total_bytes: float | None = None


class Process(Answer):
    """One process that reports, or has fallen silent."""

    name: str
    instance: str = ""
    state: str = ""
    last_seen: datetime | None = None


class PipelineHealth(Answer):
    """The pipeline's measure of itself."""

    status: str
    reasons: tuple[str, ...] = ()
    checked_at: datetime | None = None
    window_seconds: float | None = None
    ingest_lag_seconds: IngestLag = IngestLag()
    completeness: tuple[Completeness, ...] = ()
    drops: tuple[Drop, ...] = ()
    retries: tuple[Retry, ...] = ()
    failed_metric_exports: tuple[FailedMetricExport, ...] = ()
    queue: Queue | None = None
    disk: Disk | None = None
    processes: tuple[Process, ...] = ()


class Alert(Answer):
    """One alert of one rule, by its labels."""

    fingerprint: str = ""
    rule: str
    state: str
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    value: float | None = None
    active_since: datetime | None = None
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    last_evaluated_at: datetime | None = None
    error: str | None = None
    health: str = ""
    cause: str = ""
    metric: str = ""
    condition: str = ""
    runbook: str = ""
    url: str = ""
    trace_ids: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledgement: str | None = None
    silenced_by: tuple[str, ...] = ()
    inhibited_by: str | None = None

    @property
    def since(self) -> datetime | None:
        """From when on it has been in its state."""
        return self.resolved_at if self.state == "resolved" else self.fired_at or self.active_since


class AlertWorker(Answer):
    """The process that evaluates the rules."""

    state: str = "never"
    last_evaluation_at: datetime | None = None
    error: str | None = None


class Alerts(Answer):
    """Every alert known, and whether anybody evaluates them."""

    alerts: tuple[Alert, ...] = ()
    worker: AlertWorker = AlertWorker()
