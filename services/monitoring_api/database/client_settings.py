"""What every process that asks ClickHouse is told of it: one set of fields, one way to a `Connection`."""

from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.monitoring_api.database.connection import Connection
from services.web.plain_url import without_login
from services.web.readable_file import readable, secret_file


class ClickHouseClientSettings(BaseSettings):
    """Where ClickHouse is, and as whom to ask it; a process's own class adds its prefix and the rest."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias=AliasChoices("SIGHTGLASS_DATA_DIR", "data_dir"),
        description="The folder that holds all state and logs.",
    )
    clickhouse_url: str = Field(default="http://127.0.0.1:8123", description="ClickHouse's HTTP interface.")
    clickhouse_database: str = Field(
        default="otel", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database that holds the tables."
    )
    clickhouse_user: str = Field(default="reader", description="User to log in as.")
    clickhouse_password_file: Path | None = Field(
        default=None,
        description="File with that user's password; by default secrets/clickhouse-<user>.password in the data folder, "
        "which may be made later.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("SIGHTGLASS_TLS_CA_FILE", "tls_ca_file"),
        description="Certificate authorities (PEM) by which our clients check the servers they call by HTTPS; "
        "by default the system's.",
    )

    _authorities_are_readable = field_validator("tls_ca_file")(readable)
    _password_is_there = field_validator("clickhouse_password_file")(secret_file)
    _url_has_no_login = field_validator("clickhouse_url")(without_login)

    @model_validator(mode="after")
    def _password_is_no_empty_one(self) -> Self:
        """The default file may be made later; one that is there must hold something."""
        if self.clickhouse_password_file is None and self.password_file.exists():
            secret_file(self.password_file)
        return self

    @property
    def password_file(self) -> Path:
        """File with the password, as set or derived from the user and the data folder."""
        default = self.data_dir / "secrets" / f"clickhouse-{self.clickhouse_user}.password"
        return self.clickhouse_password_file or default


class ClickHousePoolSettings(ClickHouseClientSettings):
    """For a process that keeps connections: how many, and how patient it is."""

    pool_size: int = Field(default=4, ge=1, le=1000, description="Most questions to ClickHouse under way at once.")
    deadline_seconds: float = Field(
        default=10.0, gt=0, le=3_600, description="Longest wait for an answer, connecting and queueing included."
    )
    connect_timeout_seconds: float = Field(
        default=2.0, gt=0, le=60, description="Longest wait for a connection to ClickHouse."
    )

    def connection(self, client_name: str) -> Connection:
        """Where ClickHouse is and how to log in; `client_name` is what ClickHouse's logs call us."""
        return Connection(
            url=self.clickhouse_url,
            database=self.clickhouse_database,
            user=self.clickhouse_user,
            password_file=self.password_file,
            pool_size=self.pool_size,
            deadline_seconds=self.deadline_seconds,
            connect_timeout_seconds=self.connect_timeout_seconds,
            client_name=client_name,
            ca_file=self.tls_ca_file,
        )
