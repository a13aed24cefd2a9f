"""An hour without ClickHouse, on a simulated clock: real rows, questions, rules, slots and own alerts."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import yaml

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.rules import RuleGroup
from services.monitoring_api.alerting.slots import read_slot
from services.monitoring_api.alerting.store import alert_events, read_alerts
from services.monitoring_api.database import DatabaseUnavailable
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.queries.watermark import SharedWatermark
from services.monitoring_api.worker.own_alerts import OWN_KEYS, look_at_oneself
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.rounds import Round
from services.monitoring_api.worker.schedule import Schedule
from services.monitoring_api.worker.store import Store
from services.monitoring_api.worker.watching import Watch
from sightglass.attributes import HEARTBEAT_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.store import T0, ChdbStore, point, span, text

MINUTE = 60.0
INTERVAL = 60.0
START = T0.timestamp()
DOWN, UP = START + 10 * MINUTE, START + 70 * MINUTE
# Spans queue behind those of the outage, which begin to come two minutes after it and take two more.
DRAINING, DRAINED = UP + 2 * MINUTE, UP + 4 * MINUTE
TRAVEL = 2.0
PACE = (DRAINED - DOWN) / (DRAINED - DRAINING)
END = UP + 15 * MINUTE
RULES = RuleGroup.model_validate(
    yaml.safe_load("""
name: g
rules:
  - {alert: Failing, metric: error_ratio, condition: "> 0.5", filter: {route: /bad}, window: 5m, no_data: ok}
  - {alert: Busy, metric: request_rate, condition: "> 0.1", window: 5m}
  - {alert: Few, metric: request_rate, condition: "< 0.1", window: 5m}
  - {alert: FewInAnHour, metric: request_rate, condition: "< 0.02", window: 1h}
  - {alert: Gone, metric: request_rate, absent: true, window: 5m}
  - {alert: EachGone, metric: request_rate, absent: true, window: 2m, group_by: [route]}
""")
)


class Arriving:
    """A clock that only sleeping moves, and a ClickHouse that gets what arrives meanwhile, and is down for an hour."""

    def __init__(self, store) -> None:
        self.store = store
        self.now = START
        self.made = {"spans": START - 10 * MINUTE, "metrics": START - 10 * MINUTE}

    def __call__(self):
        """The time."""
        return self.now

    async def sleep(self, seconds):
        """Time passes at once."""
        await asyncio.sleep(0)
        self.now += seconds
        if self.now > END:
            raise asyncio.CancelledError

    async def fetch(self, query, **more):
        """Ask (see `Database.fetch`)."""
        if DOWN <= self.now < UP:
            raise DatabaseUnavailable("ClickHouse can't be reached")
        self._arrive()
        return await self.store.fetch(query, **more)

    def _arrive(self):
        metrics = [
            point(_moment(at), HEARTBEAT_METRIC, 1, service=service, instance=service)
            for at in self._made("metrics", self.now - 1, every=10)
            for service in ("ml-api", "worker")
        ]
        if metrics:
            self.store.insert("otel_metrics_gauge", metrics)
            moments = {row["TimeUnix"] for row in metrics}
            counts = [
                point(_moment(at), SPAN_COUNT_METRIC, 2 * (at // 10), instance="ml-api")
                | {"AggregationTemporality": 2, "IsMonotonic": True}
                for at in sorted(moments)
            ]
            self.store.insert("otel_metrics_sum", counts)
        rows = [
            span(
                _moment(at), route=route, status=500 if route == "/bad" else 200, ArrivedAt=text(_moment(_arrival(at)))
            )
            for at in self._made("spans", self._spans_until(), every=5)
            for route in ("/bad" if at % 10 else "/good",)
        ]
        if rows:
            self.store.insert("otel_traces", rows)

    def _spans_until(self):
        """Up to when spans have come: those of the outage in their order, and the others behind them."""
        if self.now < DOWN or self.now >= DRAINED:
            return self.now - TRAVEL
        return DOWN - TRAVEL + max(0.0, (self.now - DRAINING) * PACE)

    def _made(self, kind, until, *, every):
        """The moments at which something was made that comes now."""
        first = int(self.made[kind] // every + 1) * every
        self.made[kind] = max(self.made[kind], until)
        return range(first, int(until) + 1, every)


def _arrival(made):
    """When a span comes."""
    if DOWN - TRAVEL < made < DRAINED - TRAVEL:
        return DRAINING + (made - DOWN + TRAVEL) / PACE
    return made + TRAVEL


def _moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def engine():
    """A ClickHouse of our own."""
    engine = ChdbStore()
    yield engine
    engine.release()


def test_an_hour_without_clickhouse_is_one_alert_also_when_spans_come_late(tmp_path, engine):
    """`DatasourceDown` fires once and resolves once; no rule's alert fires or resolves, then or after."""
    clock = Arriving(engine)
    store = Store(f"sqlite:///{tmp_path / 'alerts.sqlite'}")
    store.create()
    recorder = Recorder(NotificationFile(), "")
    watch = Watch(40.0, lambda _count: None, clock=clock)
    measure = ClickHouseMeasure(
        clock, delay_seconds=5, clock=clock, sleep=clock.sleep, arrived=SharedWatermark(0.5, clock=clock)
    )
    rounds = Round(store, watch.over(measure), 40.0, clock=clock, measure_slots=watch.over_slots(measure.over))
    watch.begin(RULES.name, INTERVAL, START)
    seen = {}

    async def look(slots, *, patient):
        await rounds.run(RULES, INTERVAL, recorder, slots, patient=patient)
        watch.recorded(RULES.name, slots[-1])
        alerts = await store(read_alerts)
        seen[slots[-1]] = {alert.rule: str(alert.state.health) for alert in alerts}

        def of_oneself(connection):
            mine = {alert.fingerprint: alert for alert in read_alerts(connection, rule_keys=OWN_KEYS)}
            changes = look_at_oneself(
                watch.sight(), mine, clock.now, interval_seconds=INTERVAL, down_after_seconds=MINUTE
            )
            recorder.record(connection, changes, clock.now)

        await store(of_oneself)

    async def work():
        schedule = Schedule(RULES.name, INTERVAL, look, clock=clock, sleep=clock.sleep, replay_seconds=86_400.0)
        await schedule.run(await store(lambda connection: read_slot(connection, RULES.name)))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())

    def events(connection):
        rows = connection.execute(sa.select(alert_events).order_by(alert_events.c.id)).mappings()
        return [dict(row) for row in rows]

    found, alerts = asyncio.run(store(events)), asyncio.run(store(read_alerts))
    store.close()
    names = {alert.fingerprint: alert.rule for alert in alerts}
    told = [
        (names.get(event["fingerprint"]), event["kind"], event["at"])
        for event in found
        if event["kind"] in {"fired", "resolved"}
    ]
    assert [(name, kind) for name, kind, at in told if at < DOWN] == [("Failing", "fired"), ("Busy", "fired")]
    assert [(name, kind) for name, kind, at in told if at >= DOWN] == [
        ("DatasourceDown", "fired"),
        ("DatasourceDown", "resolved"),
    ]
    kinds = {slot: set(health.values()) for slot, health in seen.items()}
    assert all("error" in kinds[slot] for slot in kinds if DOWN + 60 <= slot < UP)
    assert all("incomplete" in kinds[slot] for slot in kinds if UP + 30 <= slot < DRAINED - 60)
    assert {health for slot in kinds if slot > DRAINED + 5 * MINUTE for health in kinds[slot]} == {"ok"}
