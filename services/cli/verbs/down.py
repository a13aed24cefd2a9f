"""`sightglass down`: stops everything."""

import click

from services.cli.settings import SupervisorSettings
from services.cli.supervisor import client
from services.cli.verbs.failures import explained


@click.command()
@explained
def down() -> None:
    """Stop everything, in the order in which telemetry drains.

    Exit code 0 when nothing of this data folder runs any more, also when nothing ran before.
    """
    data_dir = SupervisorSettings().data_dir
    try:
        stopped = client.stop(data_dir, tell=click.echo)
    except client.StopError as error:
        raise click.ClickException(str(error)) from None
    click.echo("Everything is stopped." if stopped else f"Nothing was running on {data_dir}.")


commands = [down]
