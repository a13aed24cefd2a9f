"""What the demo has sent so far, kept in the data folder so that a second run agrees with the first."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL);
CREATE TABLE IF NOT EXISTS due_labels (
    prediction_id TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    due REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS due_labels_due ON due_labels (due);
"""


@dataclass(frozen=True)
class Sent:
    """Rows handed to the pipeline by the backfill, each counted once however often a chunk is repeated."""

    requests: int = 0
    spans: int = 0
    predictions: int = 0
    labels: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True)
class DueLabel:
    """A label whose flight has not landed yet: it is told at `due` (epoch seconds)."""

    prediction_id: str
    label: str
    due: float


class Ledger:
    """The demo's durable memory: first start, how far time is covered, labels still to come, counts sent.

    One SQLite file; each method is one transaction, so a kill between two of them repeats work at most.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with closing(self._connect()) as connection:
            connection.executescript(_SCHEMA)

    def first_start(self, now: float) -> float:
        """Return the first start on this data folder (epoch seconds); `now` becomes it if there is none."""
        with closing(self._connect()) as connection, connection:
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('first_start', ?)", (now,))
            return _fact(connection, "first_start", now)

    def covered_until(self) -> float | None:
        """Return the end of the covered time (epoch seconds), None before the first backfill."""
        with closing(self._connect()) as connection:
            value = _fact(connection, "covered_until", -1.0)
        return None if value < 0 else value

    def sent(self) -> Sent:
        """Return what the backfills of all runs have sent."""
        with closing(self._connect()) as connection:
            return Sent(*(int(_fact(connection, f"sent_{field.name}", 0)) for field in fields(Sent)))

    def sample_mailed(self) -> bool:
        """Return whether this data folder has had its test mail."""
        with closing(self._connect()) as connection:
            return _fact(connection, "sample_mail", 0.0) > 0.0

    def record_sample_mail(self, now: float) -> None:
        """Book that the test mail was delivered (epoch seconds)."""
        with closing(self._connect()) as connection, connection:
            _set_fact(connection, "sample_mail", now)

    def due_before(self, moment: float) -> list[DueLabel]:
        """Return the labels that fall due before `moment` (epoch seconds), in order."""
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT prediction_id, label, due FROM due_labels WHERE due < ? ORDER BY due", (moment,)
            )
            return [DueLabel(*row) for row in rows]

    def record_chunk(
        self, *, covered_until: float, sent: Sent, told: Iterable[str], coming: Iterable[DueLabel]
    ) -> None:
        """Book one delivered chunk of backfill: its end, its counts, the labels told and those still to come."""
        with closing(self._connect()) as connection, connection:
            _set_fact(connection, "covered_until", covered_until)
            for field in fields(Sent):
                name = f"sent_{field.name}"
                _set_fact(connection, name, _fact(connection, name, 0) + getattr(sent, field.name))
            _forget(connection, told)
            _add_due(connection, coming)

    def record_served(self, *, covered_until: float, coming: DueLabel | None) -> None:
        """Book one live prediction that was answered, and the label that will follow it."""
        with closing(self._connect()) as connection, connection:
            _set_fact(connection, "covered_until", covered_until)
            _add_due(connection, [coming] if coming else [])

    def record_told(self, prediction_ids: Iterable[str]) -> None:
        """Book live labels that were accepted."""
        with closing(self._connect()) as connection, connection:
            _forget(connection, prediction_ids)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


def _fact(connection: sqlite3.Connection, name: str, default: float) -> float:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return float(row[0]) if row else default


def _set_fact(connection: sqlite3.Connection, name: str, value: float) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _forget(connection: sqlite3.Connection, prediction_ids: Iterable[str]) -> None:
    connection.executemany("DELETE FROM due_labels WHERE prediction_id = ?", [(each,) for each in prediction_ids])


def _add_due(connection: sqlite3.Connection, coming: Iterable[DueLabel]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO due_labels VALUES (?, ?, ?)",
        [(each.prediction_id, each.label, each.due) for each in coming],
    )
