"""Acknowledgements: somebody has taken an alert on, so nobody is reminded of it until it ends.

Every function takes an open connection. An acknowledgement belongs to one firing: the next one is told as ever.
"""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.notify.tables import acknowledgements as table

MAXIMUM_AUTHOR_CHARACTERS = 200
MAXIMUM_COMMENT_CHARACTERS = 2_000


class InvalidAcknowledgementError(ValueError):
    """An acknowledgement that is not taken.

    Attributes:
        field: What is wrong with it: author or comment.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has taken a firing on.

    Attributes:
        incident: Which firing.
        fingerprint: The alert.
        author: Who.
        comment: What they say; may be empty.
        at: When, epoch seconds.
    """

    incident: str
    fingerprint: str
    author: str
    comment: str
    at: float


def acknowledge(
    connection: Connection, *, incident: str, fingerprint: str, author: str, comment: str = "", now: float
) -> Acknowledgement:
    """Take a firing on; who does it again takes it over.

    Args:
        connection: A transaction that the caller commits.
        incident: Which firing.
        fingerprint: The alert.
        author: Who.
        comment: What they say.
        now: The present time, epoch seconds.

    Raises:
        InvalidAcknowledgementError: Naming the field.
    """
    given = Acknowledgement(
        incident,
        fingerprint,
        _text("author", author, MAXIMUM_AUTHOR_CHARACTERS),
        _text("comment", comment, MAXIMUM_COMMENT_CHARACTERS),
        now,
    )
    if not given.author:
        raise InvalidAcknowledgementError("author", "missing: say who takes it on, for others will ask")
    row = {"fingerprint": fingerprint, "author": given.author, "comment": given.comment, "at": now}
    if not connection.execute(sa.update(table).where(table.c.incident == incident).values(row)).rowcount:
        connection.execute(sa.insert(table).values(incident=incident, **row))
    return given


def acknowledgements(connection: Connection, incidents: Collection[str]) -> dict[str, Acknowledgement]:
    """Who has taken on these firings, by firing; those that nobody has are not in it."""
    found: dict[str, Acknowledgement] = {}
    wanted = list(incidents)
    # In parts: databases limit how many values a statement may have.
    for start in range(0, len(wanted), 500):
        query = sa.select(table).where(table.c.incident.in_(wanted[start : start + 500]))
        for row in connection.execute(query):
            found[row.incident] = Acknowledgement(row.incident, row.fingerprint, row.author, row.comment, row.at)
    return found


def forget_acknowledgements(connection: Connection, *, before: float) -> None:
    """Drop those made before an epoch second."""
    connection.execute(sa.delete(table).where(table.c.at < before))


def _text(field: str, text: str, maximum: int) -> str:
    text = text.encode("utf-8", "replace").decode().replace("\0", "").strip()
    if len(text) > maximum:
        raise InvalidAcknowledgementError(field, f"longer than {maximum:,} characters")
    return text
