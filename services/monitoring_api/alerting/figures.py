"""A metric's figures around an alert, for the pictures in messages: asked for as one is sent, and never in its way."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from services.monitoring_api.alerting.links import MOST_SECONDS, shown_seconds
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.database import Database
from services.monitoring_api.queries.buckets import Buckets, nice_step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import any_of
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

_logger = logging.getLogger(__name__)

# Of a small picture: about so many, of whole minutes.
_POINTS: Final = 80

Points: TypeAlias = tuple[tuple[float, float | None], ...]
Figures: TypeAlias = Callable[[Rule, Mapping[str, str], float, float], Awaitable[Points]]
"""Finds figures of an alert of a rule, by its labels, from before it fired (epoch seconds) up to now; never raises."""


async def no_figures(_rule: Rule, _labels: Mapping[str, str], _fired_at: float, _now: float) -> Points:
    """Finds none, where there is nowhere to look."""
    return ()


def figures_in(database: Database) -> Figures:
    """Finds figures in ClickHouse.

    Args:
        database: Where to ask.
    """
    return partial(_find, database)


async def _find(database: Database, rule: Rule, labels: Mapping[str, str], fired_at: float, now: float) -> Points:
    if rule.metric is None:
        return ()
    begin = max(fired_at - shown_seconds(rule), now - MOST_SECONDS) - rule.offset
    filters = [any_of(key, value) for key, value in rule.within(labels).items()]
    try:
        span = TimeRange(round(begin * NANOSECONDS), round(now * NANOSECONDS))
        question = ask(find_metric(rule.metric), span, group_by=(), filters=filters)
        buckets = Buckets(span, nice_step(span.seconds / _POINTS, shortest=60), ZoneInfo("UTC"))
        answer = await history(database, question, buckets, now=datetime.fromtimestamp(now, UTC))
    except Exception:  # the message is sent all the same
        _logger.exception("No picture for %s", rule.alert)
        return ()
    return tuple((float(at), value) for at, value in answer.series[0].points)
