"""Predictions with what became of them, from rows that were joined before as far as these are up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.dirty import find_dirty
from services.monitoring_api.queries.outcomes import COLUMNS, JOINED_ROWS, PREPARED_ROWS, Outcomes
from services.monitoring_api.queries.pieces import either, in_buckets, in_raw, piece_parameters
from services.monitoring_api.queries.plan import Plan, plan, raw_only
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.sources import OUTCOMES

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
    conditions = [outcomes.when()]
    raw, prepared = in_raw(chosen.raw, OUTCOMES.time), in_buckets(prepared=chosen.prepared)
    sql = either(JOINED_ROWS, raw, PREPARED_ROWS, prepared, conditions)
    return OutcomeRows(sql, piece_parameters(chosen), chosen.source(rollup))
