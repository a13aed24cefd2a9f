"""`sightglass settings`: lists every setting of every process."""

import json

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.cli.settings_catalogue import all_settings, known_names, settings_problems
from services.cli.settings_reference import markdown, write
from services.cli.settings_values import Current, Source, Surroundings, plain_surroundings, surroundings
from services.cli.verbs.failures import explained
from sightglass.process_settings import unknown


@click.command()
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print a list of {name, type, default, meaning, value, source, secret}.",
)
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the reference as docs/settings.md holds it, without values."
)
@click.option("--write", "to_write", is_flag=True, help="Write it into this checkout's documents.")
@explained
def settings(*, as_json: bool, as_markdown: bool, to_write: bool) -> None:
    """List every setting: name, type, default, meaning, value now and where it comes from.

    Settings are environment variables; a file .env in the working folder is read too, and the environment wins. A value
    that is `derived` is what `sightglass up` tells its processes. What is secret shows as ****.
    """
    found = all_settings()
    if to_write:
        click.echo("\n".join(map(str, write(found))))
        return
    if as_markdown:
        click.echo(markdown(found), nl=False)
        return
    now, problems = _surroundings()
    for problem in problems:
        click.secho(problem, fg="red", err=True)
    current = [now.current(setting) for setting in found]
    if as_json:
        click.echo(json.dumps([each.describe() for each in current], indent=1))
    else:
        for each in current:
            _print(each)
    if problems:
        raise click.exceptions.Exit(1)


def _surroundings() -> tuple[Surroundings, list[str]]:
    """What is set, and what is wrong with it: just then this list helps."""
    problems: list[str] = []
    try:
        now = surroundings()
    except (ValidationError, SettingsError) as error:
        problems += settings_problems(error)
        now = plain_surroundings()
    return now, [*problems, *unknown(now.given, known_names())]


def _print(current: Current) -> None:
    setting, value = current.setting, "" if current.value is None else f" = {current.value}"
    default = (
        "" if setting.default in {None, ""} or current.source is Source.DEFAULT else f", default {setting.default}"
    )
    click.secho(setting.name, bold=True, nl=False)
    click.echo(f"{value} ({setting.type}, {current.source}{default})\n    {setting.meaning}")


commands = [settings]
