"""A `Database` for the migration runner over chDB in this process."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chdb

from services.monitoring_api.migrate.database import DatabaseError


class ChdbDatabase:
    """One connection to a chDB folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.connection = chdb.connect(str(folder) if folder else ":memory:")
        self.executed: list[str] = []

    def execute(self, sql: str) -> None:
        """Run a statement, and remember it."""
        self.executed.append(sql)
        try:
            self.connection.query(sql)
        except RuntimeError as error:
            raise DatabaseError(str(error)) from error

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Ask a question."""
        try:
            answer = self.connection.query(sql, "JSONCompact", params=dict(parameters or {}))
        except RuntimeError as error:
            raise DatabaseError(str(error)) from error
        text = answer.bytes().decode()
        return json.loads(text)["data"] if text else []

    def close(self) -> None:
        """Give the folder back."""
        self.connection.close()
