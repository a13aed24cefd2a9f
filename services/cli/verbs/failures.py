"""Turns what a verb cannot help into a sentence and an exit code."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.cli.supervisor.units import PlanError

P = ParamSpec("P")
R = TypeVar("R")


def explained(verb: Callable[P, R]) -> Callable[P, R]:
    """Show a setting's bad value, or an unknown process, as a message instead of a traceback."""

    @functools.wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
            text = "; ".join(problems)
            raise click.ClickException(f"{error.title}: {text}. `sightglass settings` lists every setting.") from None
        except SettingsError as error:
            raise click.ClickException(f"{error}. `sightglass settings` lists every setting.") from None
        except PlanError as error:
            raise click.ClickException(str(error)) from None

    return call
