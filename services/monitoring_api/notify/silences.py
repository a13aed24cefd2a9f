"""Silences: for a time, alerts with certain labels are told to nobody. Every function takes an open connection."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.matchers import Matcher, parse_matcher
from services.monitoring_api.notify.tables import silences as table

MAXIMUM_MATCHERS = 20
MAXIMUM_AUTHOR_CHARACTERS = 200
MAXIMUM_COMMENT_CHARACTERS = 2_000
MAXIMUM_SECONDS = 366 * 86_400.0


class InvalidSilenceError(ValueError):
    """A silence that is not taken.

    Attributes:
        field: What is wrong with it: matchers, starts_at, ends_at, author or comment.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class UnknownSilenceError(LookupError):
    """There is no silence of this id."""


class SilenceState(StrEnum):
    """Where a silence stands."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence. Times are epoch seconds.

    Attributes:
        id: Its name.
        matchers: What an alert's labels must meet, all of them.
        starts_at: From when it holds.
        ends_at: Until when it holds; the present when somebody has ended it early.
        author: Who made it.
        comment: Why.
        created_at: When it was made.
        ended_by: Who ended it early; None when nobody did.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    author: str
    comment: str
    created_at: float
    ended_by: str | None = None

    def state(self, now: float) -> SilenceState:
        """Where it stands at a time."""
        if now >= self.ends_at:
            return SilenceState.EXPIRED
        return SilenceState.ACTIVE if now >= self.starts_at else SilenceState.PENDING

    def document(self, now: float) -> dict[str, Any]:
        """As it is told, at a time."""
        return {
            "id": self.id,
            "state": str(self.state(now)),
            "matchers": [str(one) for one in self.matchers],
            "starts_at": rfc3339(self.starts_at),
            "ends_at": rfc3339(self.ends_at),
            "author": self.author,
            "comment": self.comment,
            "created_at": rfc3339(self.created_at),
            "ended_by": self.ended_by,
        }

    def mutes(self, labels: Mapping[str, str], now: float) -> bool:
        """Whether an alert with these labels is silent at a time."""
        return self.state(now) is SilenceState.ACTIVE and all(one.matches(labels) for one in self.matchers)

    def __str__(self) -> str:
        return f"silence {self.id} of {self.author}, until {rfc3339(self.ends_at)}: {self.comment}"


def create_silence(
    connection: Connection,
    matchers: Sequence[str],
    *,
    starts_at: float | None = None,
    ends_at: float,
    author: str,
    comment: str,
    now: float,
) -> Silence:
    """Make a silence.

    Args:
        connection: A transaction that the caller commits.
        matchers: Like `severity=~page|ticket`; at least one must ask for a label, else it would silence everything.
        starts_at: From when it holds, epoch seconds; at once when None.
        ends_at: Until when it holds.
        author: Who makes it.
        comment: Why.
        now: The present time.

    Raises:
        InvalidSilenceError: Naming the field.
    """
    starts_at = now if starts_at is None else starts_at
    silence = Silence(
        uuid.uuid4().hex[:16],
        _matchers(matchers),
        starts_at,
        _end(starts_at, ends_at, now),
        _text("author", author, MAXIMUM_AUTHOR_CHARACTERS),
        _text("comment", comment, MAXIMUM_COMMENT_CHARACTERS),
        now,
    )
    connection.execute(
        sa.insert(table).values(
            id=silence.id,
            matchers=json.dumps([str(one) for one in silence.matchers]),
            starts_at=silence.starts_at,
            ends_at=silence.ends_at,
            author=silence.author,
            comment=silence.comment,
            created_at=silence.created_at,
        )
    )
    return silence


def list_silences(connection: Connection, *, now: float, state: SilenceState | None = None) -> list[Silence]:
    """Silences, those that end first first; expired ones, the latest first, after all others.

    Args:
        connection: An open connection.
        now: The present time, epoch seconds.
        state: Only those in this state; all when None.
    """
    found = [_silence(row) for row in connection.execute(sa.select(table)).mappings()]
    wanted = [one for one in found if state in {None, one.state(now)}]
    live = [one for one in wanted if one.ends_at > now]
    over = [one for one in wanted if one.ends_at <= now]
    return sorted(live, key=lambda one: (one.ends_at, one.id)) + sorted(over, key=lambda one: (-one.ends_at, one.id))


def active_silences(connection: Connection, now: float) -> list[Silence]:
    """Those that hold at a time."""
    query = sa.select(table).where(table.c.starts_at <= now, table.c.ends_at > now).order_by(table.c.ends_at.desc())
    return [_silence(row) for row in connection.execute(query).mappings()]


def expire_silence(connection: Connection, silence_id: str, *, by: str, now: float) -> Silence:
    """End a silence now; one that is over stays as it is.

    Args:
        connection: A transaction that the caller commits.
        silence_id: Its id.
        by: Who ends it.
        now: The present time, epoch seconds.

    Raises:
        UnknownSilenceError: When there is none.
    """
    query = sa.select(table).where(table.c.id == silence_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownSilenceError(f"there is no silence {silence_id!r}")
    if row["ends_at"] > now:
        ended = {"ends_at": now, "starts_at": min(row["starts_at"], now), "ended_by": by[:MAXIMUM_AUTHOR_CHARACTERS]}
        connection.execute(sa.update(table).where(table.c.id == silence_id).values(ended))
        row = connection.execute(query).mappings().one()
    return _silence(row)


def forget_silences(connection: Connection, *, before: float) -> None:
    """Drop those that ended before an epoch second."""
    connection.execute(sa.delete(table).where(table.c.ends_at < before))


def _matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    if not 0 < len(texts) <= MAXIMUM_MATCHERS:
        raise InvalidSilenceError("matchers", f"give one to {MAXIMUM_MATCHERS} matchers, like alertname=TooManyErrors")
    try:
        found = tuple(parse_matcher(text) for text in texts)
    except ValueError as error:
        raise InvalidSilenceError("matchers", str(error)) from None
    if all(one.matches({}) for one in found):
        raise InvalidSilenceError(
            "matchers", "they would silence every alert: one must ask for a label's text, like alertname=TooManyErrors"
        )
    return found


def _end(starts_at: float, ends_at: float, now: float) -> float:
    if ends_at <= starts_at:
        raise InvalidSilenceError("ends_at", "the end must come after the start")
    if ends_at <= now:
        raise InvalidSilenceError("ends_at", "the end is over already")
    if ends_at - starts_at > MAXIMUM_SECONDS:
        raise InvalidSilenceError("ends_at", "a silence may last a year; take the alert out of the rules instead")
    return ends_at


def _text(field: str, text: str, maximum: int) -> str:
    text = text.encode("utf-8", "replace").decode().replace("\0", "").strip()
    if not text:
        raise InvalidSilenceError(field, "missing: say who silences and why, for others will ask")
    if len(text) > maximum:
        raise InvalidSilenceError(field, f"longer than {maximum:,} characters")
    return text


def _silence(row: RowMapping) -> Silence:
    return Silence(
        id=row["id"],
        matchers=tuple(parse_matcher(text) for text in json.loads(row["matchers"])),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        author=row["author"],
        comment=row["comment"],
        created_at=row["created_at"],
        ended_by=row["ended_by"],
    )
