"""Promotions, out of the audit logs that lie in this machine's folder."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_ACTION: Final = "model.promote"
# Of a log that has grown for years only the end is read: promotions are few, and charts show the last months.
_MOST_BYTES: Final = 4_000_000
# One promotion is in two logs: that of the API which was asked and that of the one which did it.
_SAME_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version of a model that was chosen to answer.

    Attributes:
        model: The model.
        version: Its version.
        at: When, epoch seconds.
    """

    model: str
    version: str
    at: float


def read_promotions(folder: Path, start: float, end: float) -> list[Promotion] | None:
    """Promotions that succeeded between two times, the oldest first; None when no log can be read.

    Args:
        folder: Of the audit logs.
        start: Epoch seconds, included.
        end: Epoch seconds, excluded.
    """
    texts = [text for path in _logs(folder) if (text := _end_of(path)) is not None]
    if not texts:
        return None
    told = sorted((one for text in texts for one in _promotions(text)), key=lambda one: one.at)
    kept: list[Promotion] = []
    for one in told:
        same = (other for other in reversed(kept) if (other.model, other.version) == (one.model, one.version))
        last = next(same, None)
        if start <= one.at < end and (last is None or one.at - last.at > _SAME_SECONDS):
            kept.append(one)
    return kept


def _logs(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.jsonl"))
    except OSError:
        return []


def _end_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MOST_BYTES))
            return file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return None


def _promotions(text: str) -> Iterable[Promotion]:
    for line in text.splitlines():
        if _ACTION not in line:
            continue
        try:
            entry: Any = json.loads(line)
            found = entry["action"] == _ACTION and entry["outcome"] == "ok"
            model, _, version = str(entry["target"]).rpartition("/")
            at = datetime.fromisoformat(entry["time"])
        except (ValueError, KeyError, TypeError):  # cut in the middle, or somebody else's line
            continue
        if found and model:
            yield Promotion(model, version, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
