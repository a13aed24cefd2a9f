"""Hourly weather at the origin, and what stands in for an hour that was never measured."""

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.ml_api.features import WEATHER

_logger = logging.getLogger(__name__)

WeatherValues = Mapping[str, float | None]
_COLUMNS = ", ".join(WEATHER)


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of one hour, and whether it was measured (``store``) or assumed (``fallback``)."""

    values: WeatherValues
    source: Literal["store", "fallback"]


class WeatherTable:
    """Hourly weather in memory.

    Args:
        hours: (origin, hours since 1970 in UTC) -> values.
        fallback: origin -> the values assumed when an hour is missing: medians of the training window.
    """

    def __init__(self, hours: Mapping[tuple[str, int], WeatherValues], fallback: Mapping[str, WeatherValues]) -> None:
        self._hours = hours
        self._fallback = {origin: Weather(values, "fallback") for origin, values in fallback.items()}

    def __len__(self) -> int:
        return len(self._hours)

    def look_up(self, origin: str, hour_utc: int) -> Weather:
        """The weather at `origin` in the given hour; the origin's medians when that hour is missing."""
        values = self._hours.get((origin, hour_utc))
        return self._fallback[origin] if values is None else Weather(values, "store")

    def assumed(self, origin: str) -> Weather:
        """What stands in for any hour at `origin`: its medians."""
        return self._fallback[origin]


def write_weather(path: Path, rows: Iterable[tuple[str, int, tuple[float | None, ...]]]) -> None:
    """Write the hourly table to a new SQLite file at `path`.

    Args:
        path: The file to write; it must not exist.
        rows: origin, hours since 1970 in UTC, values in the order of `WEATHER`.
    """
    columns = ", ".join(f"{name} REAL" for name in WEATHER)
    marks = ", ".join("?" for _ in range(len(WEATHER) + 2))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f"CREATE TABLE weather (origin TEXT, hour INTEGER, {columns}, PRIMARY KEY (origin, hour)) WITHOUT ROWID"
        )
        connection.executemany(
            f"INSERT INTO weather VALUES ({marks})",  # noqa: S608  (question marks only)
            ((origin, hour, *values) for origin, hour, values in rows),
        )


def read_weather(path: Path) -> dict[tuple[str, int], WeatherValues]:
    """The hourly table of `path` in memory.

    Raises:
        OSError: There is no such file.
        sqlite3.Error: It is not such a table.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    query = f"SELECT origin, hour, {_COLUMNS} FROM weather"  # noqa: S608  (our own column names)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {
            (origin, hour): dict(zip(WEATHER, values, strict=True))
            for origin, hour, *values in connection.execute(query)
        }


def read_weather_if_any(path: Path) -> dict[tuple[str, int], WeatherValues]:
    """The hourly table of `path`, or an empty one, and a line in the log, when it can't be read."""
    try:
        return read_weather(path)
    except (OSError, sqlite3.Error):
        _logger.exception("no weather table; every prediction will use the card's medians")
        return {}
