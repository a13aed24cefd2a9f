"""Settings of the prediction service."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.ml_api.model_store import MODEL_NAME


class MlApiSettings(BaseSettings):
    """The prediction service, from environment variables ``SIGHTGLASS_ML_API_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_ML_API_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias="SIGHTGLASS_DATA_DIR",
        description="The folder that holds all state and logs.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8002, ge=1, le=65_535, description="Port to listen on.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Host names answered for besides loopback ones, as a JSON list; `*.example.org` too."
    )
    workers: int = Field(default=1, ge=1, le=64, description="Processes that share the port.")
    max_body_bytes: int = Field(default=1_048_576, ge=1, description="Longest request body taken, in bytes.")
    models_dir: Path | None = Field(
        default=None, description="Folder of the trained models; by default models in the data folder."
    )
    model_name: str = Field(default=MODEL_NAME, description="The model to serve.")
    monitoring_api_url: str = Field(
        default="http://127.0.0.1:8003", description="Where the landing page finds the monitoring API."
    )
    dashboard_url: str = Field(
        default="http://127.0.0.1:8501", description="Where the landing page finds the dashboard."
    )

    def models_folder(self) -> Path:
        """The folder of the trained models."""
        return self.models_dir or self.data_dir / "models"
