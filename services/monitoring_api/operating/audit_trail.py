"""What operators did, out of the audit logs that lie in this machine's folder: the newest first."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from services.monitoring_api.routes import audit as told

# Of a log that has grown for years only the end is read.
_MOST_BYTES: Final = 1_000_000
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of an audit log; texts are empty where the line has none.

    Attributes:
        at: When, aware.
        process: Who wrote the line down.
        actor: The token that acted, the person at the command line, or `anonymous`.
        user: On whose behalf.
        action: What was done, such as `silence.create`.
        target: To what.
        outcome: ok, refused or failed.
        status: The answer's HTTP status; None at the command line.
        trace_id: The request's trace.
        client: The address that asked.
    """

    at: datetime
    process: str
    actor: str
    user: str
    action: str
    target: str
    outcome: str
    status: int | None
    trace_id: str
    client: str

    @property
    def who(self) -> str:
        """The person, where one is known; else the token."""
        return self.user or self.actor


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The newest entries.

    Attributes:
        entries: The newest first.
        truncated: Whether there are older ones that were not looked at or are not told.
    """

    entries: list[AuditEntry]
    truncated: bool


class AuditTrails:
    """Tells what the audit logs of a folder hold.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def audit(self, wanted: told.AuditParameters) -> told.AuditAnswer:
        """The newest entries."""
        found = await asyncio.to_thread(
            read_audit_trail, self._folder, limit=wanted.limit, action=wanted.action, who=wanted.who
        )
        if found is None:
            return told.AuditAnswer(entries=[], truncated=False, readable=False)
        return told.AuditAnswer(
            entries=[_row(entry) for entry in found.entries], truncated=found.truncated, readable=True
        )


def _row(entry: AuditEntry) -> told.AuditRow:
    return told.AuditRow(
        at=entry.at,
        who=entry.who,
        actor=entry.actor,
        on_behalf_of=entry.user or None,
        action=entry.action,
        target=entry.target or None,
        outcome=entry.outcome,
        status=entry.status,
        process=entry.process,
        trace_id=entry.trace_id or None,
        client=entry.client or None,
    )


def read_audit_trail(folder: Path, *, limit: int, action: str = "", who: str = "") -> AuditTrail | None:
    """The newest entries of all logs of a folder; None when no log can be read.

    Args:
        folder: Of the audit logs.
        limit: Most entries.
        action: Only actions of this name, or of this kind, such as `silence`; empty for all.
        who: Only of this person or token; empty for all.
    """
    ends = [end for path in _logs(folder) if (end := _end_of(path)) is not None]
    if not ends:
        return None
    found = [
        entry
        for text, _ in ends
        for entry in _entries(text)
        if (not action or entry.action == action or entry.action.startswith(f"{action}."))
        and (not who or who in {entry.user, entry.actor})
    ]
    found.sort(key=lambda entry: entry.at, reverse=True)
    return AuditTrail(found[:limit], len(found) > limit or any(cut for _, cut in ends))


def _logs(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.jsonl"))
    except OSError:
        return []


def _end_of(path: Path) -> tuple[str, bool] | None:
    """The end of a log, and whether there is more before it."""
    try:
        with path.open("rb") as file:
            before = max(0, path.stat().st_size - _MOST_BYTES)
            file.seek(before)
            return file.read(_MOST_BYTES).decode(errors="replace"), before > 0
    except OSError:
        return None


def _entries(text: str) -> Iterable[AuditEntry]:
    for line in text.splitlines():
        try:
            entry: Any = json.loads(line)
            at = datetime.fromisoformat(entry["time"])
            status = entry.get("status")
            names = ("process", "actor", "on_behalf_of", "action", "target", "outcome")
            process, actor, user, action, target, outcome = (_text(entry.get(name)) for name in names)
        except (ValueError, KeyError, TypeError, AttributeError):  # cut in the middle, or somebody else's line
            continue
        yield AuditEntry(
            at if at.tzinfo else at.replace(tzinfo=UTC),
            process,
            actor,
            user,
            action,
            target,
            outcome,
            status if isinstance(status, int) else None,
            _text(entry.get("trace_id")),
            _text(entry.get("client")),
        )


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_LONGEST]
