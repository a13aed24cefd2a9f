"""What every channel's entry in the notifications file has."""

from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.configuration.duration import Duration
from services.monitoring_api.notify.channel import Channel, Surroundings
from services.monitoring_api.notify.rate_limit import RateLimit
from services.monitoring_api.notify.secret_source import SecretSource

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


class ChannelConfig(BaseModel):
    """Keys that all channels share. A channel adds its own, its `type`, and `build`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    # Whether the receiver keeps what fires open until it is told of the end.
    keeps_state: ClassVar[bool] = False
    # Whether it takes what it is not reminded of for ended: then reminders go on, silence or not.
    expires: ClassVar[bool] = False
    # Of how many alerts it shows what their metric did.
    most_pictures: ClassVar[int] = 0

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="The name that routes use.")
    send_resolved: bool = Field(default=True, description="Whether to tell of an alert's end too.")
    timeout: Duration = Field(default=10.0, gt=0, le=120, description="Longest wait for one attempt, like 10s.")
    rate_limit: RateLimit | None = Field(
        default=None,
        description="How many messages at most, like {messages: 20, per: 1m}; what is over is one message.",
    )

    def build(self, surroundings: Surroundings) -> Channel:
        """The channel, ready to send."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        """Where it sends to, without any secret, for `channels list`."""
        raise NotImplementedError

    async def run_beside(self, surroundings: Surroundings) -> None:
        """What the worker runs as long as it has this channel, until cancelled: nothing, for all but the demo's."""

    def secrets(self) -> tuple[SecretSource, ...]:
        """The secrets it needs, so that a missing one is told before the first alert."""
        return ()


def one_source(key: str, variable: str | None, file: Path | None) -> SecretSource:
    """The one place that a secret comes from.

    Raises:
        ValueError: When two are given.
    """
    if variable is not None and file is not None:
        raise ValueError(f"give {key}_env or {key}_file, not both")
    return SecretSource(variable, file)
