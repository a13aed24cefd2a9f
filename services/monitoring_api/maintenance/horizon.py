"""Since when the rows of a table are whole: what lies before may be half gone, and nothing is computed from it.

The retention at hand does not say it alone. A day may have been dropped because the disk was filling (the guard notes
it), and a retention that was made longer brings nothing back (`sightglass migrate` notes it). How long rows stay whole
is noted too, by both, for those who only read.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.state import remember
from services.monitoring_api.queries.maintained import maintained, whole_for_name, whole_from_name

# Rows near the end of their life may be half gone; a bucket is left alone from here on.
RETENTION_MARGIN: Final = timedelta(hours=1)


async def whole_from(database: Database, table: str, *, now: datetime, kept: timedelta) -> datetime:
    """Since when a table's rows are whole.

    Args:
        database: Where to ask.
        table: Which table.
        now: The time.
        kept: How long its rows live.
    """
    noted = (await maintained(database)).get(whole_from_name(table), 0)
    return max(now - kept + RETENTION_MARGIN, datetime.fromtimestamp(noted, UTC))


async def note_gone(database: Database, table: str, before: datetime) -> None:
    """Note that rows before a time are whole no longer; what was noted never goes back."""
    noted = (await maintained(database)).get(whole_from_name(table), 0)
    if noted < before.timestamp():
        await remember(database, whole_from_name(table), int(before.timestamp()))


async def note_retention(database: Database, table: str, kept: timedelta) -> None:
    """Note how long a table's rows live, less the margin, where readers look."""
    whole_for = int((kept - RETENTION_MARGIN).total_seconds())
    if (await maintained(database)).get(whole_for_name(table)) != whole_for:
        await remember(database, whole_for_name(table), whole_for)
