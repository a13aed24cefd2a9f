"""The dashboard's settings, read once by its entry point and handed down."""

import ipaddress
from typing import Self

from pydantic import Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardSettings(BaseSettings):
    """Where the dashboard listens and which monitoring API it asks."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_DASHBOARD_", env_file=".env", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address that the dashboard listens on.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port that the dashboard listens on.")
    api_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8003"), description="Base URL of the monitoring API, without /api/v1."
    )
    api_token: SecretStr | None = Field(
        default=None, description="Bearer token with scope `read` for the monitoring API, where it asks for one."
    )
    api_timeout_seconds: float = Field(
        default=8.0,
        gt=0,
        description="Longest wait for one answer; longer than the API's own deadline, so that its explanation arrives.",
    )
    refresh_seconds: float = Field(
        default=15.0, ge=2, description="How often an open overview asks again. Retries after a failure come sooner."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names that a browser may use (JSON list). Empty: loopback names when listening on loopback, "
        "else any.",
    )

    @model_validator(mode="after")
    def _loopback_names(self) -> Self:
        """Close DNS rebinding on loopback, where any web page could otherwise reach the port."""
        if not self.allowed_hosts and is_loopback(self.host):
            # The model is frozen for its users; a validator still belongs to its construction.
            object.__setattr__(self, "allowed_hosts", ("127.0.0.1", "localhost", "[::1]", "::1", self.host))
        return self


def is_loopback(host: str) -> bool:
    """Say whether an address or name means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
