"""The metric catalogue as rules see it, and the questions of rules as the catalogue answers them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from services.monitoring_api.alerting.measurement import Answer, Answers, Measure, Reading
from services.monitoring_api.alerting.questions import FilterValue, Question
from services.monitoring_api.alerting.rules import Catalogue, MetricShape
from services.monitoring_api.database import Database
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.filters import Filter, Operator
from services.web.problems import Problem

# A window ends this much earlier at most when telemetry is late; beyond that it is not judged.
_PATIENCE: Final = timedelta(seconds=30)


def metric_catalogue() -> Catalogue:
    """Every metric with the keys it can be filtered and grouped by."""
    return {
        name: MetricShape(frozenset(metric.source.dimensions), frozenset(metric.source.dimensions))
        for name, metric in CATALOGUE.items()
    }


def measure_in(database: Database, *, delay_seconds: float) -> Measure:
    """Answers rules from ClickHouse.

    Args:
        database: Where to ask.
        delay_seconds: How far behind the clock windows end, so that the youngest data can arrive.
    """
    curves = SharedCurves()

    async def answer(question: Question, now: float) -> Answer:
        try:
            found = await measure(
                database,
                question.metric or "",
                window=timedelta(seconds=question.window_seconds),
                now=datetime.fromtimestamp(now - question.end_offset_seconds, UTC),
                delay=timedelta(seconds=delay_seconds),
                patience=_PATIENCE,
                filters=[_filter(key, value) for key, value in question.filters],
                group_by=question.group_by,
                curves=curves,
            )
        except Problem as problem:
            return problem.detail
        except Exception as error:  # a bug in one rule's query must not stop the other rules
            return f"{type(error).__name__}: {error}"
        return [Reading(one.labels, one.value, one.count, one.complete, one.immature) for one in found]

    async def ask(questions: Sequence[Question], now: float) -> Answers:
        found = await asyncio.gather(*(answer(question, now) for question in questions))
        return dict(zip(questions, found, strict=True))

    return ask


def _filter(key: str, value: FilterValue) -> Filter:
    return Filter(key, Operator.EQUAL, (value,)) if isinstance(value, str) else Filter(key, Operator.IN, tuple(value))
