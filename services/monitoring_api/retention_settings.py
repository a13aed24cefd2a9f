"""How long each table is kept: read by who sets the tables' TTL and by who must know what is whole."""

from typing import Any, Final, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings

_PREFIX: Final = "SIGHTGLASS_MAINTENANCE_"
_RAW: Final = {
    "spans": ("otel_traces", "otel_traces_trace_id_ts"),
    "logs": ("otel_logs",),
    "metrics": (
        "otel_metrics_gauge",
        "otel_metrics_sum",
        "otel_metrics_histogram",
        "otel_metrics_exponential_histogram",
        "otel_metrics_summary",
    ),
}
_LABELS: Final = ("labels_data",)
_TIERS: Final = {
    "minutes": ("rollup_requests_1m", "rollup_predictions_1m"),
    "quarters": ("rollup_requests_15m", "rollup_predictions_15m", "rollup_outcomes_15m", "rollup_outcomes_1d"),
    "finished": ("rollup_requests_finished", "rollup_predictions_finished"),
}


def _days(name: str, **more: Any) -> Any:
    """A field that every process reads under the maintenance process's name."""
    return Field(ge=1, le=3_650, validation_alias=AliasChoices(_PREFIX + name.upper(), name), **more)


class RetentionSettings(BaseSettings):
    """How many days the rows of each table are kept; what is not set follows the two common ones.

    A coarser tier may be kept longer than what it is made of, never shorter: a question takes the coarsest tier that
    its step allows, so it would find nothing there while the finer one still has the answer.
    """

    raw_retention_days: int = _days(
        "raw_retention_days", default=30, description="How long raw spans, logs and metrics are kept."
    )
    spans_retention_days: int | None = _days(
        "spans_retention_days", default=None, description="How long raw spans are kept; by default as all raw data."
    )
    logs_retention_days: int | None = _days(
        "logs_retention_days", default=None, description="How long log records are kept; by default as all raw data."
    )
    metrics_retention_days: int | None = _days(
        "metrics_retention_days",
        default=None,
        description="How long points of metrics are kept; by default as all raw data.",
    )
    predictions_retention_days: int = _days(
        "predictions_retention_days", default=400, description="How long predictions, labels and rollups are kept."
    )
    labels_retention_days: int | None = _days(
        "labels_retention_days",
        default=None,
        description="How long labels are kept, at least as long as predictions; by default as long.",
    )
    minutes_retention_days: int | None = _days(
        "minutes_retention_days",
        default=None,
        description="How long rollups of a minute are kept, at least as long as raw spans and predictions; by default "
        "as long as the longer of these.",
    )
    quarters_retention_days: int | None = _days(
        "quarters_retention_days",
        default=None,
        description="How long rollups of a quarter of an hour are kept, at least as long as minutes; by default as "
        "long.",
    )
    finished_retention_days: int | None = _days(
        "finished_retention_days",
        default=None,
        description="How long finished percentiles are kept, at least as long as quarters; by default as long.",
    )

    @model_validator(mode="after")
    def _no_tier_is_shorter_than_what_it_stands_for(self) -> Self:
        """Refuse what would make answers wrong."""
        for name, days, least, of in (
            ("LABELS", self.label_days, self.predictions_retention_days, "predictions, which would look unlabelled"),
            ("MINUTES", self.minute_days, max(self.span_days, self.predictions_retention_days), "what they sum up"),
            ("QUARTERS", self.quarter_days, self.minute_days, "minutes, which are asked only where a step needs them"),
            ("FINISHED", self.finished_days, self.quarter_days, "quarters, which are asked only for other groupings"),
        ):
            if days < least:
                raise ValueError(
                    f"{_PREFIX}{name}_RETENTION_DAYS is {days}: {name.lower()} must be kept at least as long as {of}. "
                    f"Set {least} or more, or leave it out."
                )
        return self

    @property
    def span_days(self) -> int:
        """How long raw spans are kept."""
        return self.spans_retention_days or self.raw_retention_days

    @property
    def label_days(self) -> int:
        """How long labels are kept."""
        return self.labels_retention_days or self.predictions_retention_days

    @property
    def minute_days(self) -> int:
        """How long rollups of a minute are kept."""
        return self.minutes_retention_days or max(self.span_days, self.predictions_retention_days)

    @property
    def quarter_days(self) -> int:
        """How long rollups of a quarter of an hour are kept."""
        return self.quarters_retention_days or self.minute_days

    @property
    def finished_days(self) -> int:
        """How long finished percentiles are kept."""
        return self.finished_retention_days or self.quarter_days

    def days_of_tables(self) -> dict[str, int]:
        """Days by the name of a table; the tables that are left out follow the common settings."""
        raw = {
            "spans": self.span_days,
            "logs": self.logs_retention_days or self.raw_retention_days,
            "metrics": self.metrics_retention_days or self.raw_retention_days,
        }
        tiers = {"minutes": self.minute_days, "quarters": self.quarter_days, "finished": self.finished_days}
        return {
            **{table: days for name, days in raw.items() for table in _RAW[name]},
            **dict.fromkeys(_LABELS, self.label_days),
            **{table: days for name, days in tiers.items() for table in _TIERS[name]},
        }
