"""`sightglass doctor`: looks for what is wrong."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from services.cli.api_token import api_token
from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.examination import examine
from services.cli.settings import SupervisorSettings
from services.cli.verbs.failures import explained
from sightglass.process_settings import shown

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.SKIPPED: "white"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help='Print {"checks": [{name, verdict, found, remedy}]}.')
@click.option("--skip-synthetic", is_flag=True, help="Only look: send no synthetic prediction.")
@click.option(
    "--expect-running", is_flag=True, help="Fail where nothing runs; so it does anyway where all parts are elsewhere."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token for the APIs, where they ask for one; else SIGHTGLASS_TOKEN.",
)
@explained
def doctor(*, as_json: bool, skip_synthetic: bool, expect_running: bool, token_file: Path | None) -> None:
    r"""Look for what is wrong, and say what to do about it.

    Checks the machine, the data folder, the ports, and of a running instance every part: also of one that something
    else has started, where the settings say that it is. That nothing runs is no failure by itself, for it can be looked
    at before a start: --expect-running makes it one. At the end a synthetic prediction is sent through the pipeline;
    it can be looked up, and never counts.

    \b
    no data                   synthetic prediction, pipeline, collector
    delayed                   ingest lag, collector queue, synthetic prediction
    duplicates                duplicates
    disk full                 disk, clickhouse disk
    queue growing             collector queue, clickhouse query
    an alert did not arrive   alert outbox, worker
    the dashboard is slow     answer time, maintenance
    a port is taken           port NUMBER
    clocks disagree           clock skew

    Exit code 0 when nothing has failed (a warning alone is none), 1 when something has, 2 for a wrong option.
    """
    settings = SupervisorSettings()
    checks: list[Check] = []
    token = api_token(settings, token_file)
    for check in examine(settings, token=token, synthetic=not skip_synthetic, expect_running=expect_running):
        # A URL may have a password in it.
        check = replace(check, found=shown(check.found))  # noqa: PLW2901
        checks.append(check)
        if not as_json:
            _print(check)
    if as_json:
        click.echo(json.dumps({"checks": [check.describe() for check in checks]}, indent=1))
    sys.exit(1 if any(check.verdict is Verdict.FAILED for check in checks) else 0)


def _print(check: Check) -> None:
    click.secho(f"{check.verdict:<8}", fg=_COLOURS[check.verdict], nl=False)
    click.echo(f" {check.name:<20} {check.found}")
    if check.remedy and check.verdict in {Verdict.WARNING, Verdict.FAILED}:
        click.echo(f"{'':30}{check.remedy}")


commands = [doctor]
