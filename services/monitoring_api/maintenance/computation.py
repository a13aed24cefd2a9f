"""How buckets of one table are computed and replace what was there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Query

BUCKETS: Final = "{buckets:Array(DateTime('UTC'))}"
# From {first} to before {end}. Not compared with a DateTime: ClickHouse 26.9 then skips a part whose rows all lie in
# the last second before it.
WITHIN: Final = """Timestamp >= toDateTime64({first:UInt32}, 9, 'UTC')
    AND Timestamp < toDateTime64({end:UInt32}, 9, 'UTC')"""
MINUTES_WITHIN: Final = """Minute >= toDateTime({first:UInt32}, 'UTC')
    AND Minute < toDateTime({end:UInt32}, 'UTC')"""
COMPUTED_AT: Final = "fromUnixTimestamp64Micro({computed_us:Int64}, 'UTC')"


@dataclass(frozen=True, slots=True)
class Computation:
    """One table's statement.

    Args:
        table: Where the buckets are; a bucket's start is in ``Minute``, the time of its computation in ``ComputedAt``.
        seconds: How long a bucket is.
        compute: SQL that computes ``{buckets}``, which lie from ``{first}`` to before ``{end}``, and inserts them as of
            ``{computed_us}``.
        among: What else tells these rows from others of the table.
    """

    table: str
    seconds: int
    compute: str
    among: str = "1"

    def compute_query(self, buckets: Sequence[int], computed_us: int) -> Query:
        """Compute buckets (starts in epoch seconds) and insert them as of a time in microseconds."""
        bounds = {"first": min(buckets), "end": max(buckets) + self.seconds}
        return Query(self.compute, {"buckets": list(buckets), "computed_us": computed_us, **bounds})

    def leftovers_query(self, buckets: Sequence[int], computed_us: int) -> Query:
        """How many groups of these buckets were there before but were not computed now."""
        counted = f"SELECT count()\nFROM {self.table} FINAL\nWHERE {self._left_over}"
        return Query(counted, {"buckets": list(buckets), "computed_us": computed_us})

    def clear_query(self, buckets: Sequence[int], computed_us: int) -> Query:
        """Delete what `leftovers_query` counts."""
        deleted = f"DELETE FROM {self.table}\nWHERE {self._left_over}"  # noqa: S608  (constants of ours)
        return Query(deleted, {"buckets": list(buckets), "computed_us": computed_us})

    def within(self, starts: Sequence[int], seconds: int) -> list[int]:
        """The starts of this table's buckets in longer ones."""
        return [at for start in starts for at in range(start, start + seconds, self.seconds)]

    @property
    def _left_over(self) -> str:
        return f"{self.among}\n    AND Minute IN {BUCKETS}\n    AND ComputedAt < {COMPUTED_AT}"
