"""Settings of the maintenance process."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHousePoolSettings
from services.monitoring_api.maintenance.disk_guard import LeastFree
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.retention_settings import RetentionSettings


class MaintenanceSettings(RetentionSettings, ClickHousePoolSettings):
    """The maintenance process, from environment variables ``SIGHTGLASS_MAINTENANCE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_MAINTENANCE_")

    clickhouse_user: str = Field(default="maintainer", description="User to read and write as.")
    pool_size: int = Field(default=2, ge=1, le=100, description="Most statements under way at once.")
    deadline_seconds: float = Field(
        default=60.0, gt=0, le=3_600, description="Longest time that one statement may take."
    )
    interval_seconds: float = Field(
        default=5.0, gt=0, le=3_600, description="Time between two looks for minutes to recompute."
    )
    settle_seconds: float = Field(
        default=10.0,
        ge=0,
        le=3_600,
        description="How long after its end a minute is first computed; later rows follow.",
    )
    # A server takes 128 KiB of a parameter by default: 3,000 ids with quotes.
    marks_at_once: int = Field(
        default=3_000, ge=1, le=100_000, description="Most marks of dirty minutes worked off by one statement."
    )
    heartbeat_seconds: float = Field(
        default=2.0, gt=0, le=5, description="How often a sign of life is written, in seconds."
    )
    disk_interval_seconds: float = Field(
        default=30.0, gt=0, le=3_600, description="Time between two looks at the disk's free space."
    )
    least_free_disk_bytes: int = Field(
        default=1 << 30,
        ge=0,
        description="Bytes of ClickHouse's disk to leave free: below it the oldest days of raw rows are dropped, one "
        "at a time, never today's. Of this and SIGHTGLASS_MAINTENANCE_LEAST_FREE_DISK_PERCENT the larger counts; both "
        "0: nothing is dropped.",
    )
    least_free_disk_percent: float = Field(
        default=1.0, ge=0, le=90, description="The same as a share of the disk, in percent."
    )
    traces_interval_seconds: float = Field(
        default=60.0, gt=0, le=3_600, description="Time between two looks for traces that outlive their raw spans."
    )
    traces_at_once: int = Field(
        default=3_000, ge=1, le=20_000, description="Most traces copied, or labels looked at, by one statement."
    )
    outcomes_interval_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3_600,
        description="Time between two looks for predictions that got labels; until then answers join their quarters of "
        "an hour anew.",
    )
    outcome_days_interval_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="The same for days, whose histograms of scores take longer."
    )
    slow_trace_seconds: float | None = Field(
        default=None,
        gt=0,
        description="A request that takes this long is slow, and its trace kept, whatever its route; those above the "
        "99th percentile of their route and day always are.",
    )
    label_horizon_days: int = Field(
        default=60,
        ge=0,
        le=3_650,
        description="How long the trace of a prediction waits for its label, from the prediction on, but no longer "
        "than predictions are kept. Where raw spans are kept as long, none needs to wait.",
    )

    @property
    def least_free(self) -> LeastFree:
        """How much of the disk is to stay free."""
        return LeastFree(self.least_free_disk_bytes, self.least_free_disk_percent)

    @property
    def keeping_rules(self) -> KeepingRules:
        """Which traces outlive their raw spans."""
        return KeepingRules(
            raw_kept=timedelta(days=self.span_days),
            kept=timedelta(days=self.predictions_retention_days),
            label_horizon=timedelta(days=min(self.label_horizon_days, self.predictions_retention_days)),
            slow=None if self.slow_trace_seconds is None else timedelta(seconds=self.slow_trace_seconds),
        )
