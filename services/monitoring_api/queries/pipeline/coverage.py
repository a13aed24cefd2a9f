"""What each service counted against what is stored of it."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.completeness import EXPORTS_WITH_STORED
from services.monitoring_api.queries.timerange import TimeRange

_COVERAGE: Final = f"""SELECT ServiceName, Signal, sum(Counted), sum(Stored)
FROM {EXPORTS_WITH_STORED}
GROUP BY ServiceName, Signal
HAVING sum(Counted) > 0
    OR sum(Stored) > 0
ORDER BY ServiceName, Signal"""  # noqa: S608  (a constant of ours)


class CoverageRow(NamedTuple):
    """One service's signal."""

    service: str
    signal: str
    counted: int
    stored: int

    @property
    def ratio(self) -> float | None:
        """Share of the counted that is stored, at most 1; None when nothing was counted."""
        return min(1.0, self.stored / self.counted) if self.counted else None


def coverage_query(span: TimeRange) -> Query:
    """Counted and stored by service and signal, between the exports of a range."""
    return Query(_COVERAGE, {"from_ns": span.start_ns, "to_ns": span.end_ns})


def coverage_rows(rows: Sequence[Sequence[Any]]) -> list[CoverageRow]:
    """Read the answer to `coverage_query`."""
    return [
        CoverageRow(str(service), str(signal), int(counted), int(stored)) for service, signal, counted, stored in rows
    ]


def coverage_document(rows: Sequence[CoverageRow]) -> list[dict[str, Any]]:
    """Coverage as a part of the answer."""
    return [{**row._asdict(), "ratio": row.ratio} for row in rows]
