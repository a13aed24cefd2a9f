"""Whether ClickHouse answers and has the schema."""

from services.monitoring_api.database import Database, Query

# Nothing is read; a missing table or column fails it.
_READY = "SELECT count() FROM (SELECT Minute, Requests FROM rollup_requests_1m LIMIT 0)"


def readiness_query() -> Query:
    """A question that only a ClickHouse with our schema answers."""
    return Query(_READY)


async def check_ready(database: Database) -> None:
    """Return when ClickHouse can answer.

    Raises:
        DatabaseUnavailable: When it can't be reached or lacks the schema.
        DatabaseTooSlow: When it does not answer in time.
    """
    await database.fetch(readiness_query())
