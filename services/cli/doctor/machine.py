"""Checks of the machine: what must be there before anything starts."""

import os
import platform
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import psutil

from services.cli.collector import CollectorBinaryError, CollectorSettings, binary_path
from services.cli.collector.resolve import binary_version
from services.cli.doctor.check import Check, Verdict

_GIB = 1 << 30
_LEAST_FREE_BYTES = 2 * _GIB
_LEAST_MEMORY_BYTES = 3 * _GIB
_OLDEST_PYTHON = (3, 11)


def check_python() -> Check:
    """Python is recent enough."""
    found = f"Python {platform.python_version()} on {platform.platform(terse=True)}"
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Check("python", Verdict.FAILED, found, "Install Python 3.11 or newer.")
    return Check("python", Verdict.OK, found)


def check_memory() -> Check:
    """There is memory for the whole stack."""
    memory = psutil.virtual_memory()
    found = f"{memory.available / _GIB:.1f} GiB of {memory.total / _GIB:.1f} GiB available"
    if memory.available < _LEAST_MEMORY_BYTES:
        return Check("memory", Verdict.WARNING, found, "The whole stack wants 3 GiB: close something, or expect swap.")
    return Check("memory", Verdict.OK, found)


def check_disk(data_dir: Path) -> Check:
    """The disk of the data folder has room."""
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / _GIB:.1f} GiB free under {existing}"
    if free < _LEAST_FREE_BYTES:
        return Check("disk", Verdict.FAILED, found, "Free some space, or move the data folder: SIGHTGLASS_DATA_DIR.")
    return Check("disk", Verdict.OK, found)


def check_data_folder(data_dir: Path) -> Check:
    """The data folder can be written, and nobody else reads it."""
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check(
            "data folder",
            Verdict.FAILED,
            f"{existing}: {error.strerror}",
            "Make it writable, or set SIGHTGLASS_DATA_DIR.",
        )
    if not data_dir.exists():
        return Check("data folder", Verdict.OK, f"{data_dir} will be made")
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & 0o077:
        return Check("data folder", Verdict.WARNING, f"{data_dir} has mode {mode:04o}", f"chmod 700 {data_dir}")
    if data_dir.stat().st_uid != os.getuid():
        return Check("data folder", Verdict.WARNING, f"{data_dir} belongs to another user", "Use a folder of your own.")
    return Check("data folder", Verdict.OK, f"{data_dir} is writable and private")


def check_collector(settings: CollectorSettings) -> Check:
    """A Collector is there, or says how it will come."""
    try:
        binary = binary_path(settings.binary, build_missing=False)
    except CollectorBinaryError as error:
        verdict = Verdict.FAILED if settings.binary else Verdict.WARNING
        return Check(
            "collector binary", verdict, str(error), "`sightglass collector build`; `sightglass up` does it too."
        )
    version = binary_version(binary)
    if version is None:
        return Check(
            "collector binary", Verdict.FAILED, f"{binary} does not tell its version", "Delete it; it is built again."
        )
    return Check("collector binary", Verdict.OK, f"{version}, {binary}")
