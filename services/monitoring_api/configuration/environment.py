"""Variables as every process of ours reads them: the environment, and `.env` where that is silent."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values


def given_variables(file: Path = Path(".env")) -> Mapping[str, str]:
    """Every variable that is set; the environment wins over the file."""
    return {**{name: value for name, value in dotenv_values(file).items() if value is not None}, **os.environ}
