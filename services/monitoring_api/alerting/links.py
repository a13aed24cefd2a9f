"""Where the dashboard shows what an alert is about: the page that its rule names, or its figure's history."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from services.monitoring_api.alerting.models import AlertState
from services.monitoring_api.alerting.rules import Rule

# The event lies in the middle of what is shown, with so many windows around it, and never less than this.
_WINDOWS: Final = 6
_LEAST_SECONDS: Final = 1_800.0
MOST_SECONDS: Final = 7 * 86_400.0
_HISTORY: Final = "history"
# What a page's parameter is called that shows one value of a label only.
_PARAMETERS: Final = {"service": "service", "route": "route", "model": "model", "model_version": "version"}


def shown_seconds(rule: Rule) -> float:
    """How much of a rule's figure is shown around an event."""
    return min(max(_WINDOWS * rule.window, _LEAST_SECONDS), MOST_SECONDS)


def dashboard_link(dashboard_url: str, rule: Rule, group: Mapping[str, str], state: AlertState, now: float) -> str:
    """A link that shows the same when it is opened next week; empty when the dashboard's place is unknown.

    Args:
        dashboard_url: The dashboard's root.
        rule: The rule.
        group: The values of its `group_by` that the alert is about; of a statement all labels.
        state: The alert's state.
        now: The time of the look, epoch seconds.
    """
    if not dashboard_url or (rule.metric is None and rule.view is None):
        return dashboard_url
    at = (state.active_since or now) - rule.offset
    around = shown_seconds(rule) / 2
    if rule.view is not None:
        return f"{dashboard_url.rstrip('/')}/{_page(rule, rule.view, group, at)}"
    filters = [f"{key}={_value(value)}" for key, value in sorted({**rule.filter, **group}.items())]
    parameters = [
        ("metric", rule.metric or ""),
        ("from", _rfc3339(at - rule.window - around)),
        ("to", _rfc3339(at + around)),
        *(("filter", text) for text in filters),
    ]
    return f"{dashboard_url.rstrip('/')}/{_HISTORY}?{urlencode(parameters)}"


def _page(rule: Rule, view: str, group: Mapping[str, str], at: float) -> str:
    """A page with its parameters, what it can be narrowed to, and a time.

    Only a history shows what was before: on other pages it would be taken for a part of what went wrong.
    """
    page, _, own = view.partition("?")
    around = shown_seconds(rule) / 2
    given = parse_qsl(own, keep_blank_values=True)
    told = {name for name, _ in given}
    narrowed = [(key, value) for key, value in sorted(group.items()) if key in _PARAMETERS]
    if page == _HISTORY:
        narrowed = [("filter", f"{key}={value}") for key, value in narrowed]
    else:
        narrowed = [(_PARAMETERS[key], value) for key, value in narrowed]
    parameters = [
        *given,
        *((name, value) for name, value in narrowed if name not in told or page == _HISTORY),
        ("from", _rfc3339(at - rule.window - (around if page == _HISTORY else 0))),
        ("to", _rfc3339(at + around)),
    ]
    return f"{page}?{urlencode(parameters)}"


def _value(value: str | tuple[str, ...]) -> str:
    """A filter's value as the monitoring API reads it."""
    if isinstance(value, str):
        return value
    return "in({})".format(",".join(each.replace(",", "\\,") for each in value))


def _rfc3339(seconds: float) -> str:
    return f"{datetime.fromtimestamp(max(0.0, seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"
