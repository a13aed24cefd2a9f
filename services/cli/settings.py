"""The supervisor's settings, read once by each verb that needs them and handed down."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.web.plain_url import without_login


class SupervisorSettings(BaseSettings):
    """Where `sightglass up` keeps its state, and how patient it is."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_SUPERVISOR_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias="SIGHTGLASS_DATA_DIR",
        description="The folder that holds all state and logs; deleting it is a clean start.",
    )
    clickhouse_url: str = Field(
        default="",
        validation_alias="SIGHTGLASS_CLICKHOUSE_URL",
        description="HTTP interface of a ClickHouse server to use; empty: the embedded one is started.",
    )
    token: SecretStr | None = Field(
        default=None,
        validation_alias="SIGHTGLASS_TOKEN",
        description="Token with which commands such as `sightglass doctor` and `sightglass demo` ask the APIs, "
        "where those "
        "ask for one.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        validation_alias="SIGHTGLASS_TLS_CA_FILE",
        description="Certificates (PEM) of the authorities by which our clients check the servers that they call by "
        "HTTPS; by default the system's.",
    )
    otlp_token_file: Path | None = Field(
        default=None,
        validation_alias="SIGHTGLASS_OTLP_TOKEN_FILE",
        description="File with the bearer token that OTLP is sent with, read again when it changes: its first word.",
    )
    ready_timeout_seconds: float = Field(
        default=120.0, gt=0, description="How long a process may take until it is ready, before the start is given up."
    )
    step_timeout_seconds: float = Field(
        default=1800.0,
        gt=0,
        description="How long one step of the start may take: the Collector's build, the migrations, the training.",
    )
    stop_timeout_seconds: float = Field(
        default=15.0, gt=0, description="How long a process may take to stop before it is killed."
    )
    restart_first_seconds: float = Field(
        default=0.5, gt=0, description="Wait before a crashed process is started again; doubles with every crash."
    )
    restart_longest_seconds: float = Field(
        default=30.0, gt=0, description="The longest wait before a crashed process is started again."
    )
    restart_forgiven_after_seconds: float = Field(
        default=60.0, gt=0, description="A process that was up this long starts afresh with the shortest wait."
    )
    log_max_bytes: int = Field(default=10_000_000, ge=1_000, description="Size at which a process's log is rotated.")
    log_files_kept: int = Field(default=3, ge=0, description="Rotated logs kept per process.")

    _url_has_no_login = field_validator("clickhouse_url")(without_login)
