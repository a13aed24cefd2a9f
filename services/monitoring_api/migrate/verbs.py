"""The verb `sightglass migrate`."""

import json
import logging
from dataclasses import asdict

import click

from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.database import connect
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.settings import MigrateSettings
from sightglass.process_settings import read_settings


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the statements that would run, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def migrate(*, dry_run: bool, as_json: bool) -> None:
    """Bring ClickHouse to the newest schema (safe to run twice and by two at once)."""
    settings = read_settings(MigrateSettings)
    # The driver logs what it also raises; it is said once, below.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    try:
        database = connect(settings)
        try:
            outcome = runner.plan(database, settings) if dry_run else runner.migrate(database, settings)
        finally:
            database.close()
    except MigrationError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(_as_json(outcome, dry_run=dry_run)))
    else:
        _print(outcome, dry_run=dry_run)


def _as_json(outcome: runner.Outcome, *, dry_run: bool) -> dict[str, object]:
    names = [f"{migration.version:04d}_{migration.name}" for migration in outcome.applied]
    return asdict(outcome) | {"applied": names, "dry_run": dry_run}


def _print(outcome: runner.Outcome, *, dry_run: bool) -> None:
    if dry_run:
        for statement in outcome.statements:
            click.echo(f"{statement};\n")
    verb = "would apply" if dry_run else "applied"
    for migration in outcome.applied:
        click.echo(f"{verb} {migration.version:04d}_{migration.name}")
    for table in outcome.retention_changed:
        click.echo(f"{'would change' if dry_run else 'changed'} the retention of {table}")
    if not outcome.applied and not outcome.retention_changed:
        click.echo(f"The schema is up to date (version {outcome.version}).")


commands: list[click.Command] = [migrate]
