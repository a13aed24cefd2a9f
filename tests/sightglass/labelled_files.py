"""Files of labels, and a receiver that follows a script."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sightglass.labels.row import Label

HEADER = "prediction_id,label,observed_at"
TIME = "2026-01-01T00:00:00Z"


def write_csv(path: Path, rows: Sequence[str], header: str = HEADER) -> Path:
    """A CSV file of these lines."""
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def numbered(path: Path, count: int) -> Path:
    """A CSV file of `count` labels of the predictions p0, p1 and so on."""
    return write_csv(path, [f"p{number},{'late' if number % 2 else 'on_time'},{TIME}" for number in range(count)])


def write_parquet(path: Path, *, row_group_size: int | None = None, **columns: Any) -> Path:
    """A Parquet file of these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


class ScriptedReceiver:
    """Keeps what was flushed.

    Args:
        on_flush: Told the number of each flush, from 1; returns whether it is accepted, or raises.
    """

    def __init__(self, on_flush: Callable[[int], bool] = lambda _: True) -> None:
        self.reason = "connection refused"
        self.accepted: list[Label] = []
        self._pending: list[Label] = []
        self._on_flush = on_flush
        self._flushes = 0

    def record(self, label: Label) -> None:
        """Hold one label."""
        self._pending.append(label)

    def flush(self, timeout_seconds: float) -> bool:
        """Do as the script says."""
        assert timeout_seconds > 0
        self._flushes += 1
        if not self._on_flush(self._flushes):
            return False
        self.accepted += self._pending
        self._pending = []
        return True

    @property
    def ids(self) -> list[str]:
        """The predictions whose labels were accepted."""
        return [label.prediction_id for label in self.accepted]
