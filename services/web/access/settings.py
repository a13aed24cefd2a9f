"""Settings of who is let in, shared by all processes."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AccessSettings(BaseSettings):
    """When a token is asked for, where the tokens lie, and where it is written down what was done with them."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".sightglass"),
        validation_alias=AliasChoices("SIGHTGLASS_DATA_DIR", "data_dir"),
        description="The folder that holds all state and logs.",
    )
    auth: Literal["auto", "on"] = Field(
        default="auto",
        validation_alias=AliasChoices("SIGHTGLASS_AUTH", "auth"),
        description="`auto`: a token is asked for where a process listens beyond loopback; `on`: always.",
    )
    tokens_file: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("SIGHTGLASS_TOKENS_FILE", "tokens_file"),
        description="File of the tokens, hashed, which `sightglass tokens` writes; by default secrets/tokens.json in "
        "the data folder.",
    )
    audit_dir: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("SIGHTGLASS_AUDIT_DIR", "audit_dir"),
        description="Folder of the audit log: a line for each operator's action, in one file per process; by default "
        "audit in the data folder.",
    )

    def tokens_path(self) -> Path:
        """The file of the tokens."""
        return self.tokens_file or self.data_dir / "secrets" / "tokens.json"

    def audit_folder(self) -> Path:
        """The folder of the audit log."""
        return self.audit_dir or self.data_dir / "audit"
