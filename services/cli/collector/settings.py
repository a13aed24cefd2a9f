"""Settings of the Collector: what its configuration files read from the environment, and where its binary is."""

from pathlib import Path
from typing import Final

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.web.plain_url import without_login
from services.web.readable_file import secret_file

_TLS_KEY_FILE: Final = Path("/etc/sightglass/tls.key")


class CollectorSettings(BaseSettings):
    """Where the Collector listens, where it exports to, and how much it may hold.

    Every field but `binary`, `overlays` and `data_dir` is passed on as `SIGHTGLASS_COLLECTOR_<NAME>`, the variables
    that `collector/config.yaml` reads with the same defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_COLLECTOR_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias=AliasChoices("SIGHTGLASS_DATA_DIR", "data_dir"),
        description="Folder that holds all state; the queue lies in collector/queue below it.",
    )
    binary: Path | None = Field(default=None, description="Collector binary to use instead of a found or built one.")
    overlays: tuple[str, ...] = Field(
        default=(),
        description="Configurations laid over config.yaml, in order (a JSON list): names such as `token`, `tls`, "
        "`production` and `allow-list`, or paths.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the OTLP receivers and the health check bind to.")
    grpc_port: int = Field(default=4317, ge=1, le=65535, description="Port for OTLP over gRPC.")
    http_port: int = Field(default=4318, ge=1, le=65535, description="Port for OTLP over HTTP.")
    health_port: int = Field(default=13133, ge=1, le=65535, description="Port of the health check.")
    metrics_port: int = Field(
        default=8888, ge=1, le=65535, description="Port where the Collector's own metrics can be scraped (loopback)."
    )
    clickhouse_endpoint: str = Field(
        default="http://127.0.0.1:8123", description="ClickHouse's HTTP interface, which the exporter writes to."
    )
    clickhouse_database: str = Field(default="otel", description="Database that holds the otel_* tables.")
    clickhouse_user: str = Field(default="collector", description="ClickHouse user with the right to insert.")
    clickhouse_password_file: Path | None = Field(
        default=None,
        description="File with that user's password (default: secrets/clickhouse-collector.password in the data "
        "folder).",
    )
    clickhouse_ca_file: Path | None = Field(
        default=None,
        description="Certificates of the authorities that may vouch for ClickHouse's https endpoint; by default "
        "SIGHTGLASS_TLS_CA_FILE under `sightglass up`, else the system's.",
    )
    clickhouse_compress: str = Field(
        default="none",
        pattern="^(none|lz4|zstd|gzip)$",
        description="Compression towards ClickHouse; the embedded one takes none and gzip.",
    )
    memory_limit_mib: int = Field(
        default=512, ge=64, description="Memory beyond which the Collector refuses data, in MiB; senders then retry."
    )
    memory_spike_mib: int = Field(
        default=128, ge=16, description="Room kept free below that limit for what arrives between two checks, in MiB."
    )
    batch_timeout: str = Field(
        default="500ms", pattern=r"^\d+(ms|s|m)$", description="Longest time a batch waits to fill, such as 500ms."
    )
    batch_min_rows: int = Field(default=5000, ge=1, description="Rows at which a batch is sent without waiting.")
    batch_max_rows: int = Field(default=20000, ge=1, description="Most rows in one insert.")
    queue_bytes: int = Field(
        default=1 << 30,
        ge=1 << 20,
        description="Size of each signal's durable queue in bytes; when full, senders wait.",
    )
    queue_consumers: int = Field(default=2, ge=1, description="Inserts under way at once, for each signal.")
    fsync: bool = Field(default=False, description="Sync the queue to disk on each write: survives a loss of power.")
    token_file: Path | None = Field(
        default=None,
        description="Overlay `token`: file (mode 0600) with the bearer tokens that senders may show, one per line "
        "(default: secrets/otlp.token in the data folder, which `sightglass up` makes).",
    )
    tls_cert_file: Path = Field(
        default=Path("/etc/sightglass/tls.crt"), description="Overlay `tls`: certificate of the OTLP receivers."
    )
    tls_key_file: Path = Field(default=_TLS_KEY_FILE, description="Overlay `tls`: that certificate's private key.")
    self_port: int = Field(
        default=4319,
        ge=1,
        le=65535,
        description="Overlays `token` and `tls`: loopback port for the Collector's own metrics, without either.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warn|error)$", description="Least severe of the Collector's own logs."
    )

    _secrets_are_there = field_validator("clickhouse_password_file", "token_file")(secret_file)
    _endpoint_has_no_login = field_validator("clickhouse_endpoint")(without_login)

    @field_validator("tls_key_file")
    @classmethod
    def _key_is_there(cls, path: Path) -> Path:
        if path != _TLS_KEY_FILE:  # which only the overlay asks for
            secret_file(path)
        return path

    @property
    def queue_dir(self) -> Path:
        """Folder of the durable queue."""
        return (self.data_dir / "collector" / "queue").absolute()

    @property
    def password_file(self) -> Path:
        """File with the ClickHouse password, as set or derived from the data folder."""
        default = self.data_dir / "secrets" / "clickhouse-collector.password"
        return (self.clickhouse_password_file or default).absolute()

    @property
    def ingest_token_file(self) -> Path:
        """File with the tokens of overlay `token`, as set or derived from the data folder."""
        return (self.token_file or self.data_dir / "secrets" / "otlp.token").absolute()
