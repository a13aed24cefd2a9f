"""What each setting is now, and where it comes from."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from services.cli.collector.launch import passed_on
from services.cli.settings import SupervisorSettings
from services.cli.settings_catalogue import Setting
from services.cli.supervisor.entity_salt import salt_variable
from services.cli.supervisor.wiring import Endpoints, derived_variables
from sightglass.process_settings import MASK, shown, variables_of

_DATA_DIR = "SIGHTGLASS_DATA_DIR"
_PARSED = {"int", "float", "bool"}

Value = str | int | float | bool | None


class Source(StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    ENV_FILE = ".env"
    DERIVED = "derived"


@dataclass(frozen=True)
class Current:
    """A setting and its value now, with everything secret masked."""

    setting: Setting
    value: Value
    source: Source

    def describe(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {**asdict(self.setting), "value": self.value, "source": str(self.source)}


class Surroundings:
    """What the user has set, and what follows from it for the processes that `sightglass up` starts.

    Args:
        environment: the environment's variables.
        env_file: those of `.env`.
        derived: those that the supervisor wires.
    """

    def __init__(self, environment: Mapping[str, str], env_file: Mapping[str, str], derived: Mapping[str, str]) -> None:
        self._places = (
            (Source.ENVIRONMENT, {name.upper(): value for name, value in environment.items()}),
            (Source.ENV_FILE, {name.upper(): value for name, value in env_file.items()}),
            (Source.DERIVED, derived),
        )

    @property
    def given(self) -> dict[str, str]:
        """What the user has set."""
        (_, environment), (_, env_file), _ = self._places
        return {**env_file, **environment}

    def current(self, setting: Setting) -> Current:
        """Look a setting up."""
        for source, variables in self._places:
            if (text := variables.get(setting.name)) is not None:
                return Current(setting, _value(setting, text), source)
        default = MASK if setting.secret and setting.default else setting.default
        return Current(setting, shown(default) if isinstance(default, str) else default, Source.DEFAULT)


def surroundings() -> Surroundings:
    """Read the environment and `.env`, and derive from them, without making anything.

    Raises:
        pydantic.ValidationError: a variable has a value that its setting refuses, so that nothing can be derived.
    """
    data_dir = SupervisorSettings().data_dir.expanduser().resolve()
    endpoints = Endpoints.read(data_dir)
    env_file = variables_of(Path(".env"))
    derived = {
        **derived_variables(endpoints, data_dir),
        **salt_variable(data_dir, {**env_file, **os.environ}),
        **passed_on(endpoints.collector),
    }
    del derived[_DATA_DIR]  # the user's, or the default
    return Surroundings(os.environ, env_file, derived)


def plain_surroundings() -> Surroundings:
    """Read the environment and `.env` alone, where nothing can be derived from them."""
    return Surroundings(os.environ, variables_of(Path(".env")), {})


def _value(setting: Setting, text: str) -> Value:
    if setting.secret:
        return MASK if text else ""
    if setting.type in _PARSED:
        try:
            parsed = json.loads(text.strip().lower())
        except ValueError:
            return shown(text)
        return parsed if isinstance(parsed, (int, float)) else shown(text)
    return shown(text)
