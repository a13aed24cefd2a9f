"""What the channels that POST to a URL have in common: the URL, who may be called, and a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, ChannelConfig, one_source
from services.monitoring_api.notify.http_sender import HttpSender, parse_target
from services.monitoring_api.notify.plain_text import one_line
from services.monitoring_api.notify.resolver import Allowed
from services.monitoring_api.notify.secret_source import SecretSource

RECEIPT_CHARACTERS = 200

Config = TypeVar("Config", bound="HttpChannelConfig")


def _internal_target(entry: str) -> str:
    Allowed.of([entry])
    return entry


class HttpChannelConfig(ChannelConfig):
    """Keys of every channel that calls a URL: which internal targets it may call."""

    allow_private: bool = Field(default=False, description="Whether any private or loopback address may be called.")
    allow: tuple[Annotated[str, AfterValidator(_internal_target)], ...] = Field(
        default=(),
        max_length=100,
        description="Internal targets that may be called: host names, addresses or CIDRs, like [10.1.0.0/16].",
    )

    def sender(self, surroundings: Surroundings) -> HttpSender:
        """What POSTs, and refuses addresses that are not to be called."""
        return HttpSender(surroundings.resolve, self.timeout, self.allow_private, Allowed.of(self.allow))


@dataclass(frozen=True)
class HttpChannel(Generic[Config]):
    """What every channel that POSTs does alike."""

    config: Config
    surroundings: Surroundings

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    @cached_property
    def sender(self) -> HttpSender:
        """What POSTs."""
        return self.config.sender(self.surroundings)

    async def post(self, url: SecretStr, body: bytes, idempotency_key: str, headers: Mapping[str, str]) -> str:
        """POST a body, JSON unless a header says otherwise, and return the receipt.

        Raises:
            DeliveryFailedError: When the receiver did not confirm.
        """
        sent = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key, **headers}
        answer = await self.sender.post(url, body, sent, now=self.surroundings.clock())
        return one_line(f"{answer.status} {answer.text}", RECEIPT_CHARACTERS)


class ReceiverConfig(HttpChannelConfig):
    """Keys of a channel that POSTs to a URL of the operator's, with a bearer token where one is asked for."""

    url: str | None = Field(default=None, description="Where to POST; use url_env when it holds a secret.")
    url_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds the URL.")
    url_file: Path | None = Field(default=None, description="File that holds the URL.")
    token_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds a bearer token.")
    token_file: Path | None = Field(default=None, description="File that holds a bearer token.")

    @field_validator("url")
    @classmethod
    def _callable(cls, url: str | None) -> str | None:
        return url if url is None else callable_url(url)

    @model_validator(mode="after")
    def _one_url(self) -> "ReceiverConfig":
        one_source("token", self.token_env, self.token_file)
        if sum(key is not None for key in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("missing: give exactly one of url, url_env, url_file")
        return self

    @property
    def target(self) -> str:
        """Where it sends to: a URL's path and query may be secret, so they aren't shown."""
        return f"the URL in {self.url_env or self.url_file}" if self.url is None else origin(self.url)

    def secrets(self) -> tuple[SecretSource, ...]:
        """URL and token, where they are secret."""
        sources = (SecretSource(self.url_env, self.url_file), SecretSource(self.token_env, self.token_file))
        return tuple(source for source in sources if source)

    def address(self, environment: Mapping[str, str]) -> SecretStr:
        """The URL.

        Raises:
            DeliveryFailedError: When the secret isn't there.
        """
        return SecretStr(self.url) if self.url else SecretSource(self.url_env, self.url_file).read(environment)

    def headers(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Who calls, and the token where there is one.

        Raises:
            DeliveryFailedError: When the secret isn't there.
        """
        if not (token := SecretSource(self.token_env, self.token_file)):
            return {"User-Agent": "sightglass"}
        return {"User-Agent": "sightglass", "Authorization": f"Bearer {token.read(environment).get_secret_value()}"}


def callable_url(url: str) -> str:
    """The URL when it may be called by its form.

    Raises:
        ValueError: Saying what is wrong with it.
    """
    try:
        parse_target(SecretStr(url))
    except DeliveryFailedError as error:
        raise ValueError(str(error)) from None
    return url


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    target = parse_target(SecretStr(url))
    return f"{target.scheme}://{target.netloc.decode('ascii')}"
