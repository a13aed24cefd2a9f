"""`sightglass settings`: lists every setting of every process."""

import json

import click

from services.cli.settings_catalogue import all_settings
from services.cli.verbs.failures import explained


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {name, type, default, meaning}.")
@explained
def settings(*, as_json: bool) -> None:
    """List every setting: name, type, default, meaning.

    Settings are environment variables; a file .env in the working folder is read too, and the environment wins.
    """
    found = all_settings()
    if as_json:
        click.echo(json.dumps([setting.describe() for setting in found], indent=1))
        return
    for setting in found:
        default = "" if setting.default in {None, ""} else f" = {setting.default}"
        click.secho(setting.name, bold=True, nl=False)
        click.echo(f" ({setting.type}){default}\n    {setting.meaning}")


commands = [settings]
