"""What the worker measures of itself, against what really happened in a scripted run."""

import asyncio
import logging
import time
from contextlib import closing

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NoOpTracer

from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.slots import read_slots
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.worker.instruments import Instruments
from services.monitoring_api.worker.process import Effects, Worker
from services.monitoring_api.worker.settings import WorkerSettings
from services.monitoring_api.worker.store import Store, prepare_folder
from tests.notify.receivers import HttpReceiver

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - {alert: A, metric: error_ratio, condition: "> 0.5"}
      - {alert: B, metric: latency_p95, condition: "> 0.5"}
  - name: rates
    interval: 1s
    rules: [{alert: C, metric: request_rate, condition: "> 0.5"}]
"""
CHANNELS = """
channels:
  - {{name: refused, type: webhook, url: "{refused}", allow_private: true}}
  - {{name: taken, type: webhook, url: "{taken}", allow_private: true}}
routes: [{{channels: [refused, taken], group_by: [alertname], group_wait: 0s, group_interval: 0s}}]
"""
GROUPS = {"errors": {"error_ratio", "latency_p95"}, "rates": {"request_rate"}}
LOOKED = ("evaluations", "failures", "lag", "round.duration")
ANSWER_SECONDS = 0.2
HELD_SECONDS = 1.6


class Script:
    """Answers for ClickHouse, and remembers what it was asked."""

    def __init__(self):
        self.values = {"error_ratio": 0.9, "latency_p95": 0.9, "request_rate": 0.0}
        self.down, self.held = False, False
        self.unanswered = 0
        self.slots = {group: set() for group in GROUPS}

    async def measure(self, questions, slot):
        """The figures of the moment, after a while."""
        (group,) = {group for group, metrics in GROUPS.items() for each in questions if each.metric in metrics}
        down, held = self.down, self.held and group == "errors"
        await asyncio.sleep(HELD_SECONDS if held else ANSWER_SECONDS)
        self.slots[group].add(slot)
        if down and group == "errors":
            self.unanswered += 1
            return {each: "down" if each.metric == "error_ratio" else self._figure(each) for each in questions}
        return {each: self._figure(each) for each in questions}

    def _figure(self, question):
        return [Reading({}, self.values[question.metric], 1000)]


class Measured:
    """The points of the worker's metrics, by name and the value of their one attribute."""

    def __init__(self):
        self._reader = InMemoryMetricReader()
        self.meter = MeterProvider(metric_readers=[self._reader]).get_meter("worker")

    def points(self, name):
        """The present points of a metric."""
        data = self._reader.get_metrics_data()
        found = [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]
        return {"/".join(str(value) for value in point.attributes.values()): point for point in found}

    def values(self, name):
        """The same, as numbers."""
        return {key: point.value for key, point in self.points(name).items()}


async def until(condition, what):
    """Wait for something that the worker does beside us."""
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@pytest.fixture
def place(tmp_path):
    """Settings and a store."""
    (tmp_path / "rules.yaml").write_text(RULES)
    settings = WorkerSettings(
        _env_file=None,
        data_dir=tmp_path,
        rules_file=tmp_path / "rules.yaml",
        notifications_file=tmp_path / "notifications.yaml",
        heartbeat_seconds=0.1,
        retry_initial_seconds=0.1,
        retry_maximum_seconds=0.2,
    )
    prepare_folder(settings.resolved_store_url())
    with closing(Store(settings.resolved_store_url())) as store:
        store.create()
        yield settings, store


def test_metrics_say_what_happened(place, caplog):
    """Looks, how late they are, what waits for each channel, and each kind of failure: every figure is that of the run.

    Two alerts fire while one of two channels refuses; then a metric can't be had, an answer is late, and the store
    records nothing for a while.
    """
    settings, store = place
    script, measured = Script(), Measured()
    caplog.set_level(logging.INFO)

    def unrecorded():
        return sum(record.getMessage() == "A round could not be recorded" for record in caplog.records)

    def waiting():
        return {name: count for name, count in measured.values("sightglass.alert.queue").items() if count}

    async def run(refused, taken):
        stop = asyncio.Event()
        effects = Effects(script.measure, None, Instruments(NoOpTracer(), measured.meter), Surroundings({}))
        working = asyncio.create_task(Worker(settings, store, effects).run(stop, asyncio.Event()))
        await until(lambda: len(taken.requests) == 2, "two messages")
        await until(lambda: waiting() == {"refused": 2}, "two that wait for the channel that refuses")
        assert measured.values("sightglass.alert.leads") == {"": 1}
        refused.status = 200
        await until(lambda: not waiting(), "none that waits")

        assert measured.values("sightglass.alert.failures") == {}
        script.down = True
        await until(lambda: script.unanswered == 2, "two looks without an answer")
        script.down, script.held = False, True
        seen = len(script.slots["errors"])
        await until(lambda: len(script.slots["errors"]) > seen + 1, "a late answer")
        script.held = False

        await store(lambda connection: connection.execute(sa.text("ALTER TABLE alert_slots RENAME TO gone")))
        await until(unrecorded, "a look that can't be recorded")
        await store(lambda connection: connection.execute(sa.text("ALTER TABLE gone RENAME TO alert_slots")))
        recovered = {group: max(slots) for group, slots in script.slots.items()}
        await until(lambda: all(max(script.slots[group]) > slot + 1 for group, slot in recovered.items()), "more looks")
        # Whoever recorded before this read has been told so before we are.
        last = await store(read_slots)
        looked = {name: measured.points(f"sightglass.alert.{name}") for name in LOOKED}
        stop.set()
        await working
        return last, looked

    began = time.time()
    with HttpReceiver(status=503) as refused, HttpReceiver() as taken:
        settings.notifications_file.write_text(CHANNELS.format(refused=refused.url, taken=taken.url))
        last, looked = asyncio.run(run(refused, taken))
        received = {"refused": len(refused.requests), "taken": len(taken.requests)}
    lasted = time.time() - began

    looks = {group: sum(slot <= last[group] for slot in slots) for group, slots in script.slots.items()}
    values = {name: {key: point.value for key, point in looked[name].items()} for name in ("evaluations", "failures")}
    assert values["evaluations"] == {"errors": 2 * looks["errors"], "rates": looks["rates"]}
    assert values["failures"] == {"question": script.unanswered, "round": unrecorded()}
    deliveries = measured.values("sightglass.alert.deliveries")
    assert {name: deliveries[f"{name}/delivered"] for name in received} == received
    assert deliveries["refused/failed"] >= 2
    assert set(deliveries) == {"refused/delivered", "refused/failed", "taken/delivered"}
    lag, duration = looked["lag"], looked["round.duration"]
    for group, least_late in (("errors", HELD_SECONDS), ("rates", ANSWER_SECONDS)):
        assert lag[group].count == duration[group].count <= looks[group]
        assert lag[group].min >= ANSWER_SECONDS
        assert least_late <= lag[group].max <= lasted
        assert ANSWER_SECONDS <= duration[group].min <= duration[group].max <= lasted
