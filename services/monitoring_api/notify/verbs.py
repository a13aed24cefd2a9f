"""`sightglass channels`: list the notification channels and try one."""

import asyncio
import json
import time
import uuid
from pathlib import Path

import click

from services.monitoring_api.configuration.environment import given_variables
from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
from services.monitoring_api.notify.notification_file import NotificationFile, load_notifications, warnings
from services.monitoring_api.notify.secret_source import SecretSource
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from sightglass.process_settings import read_settings

_VARIABLE = "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE"
_DEFAULT = Path(__file__).resolve().parents[3] / "deploy" / "alerting" / "notifications.yaml"

_file = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help=f"The notifications file; by default the worker's ({_VARIABLE}).",
)


@click.group()
def channels() -> None:
    """List and test notification channels."""


@channels.command("list")
@_file
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {name, type, target, missing}.")
def list_channels(file: Path | None, *, as_json: bool) -> None:
    """List the channels, where each sends to, and what it lacks."""
    notifications = _load(file)
    for warning in warnings(notifications):
        click.echo(f"Warning: {warning}", err=True)
    found = [
        {"name": one.name, "type": one.type, "target": one.target, "missing": _missing(one.secrets())}
        for one in notifications.channels
    ]
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for one in found:
        lacks = f"  ({one['missing']})" if one["missing"] else ""
        click.echo(f"{one['name']}  {one['type']}  {one['target']}{lacks}")
    if not found:
        click.echo("There is no channel.")


@channels.command("test")
@click.argument("name")
@_file
@click.option("--json", "as_json", is_flag=True, help='Print {"delivered", "detail"}.')
def test_channel(name: str, file: Path | None, *, as_json: bool) -> None:
    """Send a real message through one channel and say whether its receiver took it."""
    configured = {one.name: one for one in _load(file).channels}
    with audited(read_settings(AccessSettings), "channel.test", name):
        if name not in configured:
            raise click.ClickException(f"There is no channel {name!r}; there are: {', '.join(configured) or 'none'}.")
        channel = configured[name].build(Surroundings())
        try:
            detail, delivered = asyncio.run(channel.send(_sample(name))), True
        except DeliveryFailedError as error:
            detail, delivered = str(error), False
        if as_json:
            click.echo(json.dumps({"delivered": delivered, "detail": detail}))
        else:
            click.echo(f"Delivered: {detail}" if delivered else f"Not delivered: {detail}", err=not delivered)
        if not delivered:
            raise SystemExit(1)


def _load(file: Path | None) -> NotificationFile:
    try:
        return load_notifications(file or Path(given_variables().get(_VARIABLE) or _DEFAULT))
    except InvalidFileError as error:
        raise click.ClickException(str(error)) from None


def _missing(sources: tuple[SecretSource, ...]) -> str | None:
    environment = given_variables()
    for source in sources:
        try:
            source.read(environment)
        except DeliveryFailedError as error:
            return str(error)
    return None


def _sample(channel: str) -> Notification:
    key = uuid.uuid4().hex
    now = time.time()
    alert = AlertPart(
        fingerprint=key[:16],
        incident=f"{key[:16]}-test",
        alertname="SightglassTest",
        status=NotificationStatus.FIRING,
        labels={"alertname": "SightglassTest", "severity": "info"},
        annotations={"summary": f"A test of the channel {channel}: nothing is wrong"},
        value=1.0,
        cause="condition",
        error="",
        fired_at=now,
    )
    return Notification(
        idempotency_key=key,
        channel=channel,
        status=NotificationStatus.FIRING,
        reason="test",
        group_key=alert.fingerprint,
        incident=alert.incident,
        group_labels={"alertname": "SightglassTest"},
        alerts=(alert,),
        created_at=now,
    )


commands: list[click.Command] = [channels]
