"""`sightglass alerts`: what fires, and taking it on."""

import json
import time
from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.incident import incident_of
from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.acknowledgements import (
    Acknowledgement,
    InvalidAcknowledgementError,
    acknowledge,
    acknowledgements,
)
from services.monitoring_api.notify.grouping import Standing, standings
from services.monitoring_api.worker.commands.opened_store import store_transaction
from services.web.access.audit import local_actor
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from sightglass.process_settings import read_settings

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def alerts() -> None:
    """See what fires, and take it on."""


@alerts.command("list")
@click.option(
    "--state",
    type=click.Choice([str(one) for one in AlertStatus]),
    default="firing",
    show_default=True,
    help="Only alerts in this state.",
)
@_json
def list_alerts(state: str, *, as_json: bool) -> None:
    """List alerts: who has taken each on, who was told, and what holds messages back."""
    with store_transaction() as connection:
        found = read_alerts(connection, status=AlertStatus(state))
        incidents = [incident_of(alert) for alert in found]
        taken_on = acknowledgements(connection, incidents)
        told = standings(connection, [alert.fingerprint for alert in found])
    rows = [
        _shown(alert, taken_on.get(incident), [one for one in told if one.incident == incident])
        for alert, incident in zip(found, incidents, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(row["labels"].items()))
        click.echo(f"{row['fingerprint']}  {row['state']} since {row['fired_at'] or row['active_since']}  {labels}")
        for one in row["channels"]:
            held = f"; {one['held_back_by']}" if one["held_back_by"] else ""
            click.echo(f"    {one['channel']}: told {one['told'] or 'nothing yet'}{held}")
        if row["acknowledged"]:
            click.echo(f"    taken on by {row['acknowledged']['author']}: {row['acknowledged']['comment']}")
    if not rows:
        click.echo("There is no such alert.")


@alerts.command("ack")
@click.argument("fingerprint")
@click.option("--comment", default="", help="What you are doing about it.")
@click.option("--author", help="Who; by default you, as the system knows you.")
@_json
def take_on(fingerprint: str, *, comment: str, author: str | None, as_json: bool) -> None:
    """Take on an alert that fires: nobody is reminded of it until it ends.

    FINGERPRINT is the alert's, or how it begins; `sightglass alerts list` shows it.
    """
    access = read_settings(AccessSettings)
    with audited(access, "alert.acknowledge", fingerprint), store_transaction(writes=True) as connection:
        alert = _firing(connection, fingerprint)
        try:
            done = acknowledge(
                connection,
                incident=incident_of(alert),
                fingerprint=alert.fingerprint,
                author=author or local_actor(),
                comment=comment,
                now=time.time(),
            )
        except InvalidAcknowledgementError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"fingerprint": alert.fingerprint, "rule": alert.rule, **_taken_on(done)}, indent=1))
    else:
        click.echo(f"{done.author} has taken on {alert.rule} ({alert.fingerprint}): no reminders until it ends.")


def _firing(connection: Connection, beginning: str) -> StoredAlert:
    found = [one for one in read_alerts(connection, status=AlertStatus.FIRING) if one.fingerprint.startswith(beginning)]
    if not beginning or len(found) > 1:
        raise click.ClickException(f"{beginning!r} is the beginning of {len(found)} alerts that fire: give more of it")
    if not found:
        raise click.ClickException(f"no alert {beginning!r} fires: `sightglass alerts list` shows those that do")
    return found[0]


def _shown(alert: StoredAlert, done: Acknowledgement | None, told: Sequence[Standing]) -> dict[str, Any]:
    state = alert.state
    return {
        "fingerprint": alert.fingerprint,
        "rule": alert.rule,
        "state": str(state.status),
        "cause": str(state.cause),
        "labels": dict(alert.labels),
        "value": state.value,
        "error": state.error,
        "active_since": rfc3339(state.active_since),
        "fired_at": rfc3339(state.fired_at),
        "acknowledged": None if done is None else _taken_on(done),
        "channels": [
            {"channel": one.channel, "told": one.told, "group": one.group_key, "held_back_by": one.muted_by}
            for one in told
        ],
    }


def _taken_on(done: Acknowledgement) -> dict[str, Any]:
    return {"author": done.author, "comment": done.comment, "at": rfc3339(done.at)}
