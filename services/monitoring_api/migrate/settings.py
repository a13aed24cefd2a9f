"""Settings of `sightglass migrate`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHouseClientSettings
from services.monitoring_api.retention_settings import RetentionSettings

SCHEMA_DIR = Path(__file__).resolve().parents[3] / "collector" / "schema"


class MigrateSettings(RetentionSettings, ClickHouseClientSettings):
    """Which ClickHouse to bring to which schema, and how long its tables keep their rows."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_MIGRATE_")

    clickhouse_user: str = Field(default="migrator", description="ClickHouse user with the right to create tables.")
    schema_dir: Path = Field(default=SCHEMA_DIR, description="Folder with the numbered SQL files.")
    cluster: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="ClickHouse cluster to create the schema on (ON CLUSTER, Replicated engines, Distributed tables); "
        "empty for one server.",
    )
    lock_seconds: int = Field(
        default=60,
        ge=5,
        description="Seconds after which the lock of a migration that died is taken over; renewed with each statement.",
    )
    wait_seconds: int = Field(default=120, ge=0, description="Seconds to wait for another migration that is running.")
    timeout_seconds: int = Field(default=60, ge=1, description="Longest time one statement may take, in seconds.")
