"""Settings of the maintenance process."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHousePoolSettings


class MaintenanceSettings(ClickHousePoolSettings):
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
    marks_at_once: int = Field(
        default=5_000, ge=1, le=100_000, description="Most marks of dirty minutes worked off by one statement."
    )
    heartbeat_seconds: float = Field(
        default=2.0, gt=0, le=5, description="How often a sign of life is written, in seconds."
    )
    raw_retention_days: int = Field(
        default=30, ge=1, le=3_650, description="How long raw spans, logs and metrics are kept."
    )
    predictions_retention_days: int = Field(
        default=400, ge=1, le=3_650, description="How long predictions, labels and rollups are kept."
    )
