"""`sightglass rules`: check, test and backtest alert rules."""

import json
from pathlib import Path
from typing import Any

import click

from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.rule_schema import schema_text
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.alerting.verbs_test import test
from services.monitoring_api.configuration.located_yaml import InvalidFileError


@click.group()
def rules() -> None:
    """Check, test and backtest alert rules."""


@rules.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help='Print {"ok", "rules", "errors": [{file, line, field, message}]}.'
)
def check(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check rule files, offline, and report every error with its line.

    The exit code is 0 only when the worker would take all of them together. An objective counts as the rules that it
    becomes. Of `sql:` only what needs no database is checked: one SELECT, its times, its parentheses.
    """
    result: dict[str, Any]
    try:
        found = list(load_rules(files, metric_catalogue()).rules())
        result = {"ok": True, "rules": len(found), "errors": []}
    except InvalidFileError as error:
        errors = [{"file": e.path, "line": e.line, "field": e.field, "message": e.message} for e in error.errors]
        result = {"ok": False, "rules": None, "errors": errors}
        if not as_json:
            click.echo(str(error), err=True)
    if as_json:
        click.echo(json.dumps(result, indent=1))
    elif result["ok"]:
        click.echo(f"{result['rules']} rules are right.")
    else:
        count = len(result["errors"])
        click.echo(f"{count} error{'s' if count != 1 else ''}.", err=True)
    if not result["ok"]:
        raise SystemExit(1)


@rules.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors: deploy/alerting/rules.schema.json is this."""
    click.echo(schema_text(), nl=False)


rules.add_command(test)

commands: list[click.Command] = [rules]
