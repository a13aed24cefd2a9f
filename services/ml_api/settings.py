"""Settings of the prediction service."""

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.ml_api.limits import Limits
from services.ml_api.model_store import MODEL_NAME
from services.web.listener_settings import ListenerSettings

_GRACE_AFTER_DEADLINE_SECONDS: Final = 0.5


class MlApiSettings(ListenerSettings):
    """The prediction service, from environment variables ``SIGHTGLASS_ML_API_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_ML_API_")

    port: int = Field(default=8002, ge=1, le=65_535, description="Port to listen on.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that share the port.")
    max_body_bytes: int = Field(default=1_048_576, ge=1, description="Longest request body taken, in bytes.")
    request_deadline_seconds: float = Field(
        default=4.0,
        gt=0,
        le=60,
        description="How long a prediction may take; the header X-Request-Timeout asks for less, in seconds.",
    )
    max_concurrent_calls: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Model calls at once in a process; batches of 20 and more take turns besides.",
    )
    max_waiting_requests: int = Field(
        default=256, ge=0, description="Predictions that may wait for the model or their weather; more are 429."
    )
    max_waiting_batches: int = Field(
        default=16, ge=0, description="Batches of 20 and more that may wait for their turn; more are 429."
    )
    shadow_queue_rows: int = Field(
        default=10_000, ge=1, description="Predictions that may wait for the shadow; more go without, and are counted."
    )
    drain_seconds: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="How long it goes on taking requests after SIGTERM while /readyz says that it is draining.",
    )
    models_dir: Path | None = Field(
        default=None, description="Folder of the trained models; by default models in the data folder."
    )
    model_name: str = Field(default=MODEL_NAME, description="The model to serve.")
    faults_file: Path | None = Field(
        default=None,
        description="For experiments: a file of faults to plant in weather lookups, read again when it changes; by "
        "default there are none.",
    )
    monitoring_api_url: str = Field(
        default="http://127.0.0.1:8003", description="Where the landing page finds the monitoring API."
    )
    dashboard_url: str = Field(
        default="http://127.0.0.1:8501", description="Where the landing page finds the dashboard."
    )

    def limits(self) -> Limits:
        """How much a worker process takes on at once, and for how long."""
        return Limits(
            deadline_seconds=self.request_deadline_seconds,
            concurrent_calls=self.max_concurrent_calls,
            waiting_requests=self.max_waiting_requests,
            waiting_batches=self.max_waiting_batches,
        )

    def grace_seconds(self) -> float:
        """How long requests under way have after that: long enough for each to reach its deadline."""
        return self.request_deadline_seconds + _GRACE_AFTER_DEADLINE_SECONDS

    def models_folder(self) -> Path:
        """The folder of the trained models."""
        return self.models_dir or self.data_dir / "models"
