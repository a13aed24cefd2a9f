"""`sightglass routes test`: where an alert with certain labels would go, and why."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from services.monitoring_api.configuration.duration import format_duration
from services.monitoring_api.notify.inhibition import InhibitRule
from services.monitoring_api.notify.matchers import all_match
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.routing import Route, RouteVerdict, judge_routes
from services.monitoring_api.notify.silences import Silence, active_silences
from services.monitoring_api.notify.verbs import notifications_file_option, read_notifications
from services.monitoring_api.worker.commands.opened_store import store_transaction


@click.group()
def routes() -> None:
    """See where alerts go."""


@routes.command("test")
@click.argument("labels", nargs=-1, required=True)
@notifications_file_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test_routes(labels: tuple[str, ...], file: Path | None, *, as_json: bool) -> None:
    """Show where an alert with these LABELS would go, like alertname=TooManyErrors severity=page, and why.

    Nothing is sent. Silences are looked up in the worker's store where there is one.
    """
    given = dict(_label(text) for text in labels)
    notifications = read_notifications(file)
    verdicts = judge_routes(notifications.effective_routes(), given)
    silent = _silences(given)
    answer = {
        "labels": given,
        "routes": [_judged(one, given) for one in verdicts],
        "channels": _channels(notifications, given),
        "silenced_by": None if silent is None else [str(one) for one in silent],
        "held_back_while_firing": [_cause(rule, given) for rule in notifications.inhibit if rule.concerns(given)],
    }
    click.echo(json.dumps(answer, indent=1) if as_json else "\n".join(_lines(answer)))


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"{text!r} is no label: write name=value, like severity=page")
    return name, value


def _silences(labels: dict[str, str]) -> Sequence[Silence] | None:
    """The silences that hold for an alert now; None where no store can be read."""
    try:
        with store_transaction() as connection:
            return [one for one in active_silences(connection, time.time()) if all_match(one.matchers, labels)]
    except click.ClickException:
        return None


def _judged(verdict: RouteVerdict, labels: dict[str, str]) -> dict[str, Any]:
    if not verdict.reached:
        why = "not tried: an earlier route was taken"
    elif verdict.unmet is not None:
        has = labels.get(verdict.unmet.name)
        why = f"no: {verdict.unmet} is not met, " + (
            f"for there is no label {verdict.unmet.name}" if has is None else f'for it is "{has}"'
        )
    else:
        why = "taken" + (", and the search goes on" if verdict.route.continue_ else "")
    return {
        "number": verdict.number,
        "conditions": [str(one) for one in verdict.route.conditions()],
        "channels": list(verdict.route.channels),
        "taken": verdict.taken,
        "why": why,
    }


def _channels(file: NotificationFile, labels: dict[str, str]) -> list[dict[str, Any]]:
    every: Sequence[Route] = file.effective_routes()
    return [
        {
            "channel": name,
            "route": every.index(route),
            "group_key": route.group_key(labels),
            "group_wait": format_duration(route.group_wait),
            "group_interval": format_duration(route.group_interval),
            "repeat_interval": format_duration(route.repeat_interval),
        }
        for name, route in file.routes_for(labels).items()
    ]


def _cause(rule: InhibitRule, labels: dict[str, str]) -> list[str]:
    """What the labels of an alert are that would hold this one back."""
    return [*(str(one) for one in rule.source), *(f'{name}="{labels.get(name, "")}"' for name in rule.equal)]


def _lines(answer: dict[str, Any]) -> list[str]:
    lines = []
    for route in answer["routes"]:
        conditions = ", ".join(route["conditions"]) or "every alert"
        lines.append(f"routes[{route['number']}] ({conditions}): {route['why']}")
    lines += [
        f"-> {one['channel']}, group {one['group_key']}: first after {one['group_wait']}, news every "
        f"{one['group_interval']}, reminders every {one['repeat_interval']}"
        for one in answer["channels"]
    ]
    if not answer["channels"]:
        lines.append("-> nobody")
    if answer["silenced_by"] is None:
        lines.append("Silences: unknown, for no alert store can be read here.")
    lines += [f"Now silent: {one}" for one in answer["silenced_by"] or ()]
    lines += [f"Held back while an alert fires with {', '.join(one)}" for one in answer["held_back_while_firing"]]
    return lines
