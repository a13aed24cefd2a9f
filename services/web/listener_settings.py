"""What both APIs are told of their listener: where, with which certificate, whom it lets in, and how often."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from services.web.access.settings import AccessSettings
from services.web.hosts import HostRule
from services.web.readable_file import readable
from services.web.trusted_proxies import trusted_proxies

# Without a setting, where clients come from elsewhere: more than a page of the dashboard asks for at once.
_DEFAULT_RATE: Final = 100


class ListenerSettings(AccessSettings):
    """What belongs to a listener; a process's own class adds its prefix, its ports and the rest."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(ge=1, le=65_535, description="Port to listen on.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Host names answered for besides loopback ones, as a JSON list; `*.example.org` too."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="Certificate chain (PEM) to serve HTTPS with; needs its key."
    )
    tls_key_file: Path | None = Field(default=None, description="The certificate's private key (PEM).")
    rate_limit: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Requests per second of one client, a token or else an address, in each worker; 0 for no limit. By "
        f"default none on loopback without trusted proxies, {_DEFAULT_RATE} elsewhere.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of the reverse proxies in front, as a JSON list: what such a one appends to "
        "X-Forwarded-For is the client that is counted, limited and written down. By default that header is ignored.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="Origins whose pages may use this API, as a JSON list; by default none."
    )

    _certificate_is_readable = field_validator("tls_cert_file", "tls_key_file")(readable)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_proxies(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return trusted_proxies(given)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(text) for text in given)

    @model_validator(mode="after")
    def _certificate_has_key(self) -> "ListenerSettings":
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            lacking = "TLS_KEY_FILE" if self.tls_key_file is None else "TLS_CERT_FILE"
            raise ValueError(
                f"{variable_of(self, lacking)} is missing: HTTPS needs both a certificate and its key, or neither"
            )
        return self

    def on_loopback(self) -> bool:
        """Whether only this machine reaches the listener."""
        return HostRule().admits(f"[{self.host}]" if ":" in self.host else self.host)

    def asks_for_token(self) -> bool:
        """Whether requests need a token."""
        return self.auth == "on" or not self.on_loopback()

    def requests_per_second(self) -> int | None:
        """How often one client may ask; None without limit."""
        return self.limit_of(self.rate_limit, _DEFAULT_RATE)

    def limit_of(self, chosen: int | None, default: int) -> int | None:
        """A limit of each client's; None without.

        Args:
            chosen: The setting: 0 stands for no limit, None for the default.
            default: The limit, unless one is chosen, where clients come from elsewhere.
        """
        if chosen is None:
            # Behind a proxy that is told of, clients are told apart, and come from anywhere.
            return None if self.on_loopback() and not self.trusted_proxies else default
        return chosen or None

    def serves_tls(self) -> bool:
        """Whether the listener speaks HTTPS."""
        return self.tls_cert_file is not None


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if text != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{text!r} is not an origin such as https://app.example.org")
    return text.lower()


def variable_of(settings: ListenerSettings, name: str) -> str:
    """The environment variable of a setting that has its process's prefix, for messages."""
    return f"{settings.model_config.get('env_prefix', '')}{name}"
