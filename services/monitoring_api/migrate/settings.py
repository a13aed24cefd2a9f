"""Settings of `sightglass migrate`."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SCHEMA_DIR = Path(__file__).resolve().parents[3] / "collector" / "schema"


class MigrateSettings(BaseSettings):
    """Which ClickHouse to bring to which schema, and how long its tables keep their rows."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_MIGRATE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias=AliasChoices("SIGHTGLASS_DATA_DIR", "data_dir"),
        description="Folder that holds all state, among it the generated passwords.",
    )
    clickhouse_url: str = Field(default="http://127.0.0.1:8123", description="ClickHouse's HTTP interface.")
    clickhouse_database: str = Field(
        default="otel", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database that holds all tables."
    )
    clickhouse_user: str = Field(default="migrator", description="ClickHouse user with the right to create tables.")
    clickhouse_password_file: Path | None = Field(
        default=None,
        description="File with that user's password (default: secrets/clickhouse-migrator.password in the data "
        "folder).",
    )
    schema_dir: Path = Field(default=SCHEMA_DIR, description="Folder with the numbered SQL files.")
    cluster: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="ClickHouse cluster to create the schema on (ON CLUSTER, Replicated engines, Distributed tables); "
        "empty for one server.",
    )
    raw_retention_days: int = Field(
        default=30,
        ge=1,
        validation_alias=AliasChoices("SIGHTGLASS_MAINTENANCE_RAW_RETENTION_DAYS", "raw_retention_days"),
        description="Days that raw spans, logs and metrics are kept.",
    )
    predictions_retention_days: int = Field(
        default=400,
        ge=1,
        validation_alias=AliasChoices(
            "SIGHTGLASS_MAINTENANCE_PREDICTIONS_RETENTION_DAYS", "predictions_retention_days"
        ),
        description="Days that predictions, labels and rollups are kept.",
    )
    lock_seconds: int = Field(
        default=60,
        ge=5,
        description="Seconds after which the lock of a migration that died is taken over; renewed with each statement.",
    )
    wait_seconds: int = Field(default=120, ge=0, description="Seconds to wait for another migration that is running.")
    timeout_seconds: int = Field(default=60, ge=1, description="Longest time one statement may take, in seconds.")

    @property
    def password_file(self) -> Path:
        """File with the ClickHouse password, as set or derived from the data folder."""
        return self.clickhouse_password_file or self.data_dir / "secrets" / "clickhouse-migrator.password"
