"""The notifications file: channels, and routes that lead alerts to them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.configuration.located_yaml import FileError, InvalidFileError, LocatedDocument, read_yaml
from services.monitoring_api.notify.channel_registry import AnyChannel
from services.monitoring_api.notify.inhibition import InhibitRule
from services.monitoring_api.notify.routing import Route, routes_by_channel


class NotificationFile(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[AnyChannel, ...] = Field(default=(), description="Ways to reach people.")
    routes: tuple[Route, ...] | None = Field(
        default=None, description="The first that matches is taken; without any, every alert goes to every channel."
    )

    inhibit: tuple[InhibitRule, ...] = Field(
        default=(),
        description="Which alerts are held back while which others fire; a data source that is down, always.",
    )

    def effective_routes(self) -> tuple[Route, ...]:
        """The routes in force."""
        if self.routes is not None:
            return self.routes
        return (Route(channels=tuple(channel.name for channel in self.channels)),)

    def routes_for(self, labels: Mapping[str, str]) -> dict[str, Route]:
        """The channels that an alert goes to, each with the route that leads there."""
        return routes_by_channel(self.effective_routes(), labels)

    def channel(self, name: str) -> AnyChannel | None:
        """The channel of a name; None when there is none."""
        return next((one for one in self.channels if one.name == name), None)


def warnings(file: NotificationFile) -> list[str]:
    """What a file says in vain, one sentence for each."""
    found = []
    routes = file.effective_routes()
    ending = next((i for i, route in enumerate(routes) if not route.conditions() and not route.continue_), None)
    if ending is not None and ending + 1 < len(routes):
        found.append(
            f"routes[{ending}] takes every alert and does not say `continue: true`: those after it are never tried."
        )
    led_to = {name for route in routes for name in route.channels}
    found += [f"no route leads to the channel {one.name}." for one in file.channels if one.name not in led_to]
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
