"""A plan's pieces as SQL: conditions on rows that lie in them, and the values that these need."""

from collections.abc import Sequence
from typing import Final

from services.monitoring_api.queries.plan import Plan
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# Up to when what arrived counts, by a parameter in microseconds; and later than anything arrives.
AS_OF: Final = "fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"
EVER_US: Final = 2**52


def in_buckets(**pieces: Sequence[TimeRange]) -> str:
    """Rows whose Minute lies in pieces of whole buckets, by what their parameters are called."""
    return " OR ".join(
        f"(Minute >= toDateTime({{{name}_{n}_from:UInt32}}, 'UTC')"
        f" AND Minute < toDateTime({{{name}_{n}_to:UInt32}}, 'UTC'))"
        for name, each in pieces.items()
        for n, _ in enumerate(each)
    )


def in_raw(pieces: Sequence[TimeRange], time: str, minute: str | None = None) -> str:
    """Rows whose time lies in raw pieces.

    Args:
        pieces: The pieces.
        time: The column of the time (DateTime64).
        minute: A column with the time's minute that an index knows, if there is one.
    """
    when = []
    for number, _ in enumerate(pieces):
        start = f"fromUnixTimestamp64Nano({{raw_{number}_from:Int64}}, 'UTC')"
        end = f"fromUnixTimestamp64Nano({{raw_{number}_to:Int64}}, 'UTC')"
        piece = f"{time} >= {start} AND {time} < {end}"
        if minute is not None:
            # Implied by the time; said for the index, which knows minutes.
            piece += f" AND {minute} >= toStartOfMinute({start}) AND {minute} <= toStartOfMinute({end})"
        when.append(f"({piece})")
    return " OR ".join(when)


def either(rows: str, raw: str, prepared_rows: str, prepared: str, conditions: Sequence[str]) -> str:
    """SQL after FROM: rows that are made now and rows that are prepared, each where it is asked for.

    Args:
        rows: SQL after FROM of the former, with ``{when}`` in place of conditions.
        raw: Which of them; empty: none.
        prepared_rows: The same of the latter.
        prepared: Which of them; empty: none.
        conditions: What all meet besides.
    """
    parts = [
        sql.replace("{when}", " AND ".join(f"({each})" for each in (pieces, *conditions)))
        for sql, pieces in ((rows, raw), (prepared_rows, prepared))
        if pieces
    ]
    return parts[0] if len(parts) == 1 else f"(SELECT * FROM {' UNION ALL SELECT * FROM '.join(parts)})"  # noqa: S608


def piece_parameters(plan: Plan) -> dict[str, int]:
    """The values that the conditions need: nanoseconds for raw pieces, seconds for those of whole buckets."""
    parameters = {}
    for number, piece in enumerate(plan.raw):
        parameters[f"raw_{number}_from"] = piece.start_ns
        parameters[f"raw_{number}_to"] = piece.end_ns
    for name, pieces in (("rollup", plan.rollup), ("longer", plan.longer), ("prepared", plan.prepared)):
        for number, piece in enumerate(pieces):
            parameters[f"{name}_{number}_from"] = piece.start_ns // NANOSECONDS
            parameters[f"{name}_{number}_to"] = piece.end_ns // NANOSECONDS
    return parameters
