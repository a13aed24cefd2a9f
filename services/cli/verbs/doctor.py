"""`sightglass doctor`: looks for what is wrong."""

import asyncio
import json
import os
import sys

import click

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.instance import check_clickhouse, check_pipeline, check_ports, check_processes
from services.cli.doctor.machine import check_collector, check_data_folder, check_disk, check_memory, check_python
from services.cli.settings import SupervisorSettings
from services.cli.supervisor.observation import observe
from services.cli.supervisor.plan import make_plan
from services.cli.verbs.failures import explained
from sightglass.process_settings import given_variables

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.SKIPPED: "white"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help='Print {"checks": [{name, verdict, found, remedy}]}.')
@explained
def doctor(*, as_json: bool) -> None:
    """Look for what is wrong, and say what to do about it.

    Checks the machine, the data folder, the ports, and of a running instance every process and whether it answers.
    Exit code 0 when nothing is wrong; a warning alone is not.
    """
    checks = examine(SupervisorSettings())
    if as_json:
        click.echo(json.dumps({"checks": [check.describe() for check in checks]}, indent=1))
    else:
        for check in checks:
            click.secho(f"{check.verdict:<8}", fg=_COLOURS[check.verdict], nl=False)
            click.echo(f" {check.name:<18} {check.found}")
            if check.remedy and check.verdict is not Verdict.OK:
                click.echo(f"{'':28}{check.remedy}")
    sys.exit(1 if any(check.verdict is Verdict.FAILED for check in checks) else 0)


def examine(settings: SupervisorSettings) -> list[Check]:
    """Make all checks, the machine's first."""
    plan = make_plan(settings, os.environ, given_variables())
    checks = [
        check_python(),
        check_memory(),
        check_disk(plan.data_dir),
        check_data_folder(plan.data_dir),
        check_collector(plan.endpoints.collector),
    ]
    report = asyncio.run(observe(settings))
    if any(entry["state"] == "orphaned" for entry in report["processes"]):
        found = ", ".join(entry["name"] for entry in report["processes"] if entry["state"] == "orphaned")
        checks.append(
            Check("leftovers", Verdict.FAILED, f"still running without supervisor: {found}", "sightglass down")
        )
    if report["supervisor"]["pid"] is None:
        return [
            *checks,
            *check_ports(plan),
            Check(
                "instance", Verdict.SKIPPED, "not running, so its parts are not checked", "`sightglass up` starts it."
            ),
        ]
    checks += check_processes(report)
    up = {entry["name"] for entry in report["processes"] if entry["state"] == "up"}
    if "clickhouse" in up:
        checks.append(check_clickhouse(report))
    if "monitoring-api" in up:
        checks.append(check_pipeline(report))
    return checks


commands = [doctor]
