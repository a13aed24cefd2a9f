"""References in ClickHouse."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.reference.document import Reference

# The row follows as data, for a document is longer than what a parameter may be.
_WRITE: Final = (
    "INSERT INTO model_references (ModelName, ModelVersion, Task, Rows, ScoreEdges, Document) FORMAT JSONEachRow\n"
)

_LIST: Final = """SELECT
    ModelName,
    ModelVersion,
    Task,
    Rows,
    length(ScoreEdges),
    Document,
    CreatedAt
FROM model_references FINAL
ORDER BY ModelName, ModelVersion"""

_KNOWN: Final = """SELECT Document, ScoreEdges
FROM model_references FINAL
WHERE ModelName = {model:String}
    AND ModelVersion = {version:String}"""


@dataclass(frozen=True, slots=True)
class StoredReference:
    """One reference, as it is stored.

    Args:
        reference: What it says, but for the edges of the scores.
        edges: How many there are.
        created_at: When it was stored.
    """

    reference: Reference
    edges: int
    created_at: datetime


async def stored(database: Database) -> Sequence[StoredReference]:
    """Every model's references."""
    rows = await database.fetch(Query(_LIST))
    return [
        StoredReference(Reference.model_validate_json(document), int(edges), created_at)
        for _, _, _, _, edges, document, created_at in rows
    ]


async def write(database: Database, reference: Reference) -> None:
    """Store a reference in place of the one that its model and version have."""
    row = {
        "ModelName": reference.model,
        "ModelVersion": reference.version,
        "Task": reference.task,
        "Rows": reference.rows,
        "ScoreEdges": reference.score_edges,
        "Document": document(reference),
    }
    await database.execute(Query(_WRITE + json.dumps(row)))


async def register(database: Database, reference: Reference) -> bool:
    """Store what a model's card says, unless it is there already, or somebody made a reference from a file.

    Returns:
        Whether it was stored.
    """
    query = Query(_KNOWN, {"model": reference.model, "version": reference.version})
    for known, edges in await database.fetch(query):
        same = known == document(reference) and list(edges) == reference.score_edges
        if same or Reference.model_validate_json(known).source.kind == "file":
            return False
    await write(database, reference)
    return True


def document(reference: Reference) -> str:
    """The column Document: everything but the edges."""
    return reference.model_dump_json(exclude_none=True)
