"""Time zones by their names, from the data that is installed with this program, whatever the machine has."""

from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from services.monitoring_api.errors import bad_field

_PACKAGE: Final = "tzdata"


@cache
def zone_names() -> frozenset[str]:
    """The names of all zones there are (IANA)."""
    return frozenset(files(_PACKAGE).joinpath("zones").read_text("utf-8").split())


def parse_tz(name: str) -> ZoneInfo:
    """Read the name of a time zone (IANA).

    Raises:
        BadInput: Naming ``tz``.
    """
    # Only names that are known are looked up as files.
    if name not in zone_names():
        raise bad_field("tz", "not a time zone's name such as UTC or Asia/Kolkata")
    return _zone(name)


@cache
def _zone(name: str) -> ZoneInfo:
    with files(_PACKAGE).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
