"""Predictions with what became of them, from rows that were joined before as far as these are up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.dirty import find_dirty
from services.monitoring_api.queries.outcomes import (
    AS_OF_ROWS,
    COLUMNS,
    CORRECTED,
    IS_CORRECTED,
    JOINED_ROWS,
    PREPARED_ROWS,
    Outcomes,
)
from services.monitoring_api.queries.pieces import in_buckets, in_raw, piece_parameters
from services.monitoring_api.queries.plan import Plan, plan, raw_only
from services.monitoring_api.queries.sources import OUTCOMES

_KNOWN: Final = frozenset(name.strip() for name in COLUMNS.split(","))
# More are joined anew together with all others: a server takes 128 KiB of a parameter by default.
_MOST_CORRECTED: Final = 5_000
# Of one variant of a model. Shorter than the ids themselves, and as surely apart: millions of them are held in memory.
_IDENTITY: Final = "(ModelVersion, sipHash128(PredictionId))"


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

    What was joined before holds labels as they are now. As of a time that says what was known then, but of predictions
    whose label was corrected since: these are joined anew, and where they are many, all are. It holds no features, so
    that a condition on one looks up which predictions meet it.
    """
    rollup = OUTCOMES.rolled_up
    dirty = await find_dirty(database, rollup, outcomes.span)
    chosen = plan(outcomes.span, dirty.buckets, seconds=rollup.seconds, longer_seconds=rollup.longer_seconds)
    chosen = chosen.from_rows()
    if not chosen.prepared:
        return _rows(outcomes, raw_only(outcomes.span), {})
    if outcomes.as_of_ns is None:
        return _rows(outcomes, chosen, {})
    when = f"({in_buckets(prepared=chosen.prepared)}) AND {_known(outcomes)}"
    asked = {**outcomes.parameters(), **piece_parameters(chosen), "most": _MOST_CORRECTED + 1}
    found = await database.fetch(Query(CORRECTED.replace("{when}", when), asked))
    if len(found) > _MOST_CORRECTED:
        return _rows(outcomes, raw_only(outcomes.span), {})
    return _rows(outcomes, chosen, {"corrected": [int(each) for (each,) in found]})


def _rows(outcomes: Outcomes, chosen: Plan, more: Mapping[str, Any]) -> OutcomeRows:
    """The pieces' rows, one after the other.

    Args:
        outcomes: Which predictions.
        chosen: Which pieces of their range come from where.
        more: Values that rows as of a time need.
    """
    conditions = outcomes.when()
    parts = []
    if chosen.raw:
        parts.append(JOINED_ROWS.replace("{when}", f"({in_raw(chosen.raw, OUTCOMES.time)}) AND {conditions}"))
    if chosen.prepared:
        when = f"({in_buckets(prepared=chosen.prepared)}) AND {_known(outcomes)}"
        if not all(column in _KNOWN for column, _ in outcomes.conditions):
            when += f" AND {_IDENTITY} IN (SELECT {_IDENTITY} FROM predictions WHERE {conditions})"  # noqa: S608  (texts of ours)
        rows = PREPARED_ROWS if outcomes.as_of_ns is None else AS_OF_ROWS
        but = f"NOT {IS_CORRECTED}" if more.get("corrected") else "1"
        parts.append(rows.replace("{when}", when).replace("{but}", but))
        if more.get("corrected"):
            quarters = in_raw(chosen.prepared, OUTCOMES.time).replace("{raw_", "{corrected_")
            parts.append(JOINED_ROWS.replace("{when}", f"({quarters}) AND {IS_CORRECTED} AND {conditions}"))
    sql = parts[0] if len(parts) == 1 else f"(SELECT * FROM {' UNION ALL SELECT * FROM '.join(parts)})"  # noqa: S608
    values = {**piece_parameters(chosen), **more}
    for number, piece in enumerate(chosen.prepared):
        values |= {f"corrected_{number}_from": piece.start_ns, f"corrected_{number}_to": piece.end_ns}
    return OutcomeRows(sql, values, chosen.source(OUTCOMES.rollup))


def _known(outcomes: Outcomes) -> str:
    """Conditions on what joined rows know."""
    return outcomes.when(lambda column: column in _KNOWN)
