"""`sightglass channels`: list the notification channels and try one."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from services.monitoring_api.configuration.environment import given_variables
from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify import channel_test
from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.notification_file import NotificationFile, load_notifications, warnings
from services.monitoring_api.notify.secret_source import SecretSource
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from sightglass.process_settings import read_settings

_VARIABLE = "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE"
_DEFAULT = Path(__file__).resolve().parents[3] / "deploy" / "alerting" / "notifications.yaml"

notifications_file_option = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help=f"The notifications file; by default the worker's ({_VARIABLE}).",
)


@click.group()
def channels() -> None:
    """List and test notification channels."""


@channels.command("list")
@notifications_file_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {name, type, target, missing}.")
def list_channels(file: Path | None, *, as_json: bool) -> None:
    """List the channels, where each sends to, and what it lacks."""
    notifications = read_notifications(file)
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
@notifications_file_option
@click.option(
    "--json", "as_json", is_flag=True, help='Print {"channel", "type", "target", "delivered", "detail", ...}.'
)
def test_channel(name: str, file: Path | None, *, as_json: bool) -> None:
    """Send a real message through one channel and say whether its receiver took it, and what to do if not."""
    with audited(read_settings(AccessSettings), "channel.test", name):
        try:
            verdict = asyncio.run(channel_test.test_channel(_path(file), name))
        except channel_test.UnknownChannelError as error:
            raise click.ClickException(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        if as_json:
            click.echo(json.dumps(asdict(verdict)))
        else:
            _tell(verdict)
        if not verdict.delivered:
            raise SystemExit(1)


def _tell(verdict: channel_test.ChannelVerdict) -> None:
    if verdict.delivered:
        click.echo(f"Delivered: {verdict.detail}")
        return
    click.echo(f"Not delivered: {verdict.detail}", err=True)
    if verdict.remedy:
        click.echo(f"What to do: {verdict.remedy}", err=True)


def _path(file: Path | None) -> Path:
    return file or Path(given_variables().get(_VARIABLE) or _DEFAULT)


def read_notifications(file: Path | None) -> NotificationFile:
    """The notifications file that is named, else the worker's.

    Raises:
        click.ClickException: With every error in it.
    """
    try:
        return load_notifications(_path(file))
    except InvalidFileError as error:
        raise click.ClickException(str(error)) from None


def _missing(sources: tuple[SecretSource, ...]) -> str | None:
    environment = given_variables()
    for source in sources:
        try:
            source.read(environment)
        except DeliveryFailedError as error:
            return error.message
    return None


commands: list[click.Command] = [channels]
