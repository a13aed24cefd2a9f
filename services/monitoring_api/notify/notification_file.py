"""The notifications file: channels, and routes that lead alerts to them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.configuration.duration import Duration
from services.monitoring_api.configuration.located_yaml import FileError, InvalidFileError, LocatedDocument, read_yaml
from services.monitoring_api.notify.channel_registry import AnyChannel

_NOT_HONOURED = {"group_wait", "group_interval"}


class Route(BaseModel):
    """Leads alerts with certain labels to channels."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    match: Mapping[str, str] = Field(default_factory=dict, description="Labels an alert must have; empty matches all.")
    channels: tuple[str, ...] = Field(description="Names of channels; none means: tell nobody.")
    continue_: bool = Field(default=False, alias="continue", description="Whether later routes are tried too.")
    group_by: tuple[str, ...] = Field(default=("alertname",), description="Labels that make up one group.")
    group_wait: Duration = Field(default=30.0, description="Accepted; every alert is sent at once so far.")
    group_interval: Duration = Field(default=300.0, description="Accepted; every alert is sent at once so far.")
    repeat_interval: Duration = Field(default=14400.0, ge=1, description="How often a firing alert is repeated.")

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert goes here."""
        return all(labels.get(key) == value for key, value in self.match.items())

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels of an alert's group."""
        return {key: labels[key] for key in self.group_by if key in labels}


class NotificationFile(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[AnyChannel, ...] = Field(default=(), description="Ways to reach people.")
    routes: tuple[Route, ...] | None = Field(
        default=None, description="The first that matches is taken; without any, every alert goes to every channel."
    )

    def effective_routes(self) -> tuple[Route, ...]:
        """The routes in force."""
        if self.routes is not None:
            return self.routes
        return (Route(channels=tuple(channel.name for channel in self.channels)),)

    def routes_for(self, labels: Mapping[str, str]) -> dict[str, Route]:
        """The channels that an alert goes to, each with the route that leads there."""
        found: dict[str, Route] = {}
        for route in self.effective_routes():
            if route.matches(labels):
                for channel in route.channels:
                    found.setdefault(channel, route)
                if not route.continue_:
                    break
        return found


def warnings(file: NotificationFile) -> list[str]:
    """What a file asks for and does not get yet, one sentence for each route."""
    found = []
    for i, route in enumerate(file.routes or ()):
        if idle := sorted(_NOT_HONOURED & route.model_fields_set):
            found.append(
                f"routes[{i}] sets {' and '.join(idle)}, which is not honoured yet: each alert is sent at once."
            )
    return found


def load_notifications(path: Path) -> NotificationFile:
    """Read a notifications file.

    Raises:
        InvalidFileError: With every error.
    """
    document = read_yaml(path)
    file = document.validate(NotificationFile)
    errors = list(_inconsistencies(document, file))
    if errors:
        raise InvalidFileError(errors)
    return file


def _inconsistencies(document: LocatedDocument, file: NotificationFile) -> Iterator[FileError]:
    seen: dict[str, int] = {}
    for i, channel in enumerate(file.channels):
        if channel.name in seen:
            yield document.error(("channels", i, "name"), f"the name is taken by channels[{seen[channel.name]}]")
        seen.setdefault(channel.name, i)
    known = ", ".join(seen) or "none"
    for i, route in enumerate(file.routes or ()):
        for j, name in enumerate(route.channels):
            if name not in seen:
                yield document.error(("routes", i, "channels", j), f"unknown channel {name!r}; there are: {known}")
