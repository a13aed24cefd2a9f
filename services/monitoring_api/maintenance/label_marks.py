"""Marks of labels that one pass works off: copied aside, so that statements find them however many they are.

The marks stay where they are until everything that follows from them is done: a pass that ends early leaves them for
the next one, and one that is set in the meantime has another id and stays.
"""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from services.monitoring_api.database import Database, Query

_COUNT: Final = "SELECT count() FROM label_marks"
_TAKE: Final = """INSERT INTO label_marks_taken (Batch, Id, PredictionId)
SELECT {batch:UUID}, Id, PredictionId
FROM label_marks
LIMIT {most:UInt64}"""
_TAKEN: Final = "SELECT count() FROM label_marks_taken WHERE Batch = {batch:UUID}"
_DELETE: Final = """DELETE FROM label_marks
WHERE Id IN (SELECT Id FROM label_marks_taken WHERE Batch = {batch:UUID})"""
_FORGET: Final = "ALTER TABLE label_marks_taken DROP PARTITION {batch:String}"

# SQL condition: predictions whose marks were taken, by the parameter ``batch``.
TAKEN: Final = "PredictionId IN (SELECT PredictionId FROM label_marks_taken WHERE Batch = {batch:UUID})"


@dataclass(frozen=True, slots=True)
class LabelMarks:
    """Some marks.

    Args:
        batch: What those are called that were taken together.
        count: How many there are.
    """

    batch: str
    count: int


async def take(database: Database, *, most: int) -> LabelMarks | None:
    """Take marks; None when there is none.

    Args:
        database: Where, as a user who may write.
        most: How many at most.
    """
    ((waiting,),) = await database.fetch(Query(_COUNT))
    if not int(waiting):
        return None
    batch = str(uuid4())
    await database.execute(Query(_TAKE, {"batch": batch, "most": most}))
    ((count,),) = await database.fetch(Query(_TAKEN, {"batch": batch}))
    return LabelMarks(batch, int(count))


async def work_off(database: Database, marks: LabelMarks) -> None:
    """Delete marks from which everything followed."""
    await database.execute(Query(_DELETE, {"batch": marks.batch}))
    await database.execute(Query(_FORGET, {"batch": marks.batch}))
