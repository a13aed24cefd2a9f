"""What the user has set: environment variables, and those of `.env` where the environment is silent."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values


def given_variables(environment: Mapping[str, str] = os.environ, file: Path = Path(".env")) -> dict[str, str]:
    """Merge `.env` and the environment, which wins, as the settings classes do."""
    from_file = {name: value for name, value in dotenv_values(file).items() if value is not None}
    return {**from_file, **environment}
