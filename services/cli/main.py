"""The `sightglass` command of a checkout or an image: the verbs of all packages, imported only when one is used."""

import importlib

import click

from services.cli.verb_table import VERBS, Verb


class LazyGroup(click.Group):
    """A group that lists its verbs from a table and imports a verb's module when that verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the table's order."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb; None when there is no such verb."""
        del ctx
        verb = VERBS.get(cmd_name)
        return load(cmd_name, verb) if verb else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them, so that `--help` is quick."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


def load(name: str, verb: Verb) -> click.Command:
    """Import a verb from its package's `commands`."""
    commands: list[click.Command] = importlib.import_module(verb.module).commands
    return next(command for command in commands if command.name == name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """Why was this prediction slow or wrong? Runs and inspects Sightglass on this machine.

    Exit code 0 means that the verb did what it says. All state is in one data folder (SIGHTGLASS_DATA_DIR, default
    .sightglass).
    """


def main() -> None:
    """Run the command line."""
    cli(prog_name="sightglass")
