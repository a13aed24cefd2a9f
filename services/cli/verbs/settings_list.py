"""`sightglass settings`: lists every setting of every process."""

import json
from collections.abc import Sequence

import click

from services.cli.settings_catalogue import Setting, all_settings
from services.cli.verbs.failures import explained

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
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {name, type, default, meaning}.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the reference as docs/settings.md holds it.")
@explained
def settings(*, as_json: bool, as_markdown: bool) -> None:
    """List every setting: name, type, default, meaning.

    Settings are environment variables; a file .env in the working folder is read too, and the environment wins.
    """
    found = all_settings()
    if as_json:
        click.echo(json.dumps([setting.describe() for setting in found], indent=1))
        return
    if as_markdown:
        click.echo(markdown(found), nl=False)
        return
    for setting in found:
        default = "" if setting.default in {None, ""} else f" = {setting.default}"
        click.secho(setting.name, bold=True, nl=False)
        click.echo(f" ({setting.type}){default}\n    {setting.meaning}")


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
