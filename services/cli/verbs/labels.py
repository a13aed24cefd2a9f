"""`sightglass labels`: the library's own verb, pointed at this data folder's Collector."""

import os
import sys

import click

from services.cli.settings import SupervisorSettings
from services.cli.supervisor.wiring import Endpoints, derived_variables
from services.cli.verbs.failures import explained
from sightglass.__main__ import main
from sightglass.process_settings import given_variables
from sightglass.settings import OTLP_TOKEN_FILE_VARIABLE

_OF_THE_LIBRARY = {OTLP_TOKEN_FILE_VARIABLE}


@click.group()
def labels() -> None:
    """Load true labels from a file."""


@labels.command(
    "load",
    short_help="Load true labels from a file.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@explained
def load(*, arguments: tuple[str, ...]) -> None:
    """Hand everything to the library's command, which has the help too."""
    os.environ.update(_telemetry_variables())
    sys.exit(main(["labels", "load", *arguments]))


def _telemetry_variables() -> dict[str, str]:
    """What `.env` says about telemetry, and where nothing says where the Collector is, this data folder's."""
    given = {
        name: value for name, value in given_variables().items() if name.startswith("OTEL_") or name in _OF_THE_LIBRARY
    }
    if any(name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith(("_ENDPOINT", "_PROTOCOL")) for name in given):
        return given
    data_dir = SupervisorSettings().data_dir.expanduser().resolve()
    derived = derived_variables(Endpoints.read(data_dir), data_dir)
    wired = {name: value for name, value in derived.items() if name.startswith("OTEL_") or name in _OF_THE_LIBRARY}
    return {**wired, **given}


commands: list[click.Command] = [labels]
