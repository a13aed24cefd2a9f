"""Traces of alerts that fire: asked for once, when they fire, and never in the way of the alert itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.database import Database
from services.monitoring_api.queries.exemplars import exemplars_query
from services.monitoring_api.queries.filters import any_of
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

_logger = logging.getLogger(__name__)

DEADLINE_SECONDS: Final = 3.0
# When so many alerts fire at once, people look at what they have in common.
MOST_ALERTS: Final = 10

Firing: TypeAlias = Sequence[tuple[Rule, StoredAlert]]
Traces: TypeAlias = Mapping[str, tuple[str, ...]]
Exemplars: TypeAlias = Callable[[Firing, float], Awaitable[Traces]]
"""Finds traces of alerts that fire at a slot, by fingerprint; never raises."""


async def no_exemplars(_firing: Firing, _slot: float) -> Traces:
    """Finds none, where there is nowhere to look."""
    return {}


def exemplars_in(database: Database, *, delay_seconds: float) -> Exemplars:
    """Finds traces in ClickHouse.

    Args:
        database: Where to ask.
        delay_seconds: How far behind the slot windows end.
    """
    return partial(_find_all, database, delay_seconds)


async def _find_all(database: Database, delay_seconds: float, firing: Firing, slot: float) -> Traces:
    asked = firing[:MOST_ALERTS]
    found = await asyncio.gather(*(_find(database, rule, alert, slot - delay_seconds) for rule, alert in asked))
    return {alert.fingerprint: traces for (_, alert), traces in zip(asked, found, strict=True) if traces}


async def _find(database: Database, rule: Rule, alert: StoredAlert, end: float) -> tuple[str, ...]:
    if rule.metric is None:
        return ()
    end_ns = round((end - rule.offset) * NANOSECONDS)
    filters = [any_of(key, value) for key, value in rule.within(alert.labels).items()]
    try:
        span = TimeRange(end_ns - round(rule.window * NANOSECONDS), end_ns)
        query = exemplars_query(rule.metric, span, group_by=rule.group_by, filters=filters)
        rows = [] if query is None else await database.fetch(query, deadline_seconds=DEADLINE_SECONDS)
    except Exception:  # the alert is told all the same
        _logger.exception("No traces for %s", rule.alert)
        return ()
    return tuple(str(row[0]) for row in rows)
