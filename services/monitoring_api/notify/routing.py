"""Where an alert goes: routes, tried in their order, and the group that an alert belongs to."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.configuration.duration import Duration
from services.monitoring_api.notify.decision import Timing
from services.monitoring_api.notify.matchers import Matcher, MatcherText, Operator, first_unmet

ALL_LABELS = "..."
MAXIMUM_KEY_CHARACTERS = 300
_LONGEST = 365 * 86_400


class Route(BaseModel):
    """Leads alerts with certain labels to channels."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    match: Mapping[str, str] = Field(default_factory=dict, description="Labels an alert must have; empty matches all.")
    matchers: tuple[MatcherText, ...] = Field(
        default=(), description='More conditions, all of which must hold, like "severity=~page|ticket" or "team!=x".'
    )
    channels: tuple[str, ...] = Field(description="Names of channels; none means: tell nobody.")
    continue_: bool = Field(default=False, alias="continue", description="Whether later routes are tried too.")
    group_by: tuple[str, ...] = Field(
        default=("alertname",), description='Labels that make up one group; "..." stands for all of them.'
    )
    group_wait: Duration = Field(
        default=30.0, le=_LONGEST, description="How long a group's first message waits for more alerts."
    )
    group_interval: Duration = Field(
        default=300.0, le=_LONGEST, description="Shortest time between a group's message and the next with news."
    )
    repeat_interval: Duration = Field(
        default=14400.0, ge=1, le=_LONGEST, description="How often a firing alert is repeated."
    )

    def conditions(self) -> tuple[Matcher, ...]:
        """Everything that an alert's labels must meet."""
        return (*(Matcher(name, Operator.EQUAL, value) for name, value in self.match.items()), *self.matchers)

    def unmet(self, labels: Mapping[str, str]) -> Matcher | None:
        """The first condition that an alert does not meet; None when it goes here."""
        return first_unmet(self.conditions(), labels)

    def timing(self) -> Timing:
        """How patient it is."""
        return Timing(self.group_wait, self.group_interval, self.repeat_interval)

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels of an alert's group."""
        if ALL_LABELS in self.group_by:
            return dict(labels)
        return {key: labels[key] for key in self.group_by if key in labels}

    def group_key(self, labels: Mapping[str, str]) -> str:
        """The name of an alert's group, in Alertmanager's form: the route's conditions, then the group's labels."""
        conditions = ",".join(sorted(str(one) for one in self.conditions()))
        group = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(self.group_labels(labels).items()))
        key = f"{{}}/{{{conditions}}}:{{{group}}}"
        if len(key) <= MAXIMUM_KEY_CHARACTERS:
            return key
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16]
        return f"{key[: MAXIMUM_KEY_CHARACTERS - 17]}#{digest}"


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """What one route makes of an alert.

    Attributes:
        number: Its place in the file, from 0.
        route: The route.
        reached: Whether it was tried at all: an earlier one may have ended the search.
        unmet: The first condition that the alert does not meet.
    """

    number: int
    route: Route
    reached: bool
    unmet: Matcher | None

    @property
    def taken(self) -> bool:
        """Whether the alert goes this way."""
        return self.reached and self.unmet is None


def judge_routes(routes: Sequence[Route], labels: Mapping[str, str]) -> tuple[RouteVerdict, ...]:
    """What each route makes of an alert: the first that matches is taken, later ones where it says `continue`."""
    verdicts = []
    reached = True
    for number, route in enumerate(routes):
        verdict = RouteVerdict(number, route, reached, route.unmet(labels))
        verdicts.append(verdict)
        reached = reached and (not verdict.taken or route.continue_)
    return tuple(verdicts)


def routes_by_channel(routes: Sequence[Route], labels: Mapping[str, str]) -> dict[str, Route]:
    """The channels that an alert goes to, each with the first route that leads there."""
    found: dict[str, Route] = {}
    for route in routes:
        if route.unmet(labels) is None:
            for channel in route.channels:
                found.setdefault(channel, route)
            if not route.continue_:
                break
    return found
