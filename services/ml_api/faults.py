"""Faults planted on purpose, for experiments and for learning: what a weather store in trouble does to predictions.

Nothing is planted unless SIGHTGLASS_ML_API_FAULTS_FILE names a file. The file is looked at with each lookup, so a fault
comes and goes without a restart:

    {"weather": {"origins": ["LGA"], "delay_seconds": 1.5, "fails": false}}
"""

import asyncio
import logging
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ml_api.weather import Weather, WeatherTable
from services.ml_api.weather_lookup import Hour, WeatherLookup

_logger = logging.getLogger(__name__)

FAULTS_VARIABLE: Final = "SIGHTGLASS_ML_API_FAULTS_FILE"
_LONGEST_FILE_BYTES: Final = 65_536


class WeatherStoreError(Exception):
    """What a lookup raises while it is told to fail."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WeatherFault(_Part):
    """How the weather store misbehaves."""

    origins: tuple[str, ...] = ()
    """The airports it is about; none means all."""
    delay_seconds: float = Field(default=0.0, ge=0, le=60)
    """How much later it answers, or gives up."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Which part of those lookups it is about, by chance."""
    fails: bool = False
    """It gives up instead of answering: medians of the training window stand in."""

    def concerns(self, hours: Sequence[Hour]) -> bool:
        """Whether this lookup is one of those."""
        if self.origins and not any(origin in self.origins for origin, _ in hours):
            return False
        return self.share == 1.0 or random.random() < self.share  # noqa: S311 - chance, not a secret


class Faults(_Part):
    """All faults that a file plants."""

    weather: WeatherFault | None = None


class FaultsFile:
    """A file of faults, read again when it changes; without it, or while it says what can't be read, there are none.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._faults = Faults()

    def read(self) -> Faults:
        """The faults as of now."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._faults = self._load() if stamp else Faults()
            _logger.warning("planted faults: %s", self._faults.model_dump_json(exclude_none=True))
        return self._faults

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _load(self) -> Faults:
        try:
            with self._path.open("rb") as file:
                return Faults.model_validate_json(file.read(_LONGEST_FILE_BYTES))
        except (OSError, ValidationError) as error:
            _logger.warning("no faults are planted, for %s can't be read: %s", self._path, error)
            return Faults()


def write_faults(path: Path, faults: Faults) -> None:
    """Plant these faults from now on: the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(faults.model_dump_json(), encoding="utf-8")
    os.replace(partial, path)  # noqa: PTH105  (atomic, which is the point)


class FaultyLookup:
    """Answers as `inner` does, except for what the file of faults says.

    Args:
        inner: What answers in the end.
        file: Which faults there are.
    """

    instant = False

    def __init__(self, inner: WeatherLookup, file: FaultsFile) -> None:
        self._inner = inner
        self._file = file

    async def look_up(self, table: WeatherTable, hours: Sequence[Hour]) -> list[Weather]:
        """The weather of each hour, in their order.

        Raises:
            WeatherStoreError: The fault is that it fails.
        """
        fault = self._file.read().weather
        if fault is not None and fault.concerns(hours):
            await asyncio.sleep(fault.delay_seconds)
            if fault.fails:
                raise WeatherStoreError("the weather store does not answer")
        return await self._inner.look_up(table, hours)
