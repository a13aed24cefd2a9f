"""`sightglass status`: shows every process."""

import asyncio
import json
import sys
from pathlib import Path

import click

from services.cli.demo.incidents.record import read_record
from services.cli.settings import SupervisorSettings
from services.cli.supervisor.observation import observe
from services.cli.verbs.failures import explained


@click.command()
@click.option("--json", "as_json", is_flag=True, help='Print {"processes": [...], "clickhouse": {...}}.')
@explained
def status(*, as_json: bool) -> None:
    """Show every process; exit code 0 only if all are up.

    A process is `up` when it runs and answers its readiness question now, not merely when it was started.
    """
    report = asyncio.run(observe(SupervisorSettings()))
    incident = read_record(Path(report["supervisor"]["data_dir"]))
    if incident is not None:
        report["incident"] = {name: value for name, value in incident.items() if name != "mending"}
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        for entry in report["processes"]:
            colour = "green" if entry["state"] == "up" else "red"
            click.echo(f"{entry['name']:<16} ", nl=False)
            click.secho(f"{entry['state']:<11}", fg=colour, nl=False)
            where = entry["url"] or (f"port {entry['port']}" if entry["port"] else "")
            click.echo(f" {entry['pid'] or '-':<8} {where:<28} {entry['detail']}".rstrip())
        click.echo(f"ClickHouse: {report['clickhouse']['url']}")
        if incident is not None:
            click.echo(f"Incident {incident['name']}: {incident['planted']} Watch {incident['alert']}.")
    sys.exit(0 if all(entry["state"] == "up" for entry in report["processes"]) else 1)


commands = [status]
