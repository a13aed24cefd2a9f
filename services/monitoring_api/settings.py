"""Settings of the monitoring API's HTTP process."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.monitoring_api.database import Connection


class MonitoringApiSettings(BaseSettings):
    """The monitoring API, from environment variables ``SIGHTGLASS_MONITORING_API_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_MONITORING_API_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias="SIGHTGLASS_DATA_DIR",
        description="The folder that holds all state and logs.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8003, ge=1, le=65_535, description="Port to listen on.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Host names answered for besides loopback ones, as a JSON list; `*.example.org` too."
    )
    max_body_bytes: int = Field(default=65_536, ge=0, description="Longest request body taken, in bytes.")
    clickhouse_url: str = Field(default="http://127.0.0.1:8123", description="ClickHouse's HTTP interface.")
    clickhouse_database: str = Field(default="otel", description="Database that holds the tables.")
    clickhouse_user: str = Field(default="reader", description="User to read as.")
    clickhouse_password_file: Path | None = Field(
        default=None,
        description="File with that user's password; by default secrets/clickhouse-reader.password in the data folder.",
    )
    pool_size: int = Field(default=6, ge=1, le=1000, description="Most questions to ClickHouse under way at once.")
    deadline_seconds: float = Field(
        default=5.0, gt=0, le=600, description="Longest wait for an answer, all questions to ClickHouse included."
    )
    connect_timeout_seconds: float = Field(
        default=2.0, gt=0, le=60, description="Longest wait for a connection to ClickHouse."
    )
    alert_store_url: str | None = Field(
        default=None,
        description="The alert worker's store (SQLAlchemy URL); by default worker/alerts.sqlite in the data folder.",
    )
    ml_api_url: str = Field(default="http://127.0.0.1:8002", description="Where the landing page finds the ML API.")
    dashboard_url: str = Field(
        default="http://127.0.0.1:8501", description="Where the landing page finds the dashboard."
    )

    def connection(self) -> Connection:
        """Where ClickHouse is and how to log in."""
        return Connection(
            url=self.clickhouse_url,
            database=self.clickhouse_database,
            user=self.clickhouse_user,
            password_file=self.clickhouse_password_file or self.data_dir / "secrets" / "clickhouse-reader.password",
            pool_size=self.pool_size,
            deadline_seconds=self.deadline_seconds,
            connect_timeout_seconds=self.connect_timeout_seconds,
            client_name="sightglass-monitoring-api",
        )

    def store_url(self) -> str:
        """The alert worker's store."""
        return self.alert_store_url or f"sqlite:///{self.data_dir.absolute() / 'worker' / 'alerts.sqlite'}"
