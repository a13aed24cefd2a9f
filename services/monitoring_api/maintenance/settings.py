"""Settings of the maintenance process."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.monitoring_api.database import Connection


class MaintenanceSettings(BaseSettings):
    """The maintenance process, from environment variables ``SIGHTGLASS_MAINTENANCE_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_MAINTENANCE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias="SIGHTGLASS_DATA_DIR",
        description="The folder that holds all state and logs.",
    )
    clickhouse_url: str = Field(default="http://127.0.0.1:8123", description="ClickHouse's HTTP interface.")
    clickhouse_database: str = Field(default="otel", description="Database that holds the tables.")
    clickhouse_user: str = Field(default="maintainer", description="User to read and write as.")
    clickhouse_password_file: Path | None = Field(
        default=None,
        description="File with that user's password; by default secrets/clickhouse-maintainer.password in the data "
        "folder.",
    )
    deadline_seconds: float = Field(
        default=60.0, gt=0, le=3_600, description="Longest time that one statement may take."
    )
    connect_timeout_seconds: float = Field(
        default=2.0, gt=0, le=60, description="Longest wait for a connection to ClickHouse."
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

    def connection(self) -> Connection:
        """Where ClickHouse is and how to log in."""
        secrets = self.data_dir / "secrets"
        return Connection(
            url=self.clickhouse_url,
            database=self.clickhouse_database,
            user=self.clickhouse_user,
            password_file=self.clickhouse_password_file or secrets / "clickhouse-maintainer.password",
            pool_size=2,
            deadline_seconds=self.deadline_seconds,
            connect_timeout_seconds=self.connect_timeout_seconds,
            client_name="sightglass-maintenance",
        )
