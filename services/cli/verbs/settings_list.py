"""`sightglass settings`: lists every setting of every process."""

import json
from collections.abc import Sequence

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.cli.settings_catalogue import Setting, all_settings, known_names, settings_problems
from services.cli.settings_values import Current, Source, Surroundings, plain_surroundings, surroundings
from services.cli.verbs.failures import explained
from sightglass.process_settings import unknown

_INTRODUCTION = """# Settings

Environment variables, also read from a file `.env` in the working folder; the environment wins. `OTEL_*` mean what
OpenTelemetry says. This page is written by `sightglass settings --markdown`."""
_SECTIONS = {
    "CLICKHOUSE_": "clickhouse",
    "COLLECTOR_": "collector",
    "DASHBOARD_": "dashboard",
    "MAINTENANCE_": "maintenance",
    "MIGRATE_": "migrate",
    "ML_API_": "ml-api",
    "MONITORING_API_": "monitoring-api",
    "SUPERVISOR_": "supervisor",
    "WORKER_": "worker",
}


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
@explained
def settings(*, as_json: bool, as_markdown: bool) -> None:
    """List every setting: name, type, default, meaning, value now and where it comes from.

    Settings are environment variables; a file .env in the working folder is read too, and the environment wins. A value
    that is `derived` is what `sightglass up` tells its processes. What is secret shows as ****.
    """
    found = all_settings()
    if as_markdown:
        click.echo(markdown(found), nl=False)
        return
    now = _surroundings()
    current = [now.current(setting) for setting in found]
    for problem in unknown(now.given, known_names()):
        click.secho(problem, fg="yellow", err=True)
    if as_json:
        click.echo(json.dumps([each.describe() for each in current], indent=1))
        return
    for each in current:
        _print(each)


def _surroundings() -> Surroundings:
    """What is set, also where something of it can't be used: then this list is what helps."""
    try:
        return surroundings()
    except (ValidationError, SettingsError) as error:
        click.secho("; ".join(settings_problems(error)), fg="red", err=True)
        return plain_surroundings()


def _print(current: Current) -> None:
    setting, value = current.setting, "" if current.value is None else f" = {current.value}"
    default = (
        "" if setting.default in {None, ""} or current.source is Source.DEFAULT else f", default {setting.default}"
    )
    click.secho(setting.name, bold=True, nl=False)
    click.echo(f"{value} ({setting.type}, {current.source}{default})\n    {setting.meaning}")


def markdown(found: Sequence[Setting]) -> str:
    """Write the reference: one table for each process."""
    sections: dict[str, list[str]] = {}
    for setting in found:
        default = "" if setting.default in {None, ""} else f"`{setting.default}`"
        row = f"| `{setting.name}` | {setting.type} | {default} | {setting.meaning.replace('|', chr(92) + '|')} |"
        sections.setdefault(_process(setting.name), []).append(row)
    parts = [_INTRODUCTION]
    for process, rows in sections.items():
        parts.append(
            "\n".join([f"## {process}", "", "| variable | type | default | meaning |", "|---|---|---|---|", *rows])
        )
    return "\n\n".join(parts) + "\n"


def _process(name: str) -> str:
    words = name.removeprefix("SIGHTGLASS_")
    return next((title for prefix, title in _SECTIONS.items() if words.startswith(prefix)), "everywhere")


commands = [settings]
