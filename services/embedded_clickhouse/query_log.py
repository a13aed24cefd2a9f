"""The adapter's own query log: chDB keeps none."""

import json
import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class QueryRecord:
    """One statement that ended.

    Attributes:
        started_at: epoch seconds.
        rows: rows in the answer, or rows written.
        bytes: bytes of the answer before compression, or bytes of the data received.
        exception_code: ClickHouse's code; 0 where all went well.
    """

    query_id: str
    user: str
    kind: str
    fingerprint: str
    query: str
    started_at: float
    duration_seconds: float
    rows: int
    bytes: int
    read_rows: int
    exception_code: int


class QueryLog:
    """The last statements, in memory and in a rotated file of JSON lines.

    Args:
        path: the file.
        entries: how many statements are kept in memory.
        file_bytes: size at which the file is rotated.
        files: rotated files that are kept.
    """

    def __init__(self, path: Path, *, entries: int, file_bytes: int, files: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._records: deque[QueryRecord] = deque(maxlen=entries)
        self._count = 0
        self._lock = threading.Lock()
        self._file = RotatingFileHandler(path, maxBytes=file_bytes, backupCount=files, encoding="utf-8", delay=True)

    def add(self, record: QueryRecord) -> None:
        """Keep a statement that ended."""
        line = json.dumps(asdict(record), separators=(",", ":"))
        with self._lock:
            self._records.append(record)
            self._count += 1
        self._file.emit(logging.LogRecord("query_log", logging.INFO, "", 0, line, (), None))

    def answer(self, conditions: Mapping[str, str], limit: int) -> Mapping[str, Any]:
        """Return the newest statements that meet every condition (equality by field, or `since` in epoch seconds)."""
        since = float(conditions.get("since", "0"))
        equal = {name: value for name, value in conditions.items() if name != "since"}
        with self._lock:
            records, count = list(self._records), self._count
        found = [
            asdict(record)
            for record in reversed(records)
            if record.started_at >= since and all(str(getattr(record, name)) == value for name, value in equal.items())
        ]
        return {"total": count, "kept": len(records), "matching": len(found), "queries": found[:limit]}

    def close(self) -> None:
        """Close the file."""
        self._file.close()
