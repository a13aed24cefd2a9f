"""Turns what a verb cannot help into a sentence and an exit code."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.cli.settings_catalogue import settings_problems
from services.cli.supervisor.units import PlanError
from sightglass.process_settings import BadSettingsError, sentence

P = ParamSpec("P")
R = TypeVar("R")


def explained(verb: Callable[P, R]) -> Callable[P, R]:
    """Show a setting's bad value, or an unknown process, as a message instead of a traceback."""

    @functools.wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except (ValidationError, SettingsError) as error:
            raise click.ClickException(sentence(settings_problems(error))) from None
        except (PlanError, BadSettingsError) as error:
            raise click.ClickException(str(error)) from None

    return call
