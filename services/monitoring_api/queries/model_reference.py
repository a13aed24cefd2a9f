"""What a version of a model is compared with: its own reference, or the one that stands for every version."""

from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query

# An empty version stands for all that have none of their own.
_REFERENCE: Final = """SELECT Document, toUnixTimestamp64Micro(CreatedAt) * 1000
FROM model_references FINAL
WHERE ModelName = {model:String}
    AND ModelVersion IN ({version:String}, '')
ORDER BY ModelVersion = {version:String} DESC
LIMIT 1"""

# Whoever names no version gets the reference that was stored last.
_LATEST: Final = """SELECT Document, toUnixTimestamp64Micro(CreatedAt) * 1000
FROM model_references FINAL
WHERE ModelName = {model:String}
ORDER BY CreatedAt DESC, ModelVersion DESC
LIMIT 1"""


class ReferenceRow(NamedTuple):
    """A reference as it is stored: its document as JSON, and when it was stored, in epoch nanoseconds."""

    document: str
    created_ns: int


def reference_query(model: str, version: str | None) -> Query:
    """The reference that a version of a model is compared with; without a version the one stored last."""
    if version is None:
        return Query(_LATEST, {"model": model})
    return Query(_REFERENCE, {"model": model, "version": version})


async def find_reference(database: Database, model: str, version: str | None) -> ReferenceRow | None:
    """What a model is compared with; None where nobody stored anything."""
    rows = await database.fetch(reference_query(model, version))
    return ReferenceRow(str(rows[0][0]), int(rows[0][1])) if rows else None
