"""`sightglass up`: starts everything."""

import click

from services.cli.model_references import register_references
from services.cli.settings import SupervisorSettings
from services.cli.supervisor import client
from services.cli.supervisor.preflight import check_start
from services.cli.supervisor.wiring import Endpoints
from services.cli.verbs.failures import explained
from sightglass.process_settings import given_variables


@click.command()
@click.option("--detach", is_flag=True, help="Accepted for habit's sake: `up` always returns when everything is ready.")
@click.option(
    "--only",
    "names",
    multiple=True,
    metavar="NAME",
    help="Start this process and what it needs, nothing else; may be given several times.",
)
@explained
def up(*, detach: bool, names: tuple[str, ...]) -> None:
    """Start everything and return when it is ready.

    Migrates ClickHouse's schema, builds the Collector and trains the model where there is none yet, and starts the
    processes in the order in which they need each other. They run on after this command ends; `sightglass down` stops
    them. Where something does not come up, everything is stopped again and the exit code is 1.
    """
    del detach
    data_dir = SupervisorSettings().data_dir.expanduser().resolve()
    check_start(Endpoints.read(data_dir), data_dir, given_variables())
    try:
        started = client.start(data_dir, names=names, tell=click.echo)
    except client.StartError as error:
        raise click.ClickException(str(error)) from None
    state = started.state
    register_references(data_dir, state, click.echo)
    urls = {entry["name"]: entry["port"] for entry in state["processes"]}
    click.echo("Everything is up." if not names else f"Up: {', '.join(urls)}.")
    for entry in state["processes"]:
        if entry.get("url"):
            click.echo(f"  {entry['name']:<16} {entry['url']}")
    click.echo("`sightglass status` shows how it fares, `sightglass down` stops it.")


commands = [up]
