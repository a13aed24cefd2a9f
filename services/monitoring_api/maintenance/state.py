"""Writes down what must be remembered over a restart."""

from typing import Final

from services.monitoring_api.database import Database, Query

_WRITE: Final = "INSERT INTO maintenance_state (Name, Value) SELECT {name:String}, {value:Int64}"


async def remember(database: Database, name: str, value: int) -> None:
    """Replace what is remembered under a name."""
    await database.execute(Query(_WRITE, {"name": name, "value": value}))
