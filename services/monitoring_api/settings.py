"""Settings of the monitoring API's HTTP process."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHousePoolSettings
from services.web.listener_settings import ListenerSettings


class MonitoringApiSettings(ListenerSettings, ClickHousePoolSettings):
    """The monitoring API, from environment variables ``SIGHTGLASS_MONITORING_API_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_MONITORING_API_")

    port: int = Field(default=8003, ge=1, le=65_535, description="Port to listen on.")
    max_body_bytes: int = Field(default=65_536, ge=0, description="Longest request body taken, in bytes.")
    pool_size: int = Field(default=6, ge=1, le=1000, description="Most questions to ClickHouse under way at once.")
    deadline_seconds: float = Field(
        default=5.0, gt=0, le=600, description="Longest wait for an answer, all questions to ClickHouse included."
    )
    cache_bytes: int = Field(
        default=67_108_864, ge=0, description="About how much memory finished parts of answers may take; 0 keeps none."
    )
    answer_seconds: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="How long a whole answer is given again to whoever asks the same; 0 asks each time.",
    )
    alert_store_url: str | None = Field(
        default=None,
        description="The alert worker's store (SQLAlchemy URL); by default worker/alerts.sqlite in the data folder.",
    )
    ml_api_url: str = Field(
        default="http://127.0.0.1:8002",
        description="The ML API: promotions are forwarded to it, and the landing page links it.",
    )
    dashboard_url: str = Field(
        default="http://127.0.0.1:8501", description="Where the landing page finds the dashboard."
    )

    def store_url(self) -> str:
        """The alert worker's store."""
        return self.alert_store_url or f"sqlite:///{self.data_dir.absolute() / 'worker' / 'alerts.sqlite'}"
