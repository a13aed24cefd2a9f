"""Settings of the embedded ClickHouse process."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _listed(value: object) -> object:
    """Read `a, b` as a tuple of names, as one writes lists in the environment."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ClickHouseSettings(BaseSettings):
    """Where the engine listens, whose data it owns, and how much each of its users may take."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_CLICKHOUSE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias="SIGHTGLASS_DATA_DIR",
        description="Folder that holds all state; the engine owns its `clickhouse` subfolder.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address the HTTP interface listens on; every user needs a password, wherever that is.",
    )
    port: int = Field(default=8123, ge=1, le=65535, description="Port of the HTTP interface.")
    tls_cert_file: Path | None = Field(
        default=None, description="Certificate chain (PEM) to serve HTTPS with; needs its key."
    )
    tls_key_file: Path | None = Field(default=None, description="The certificate's private key (PEM, not encrypted).")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names accepted in the Host header besides loopback and the listening address, comma-separated.",
    )
    database: str = Field(default="otel", pattern=r"^[A-Za-z_]\w*$", description="Database made at start.")
    extra_databases: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further databases the four users may work in, comma-separated.",
    )

    reader_slots: int = Field(default=8, ge=1, description="Queries the reader may run at once.")
    collector_slots: int = Field(default=8, ge=1, description="Statements the Collector may run at once.")
    maintainer_slots: int = Field(default=4, ge=1, description="Statements the maintainer may run at once.")
    migrator_slots: int = Field(default=2, ge=1, description="Statements the migrator may run at once.")
    slot_wait_seconds: float = Field(
        default=3.0, ge=0, description="How long a statement waits for a slot before it is told there are too many."
    )

    reader_max_seconds: float = Field(default=60.0, gt=0, description="Longest time a reader's query may take.")
    reader_max_memory_bytes: int = Field(default=2_000_000_000, gt=0, description="Most memory of a reader's query.")
    reader_max_rows_to_read: int = Field(
        default=10_000_000_000, gt=0, description="Most rows a reader's query may read."
    )
    reader_max_result_rows: int = Field(
        default=20_000_000, gt=0, description="Most rows in the answer to a reader's query."
    )
    reader_max_threads: int = Field(default=4, ge=1, description="Most threads of a reader's query.")
    reader_max_temporary_bytes: int = Field(
        default=10_000_000_000, gt=0, description="Most disk space of a reader's query for sorting and grouping."
    )
    writer_max_memory_bytes: int = Field(
        default=4_000_000_000, gt=0, description="Most memory of a statement of the three writing users."
    )

    max_query_bytes: int = Field(default=1 << 20, gt=0, description="Longest statement, without the data of an INSERT.")
    insert_chunk_bytes: int = Field(
        default=1 << 20, ge=1024, description="How much of an INSERT's data is handed to the engine at a time."
    )
    answer_hold_bytes: int = Field(
        default=1 << 20,
        ge=0,
        description="How much of an answer is held back so that its headers and a late error can still be told truly.",
    )
    answer_wait_bytes: int = Field(
        default=32 << 20, ge=0, description="The same where the client asks to wait for the end of the query."
    )
    stop_seconds: float = Field(default=3.0, gt=0, description="How long running statements may take to end at a stop.")
    query_log_entries: int = Field(default=10_000, ge=1, description="Statements kept in memory by the query log.")
    query_log_file_bytes: int = Field(
        default=20_000_000, gt=0, description="Size at which the query log's file is rotated."
    )
    query_log_files: int = Field(default=3, ge=1, description="Rotated query log files that are kept.")

    @model_validator(mode="after")
    def _certificate_has_key(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            lacking = "KEY" if self.tls_key_file is None else "CERT"
            raise ValueError(
                f"SIGHTGLASS_CLICKHOUSE_TLS_{lacking}_FILE is missing: HTTPS needs a certificate and its key, or none"
            )
        return self

    _split = field_validator("allowed_hosts", "extra_databases", mode="before")(_listed)

    @property
    def databases(self) -> tuple[str, ...]:
        """Every database the users may work in."""
        return (self.database, *self.extra_databases)
