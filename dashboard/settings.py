"""The dashboard's settings, read once by its entry point and handed down."""

import ipaddress
from enum import Enum
from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SignIn(Enum):
    """How people show who they are."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105  # a way, not a secret
    OIDC = "oidc"


class DashboardSettings(BaseSettings):
    """Where the dashboard listens, which monitoring API it asks, and who may look."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTGLASS_DASHBOARD_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: str = Field(default="127.0.0.1", description="Address that the dashboard listens on.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port that the dashboard listens on.")
    api_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8003"), description="Base URL of the monitoring API, without /api/v1."
    )
    api_token: SecretStr | None = Field(
        default=None,
        description="The dashboard's own token for the monitoring API; not used where people sign in by token. With "
        "OpenID Connect it must be one made with `sightglass tokens create NAME --role operator --delegate`.",
    )
    api_token_file: Path | None = Field(
        default=None, description="File that holds the dashboard's own token, instead of the token itself."
    )
    api_timeout_seconds: float = Field(
        default=8.0,
        gt=0,
        description="Longest wait for one answer; longer than the API's own deadline, so that its explanation arrives.",
    )
    refresh_seconds: float = Field(
        default=15.0,
        ge=2,
        description="How often an open page asks again, History and Models less often where nothing new can show yet. "
        "Retries after a failure come sooner.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names answered for besides loopback ones, as a JSON list; `*.example.org` too.",
    )
    auth: Literal["auto", "on"] = Field(
        default="auto",
        validation_alias="SIGHTGLASS_AUTH",
        description="Whether callers must show a token: `auto`: where the listener is not on loopback; `on`: always.",
    )
    sign_in: Literal["auto", "token", "oidc", "none"] = Field(
        default="auto",
        description="How people sign in: `oidc` (OpenID Connect), `token`, or `none`, which is refused where "
        "authentication is asked for. `auto`: `oidc` where SIGHTGLASS_DASHBOARD_OIDC_FILE is set, else `token` "
        "where authentication is asked for, else `none`.",
    )
    oidc_file: Path | None = Field(
        default=None,
        description="TOML file of mode 0600 with Streamlit's section [auth]: redirect_uri, cookie_secret, client_id, "
        "client_secret, server_metadata_url.",
    )
    viewers: tuple[str, ...] = Field(
        default=(),
        description="Who may look after signing in by OpenID Connect (JSON list): e-mail addresses, or `*@example.org` "
        "for all of a domain.",
    )
    operators: tuple[str, ...] = Field(
        default=(),
        description="Who may also operate, as the viewers: acknowledge and silence alerts, test channels, send "
        "messages again.",
    )
    contact: str = Field(
        default="",
        max_length=200,
        description="Whom people ask who may not get in, such as an e-mail address; shown on the page that says so.",
    )
    sign_in_hours: float = Field(
        default=12.0, gt=0, description="How long a sign-in by OpenID Connect lasts, counted by the provider's stamp."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="Certificate chain (PEM) with which the dashboard serves HTTPS; with its key."
    )
    tls_key_file: Path | None = Field(default=None, description="Private key (PEM, not encrypted) of that certificate.")
    tls_ca_file: Path | None = Field(
        default=None,
        validation_alias="SIGHTGLASS_TLS_CA_FILE",
        description="CA bundle (PEM) with which servers are checked, instead of the machine's own.",
    )

    @property
    def authentication_asked(self) -> bool:
        """Whether nobody may look without having signed in."""
        return self.auth == "on" or not is_loopback(self.host)

    @property
    def way(self) -> SignIn:
        """How people sign in, with `auto` decided."""
        if self.sign_in != "auto":
            return SignIn(self.sign_in)
        if self.oidc_file is not None:
            return SignIn.OIDC
        return SignIn.TOKEN if self.authentication_asked else SignIn.NONE


def is_loopback(host: str) -> bool:
    """Say whether an address or name means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
