"""What a pool of connections tells of itself, by OpenTelemetry's names for clients of databases."""

from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from services.monitoring_api.database.pool import Places
from services.monitoring_api.database.statement import OK, Statement
from services.monitoring_api.terms import (
    CONNECTION_COUNT,
    CONNECTION_MAX,
    CONNECTION_STATE,
    CONNECTION_TIMEOUTS,
    CONNECTION_WAIT_TIME,
    DB_SYSTEM,
    ERROR_TYPE,
    OPERATION_DURATION,
    PENDING_REQUESTS,
    POOL_NAME,
    meaning_of,
)

_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_CLICKHOUSE: Final = {DB_SYSTEM: "clickhouse"}


class DatabaseInstruments:
    """Gauges of a pool's places, and histograms of its statements.

    Args:
        meter: Makes them.
        places: The pool's.
        pool: What it is called.
    """

    def __init__(self, meter: Meter, places: Places, pool: str) -> None:
        self._pool = {POOL_NAME: pool}
        gauge, counter = meter.create_observable_up_down_counter, meter.create_observable_counter
        states: dict[str, Callable[[], int]] = {
            "used": lambda: places.used,
            "idle": lambda: places.limit - places.used,
        }
        gauge(CONNECTION_COUNT, [self._by_state(states)], "{connection}", meaning_of(CONNECTION_COUNT))
        gauge(CONNECTION_MAX, [self._of(lambda: places.limit)], "{connection}", meaning_of(CONNECTION_MAX))
        gauge(PENDING_REQUESTS, [self._of(lambda: places.waiting)], "{request}", meaning_of(PENDING_REQUESTS))
        counter(CONNECTION_TIMEOUTS, [self._of(lambda: places.timeouts)], "{timeout}", meaning_of(CONNECTION_TIMEOUTS))
        self._waited = meter.create_histogram(
            CONNECTION_WAIT_TIME,
            "s",
            meaning_of(CONNECTION_WAIT_TIME),
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._duration = meter.create_histogram(
            OPERATION_DURATION, "s", meaning_of(OPERATION_DURATION), explicit_bucket_boundaries_advisory=_BUCKETS
        )

    def ended(self, statement: Statement, outcome: str, ended_at: float) -> None:
        """A statement ended (see `SlowStatements.ended`)."""
        if statement.sent_at is not None:
            self._waited.record(statement.sent_at - statement.asked_at, self._pool)
        labels = _CLICKHOUSE if outcome == OK else {**_CLICKHOUSE, ERROR_TYPE: outcome}
        self._duration.record(ended_at - statement.asked_at, labels)

    def _of(self, value: Callable[[], int]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(value(), self._pool)]

    def _by_state(self, values: dict[str, Callable[[], int]]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [
            Observation(value(), {**self._pool, CONNECTION_STATE: state}) for state, value in values.items()
        ]
