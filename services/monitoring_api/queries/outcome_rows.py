"""Predictions with what became of them, from rows that were joined before as far as these are up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.dirty import find_dirty
from services.monitoring_api.queries.outcomes import COLUMNS, JOINED_ROWS, PREPARED_ROWS, Outcomes
from services.monitoring_api.queries.plan import Plan, plan, raw_only
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.sources import OUTCOMES
from services.monitoring_api.queries.timerange import NANOSECONDS

_KNOWN: Final = frozenset(name.strip() for name in COLUMNS.split(","))


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Rows, as SQL after FROM.

    Args:
        sql: With the columns that `outcomes.COLUMNS` names.
        parameters: The values that it needs, besides those of its `Outcomes`.
        source: ``raw`` where all are joined anew, ``joined`` where none is, ``mixed``.
    """

    sql: str
    parameters: Mapping[str, Any]
    source: str


async def outcome_rows(database: Database, outcomes: Outcomes) -> OutcomeRows:
    """Where the rows are: prepared ones for quarters of an hour that are up to date, and predictions joined anew.

    What was joined before holds labels as they are now and no features, so a question as of a time or with a condition
    on a feature takes predictions joined anew.
    """
    rollup = OUTCOMES.rollup
    if rollup is None or outcomes.as_of_ns is not None or not _is_prepared(outcomes):
        return _rows(outcomes, raw_only(outcomes.span), rollup)
    dirty = await find_dirty(database, rollup, outcomes.span)
    chosen = plan(outcomes.span, dirty.buckets, seconds=rollup.seconds, longer_seconds=rollup.longer_seconds)
    return _rows(outcomes, chosen.from_rows(), rollup)


def _is_prepared(outcomes: Outcomes) -> bool:
    return all(column in _KNOWN for column, _ in outcomes.conditions)


def _rows(outcomes: Outcomes, chosen: Plan, rollup: Rollup | None) -> OutcomeRows:
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for template, name, pieces, condition in (
        (JOINED_ROWS, "raw", chosen.raw, _MADE),
        (PREPARED_ROWS, "prepared", chosen.prepared, _IN_MINUTES),
    ):
        if pieces:
            when = " OR ".join(f"({condition.format(f'{name}_{number}')})" for number, _ in enumerate(pieces))
            parts.append(template.replace("{when}", f"({when}) AND {outcomes.when()}"))
    for number, piece in enumerate(chosen.raw):
        parameters |= {f"raw_{number}_from": piece.start_ns, f"raw_{number}_to": piece.end_ns}
    for number, piece in enumerate(chosen.prepared):
        parameters[f"prepared_{number}_from"] = piece.start_ns // NANOSECONDS
        parameters[f"prepared_{number}_to"] = piece.end_ns // NANOSECONDS
    sql = parts[0] if len(parts) == 1 else f"(SELECT * FROM {' UNION ALL SELECT * FROM '.join(parts)})"  # noqa: S608
    return OutcomeRows(sql, parameters, chosen.source(rollup))


_MADE: Final = (
    "Timestamp >= fromUnixTimestamp64Nano({{{0}_from:Int64}}, 'UTC')"
    " AND Timestamp < fromUnixTimestamp64Nano({{{0}_to:Int64}}, 'UTC')"
)
_IN_MINUTES: Final = (
    "Minute >= toDateTime({{{0}_from:UInt32}}, 'UTC') AND Minute < toDateTime({{{0}_to:UInt32}}, 'UTC')"
)
