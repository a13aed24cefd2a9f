"""What the fake monitoring API says of histories besides their points: statements, and what happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

SQL = "SELECT toUInt32(0) AS Bucket\nFROM otel_traces\nWHERE ServiceName = {filter_0:String}"
STATEMENT = {"range": "asked", "source": "raw", "sql": SQL, "parameters": {"filter_0": "it's", "most_rows": "7"}}


class FakeHistory:
    """Answers of `/metrics/history/sql` and `/markers`.

    Attributes:
        hostile: what stands in names; nothing special when None.
        empty: whether nothing happened.
    """

    def __init__(self) -> None:
        self.hostile: str | None = None
        self.empty = False

    def answer(self, path: str, _query: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Status and body; None where something else answers."""
        if path == "/api/v1/metrics/history/sql":
            return 200, {"statements": [STATEMENT]}
        if path == "/api/v1/markers":
            return 200, self._markers()
        return None

    def _markers(self) -> dict[str, Any]:
        def marker(kind: str, hours: float, name: str, **more: Any) -> dict[str, Any]:
            at = datetime.now(UTC) - timedelta(hours=hours)
            common = {"until": None, "version": "", "labels": {}, "fingerprint": ""}
            return {**common, "kind": kind, "at": at.isoformat(), "name": self.hostile or name, **more}

        known = [
            marker("model_version", 9, "flight-delay", version="b71e44d9"),
            marker("promotion", 8, "flight-delay", version="b71e44d9"),
            marker("alert", 3, "TooManyErrors", labels={"service": "ml-api"}, fingerprint="f1"),
        ]
        return {"markers": [] if self.empty else known, "truncated": False, "unknown": []}
