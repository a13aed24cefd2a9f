"""The `sightglass` command.

In a checkout or an image it is the whole product's command; the wheel alone has what a service owner needs.
"""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Final

from sightglass.labels.command import add_labels
from sightglass.resource import library_version

# By name and not by an import: the library knows nothing of the services, and runs without them.
_FULL_COMMAND: Final = "services.cli.main"


def _full_command() -> Callable[[], object] | None:
    try:
        if importlib.util.find_spec(_FULL_COMMAND) is None:
            return None
    except ModuleNotFoundError:
        return None
    main: Callable[[], object] = importlib.import_module(_FULL_COMMAND).main
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line without the program's name; that of this process when left out.

    Returns:
        The exit code.
    """
    command = _full_command() if arguments is None else None
    if command is not None:
        result = command()
        return result if isinstance(result, int) else 0
    parser = argparse.ArgumentParser(
        prog="sightglass",
        description="OpenTelemetry for machine-learning services. This is the library alone; the pipeline, its "
        "dashboard and their verbs come with a checkout of Sightglass.",
    )
    parser.add_argument("--version", action="version", version=f"sightglass {library_version()}")
    add_labels(parser.add_subparsers(title="verbs", metavar="VERB"))
    given = parser.parse_args(arguments)
    if "run" not in given:
        parser.print_help()
        return 0
    run: Callable[[argparse.Namespace], int] = given.run
    return run(given)


if __name__ == "__main__":
    sys.exit(main())
