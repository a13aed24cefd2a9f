"""With a disk spool, every answered prediction arrives, whatever is killed: real services, a real Collector."""

import json
import os
import signal
import threading
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from itertools import count

import psutil
import pytest

from tests.collector.pipeline import Pipeline
from tests.integration.stack import free_ports
from tests.integration.test_library_sigterm import served, stop
from tests.sightglass.receiver import plain, running_receiver

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

# An attempt ends soon, so that the spool's own pauses are what is seen.
FAST = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_METRIC_EXPORT_INTERVAL": "300"}


class Load:
    """Asks for predictions until it is told to stop; what was answered counts, errors do not."""

    def __init__(self, url, clients=4):
        self.answered = []
        self._url = url
        self._enough = threading.Event()
        self._numbers = count()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        while not self._enough.is_set():
            try:
                with urllib.request.urlopen(f"{self._url}/predict/{next(self._numbers)}", timeout=10) as answer:
                    self.answered.append(json.load(answer)["prediction_id"])
            except (OSError, HTTPException, ValueError):  # killed, or on its way up
                time.sleep(0.05)

    def wait_for(self, more):
        """Wait until so many more are answered."""
        target = len(self.answered) + more
        wait_until(lambda: len(self.answered) >= target)

    def stop(self):
        """Ids of all that were answered."""
        self._enough.set()
        for thread in self._threads:
            thread.join(30)
        return self.answered


def wait_until(condition, seconds=60):
    """Poll until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def loaded(url):
    """Load until the block ends."""
    load = Load(url)
    try:
        yield load
    finally:
        load.stop()


def kill(process):
    """Kill -9 a service and all its workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def workers(process):
    """The worker processes of a server."""
    return [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]


def arrived(receiver):
    """How often each prediction arrived."""
    return Counter(plain(record.attributes)["ml.prediction.id"] for record in receiver.events("ml.prediction"))


def owners(receiver):
    """The process that recorded each prediction."""
    return {
        plain(record.attributes)["ml.prediction.id"]: owner["service.instance.id"]
        for owner, record in receiver.records
        if record.event_name == "ml.prediction"
    }


def instances(receiver):
    """The processes that sent metrics."""
    return {instance for instance, name, _ in list(receiver.points) if name == "sightglass.process.uptime"}


def assert_all_arrive(receiver, ids):
    """Every answered prediction is there."""
    assert len(set(ids)) == len(ids)
    assert receiver.wait_for(lambda: arrived(receiver).keys() >= set(ids), 60), set(ids) - arrived(receiver).keys()


def test_a_kill_in_an_outage_loses_no_answered_prediction(tmp_path):
    """The next process sends them, once each, as those of the process that recorded them; then the disk is empty."""
    port = free_ports(["receiver"])["receiver"]
    environment = {**FAST, "SIGHTGLASS_SPOOL_DIR": str(tmp_path)}
    endpoint = f"http://127.0.0.1:{port}"
    with served(endpoint, 1, **environment) as (process, url):
        with running_receiver(port) as receiver:
            assert receiver.wait_for(lambda: len(instances(receiver)) == 1)
            (dead,) = instances(receiver)
        with loaded(url) as load:
            load.wait_for(1_500)
            before = load.stop()
        kill(process)
    with served(endpoint, 1, **environment) as (process, url):
        with loaded(url) as load:
            load.wait_for(300)
            after = load.stop()
        with running_receiver(port) as receiver:
            assert_all_arrive(receiver, before + after)
            assert set(arrived(receiver).values()) == {1}
            told = owners(receiver)
            assert {told[each] for each in before} == {dead}
            assert dead not in {told[each] for each in after}
            assert receiver.total("sightglass.export.failed", signal="logs") == 0
            stop(process)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_in_an_outage_is_no_loss_either(tmp_path):
    """SIGTERM ends the service though nothing can be delivered; what it leaves is sent by the next."""
    port = free_ports(["receiver"])["receiver"]
    environment = {**FAST, "SIGHTGLASS_SPOOL_DIR": str(tmp_path)}
    endpoint = f"http://127.0.0.1:{port}"
    with served(endpoint, 1, **environment) as (process, url):
        with loaded(url) as load:
            load.wait_for(700)
            ids = load.stop()
        stop(process)
    assert list(tmp_path.glob("*/*")) != []
    with running_receiver(port) as receiver, served(endpoint, 1, **environment) as (process, _):
        assert_all_arrive(receiver, ids)
        assert set(arrived(receiver).values()) == {1}
        wait_until(lambda: list(tmp_path.iterdir()) == [])
        stop(process)


def test_kills_while_data_flows_lose_nothing(tmp_path):
    """Five times kill -9 under load: all arrive; twice comes at most what was on its way when one was killed."""
    environment = {**FAST, "SIGHTGLASS_SPOOL_DIR": str(tmp_path)}
    ids, kills, batch = [], 5, 512
    with running_receiver() as receiver:
        for _ in range(kills):
            with served(receiver.url, 1, **environment) as (process, url), loaded(url) as load:
                load.wait_for(700)
                kill(process)
                ids += load.stop()
        with served(receiver.url, 1, **environment) as (process, _):
            assert_all_arrive(receiver, ids)
            wait_until(lambda: list(tmp_path.glob("*/*")) == [])
            stop(process)
        repeated = sum(arrived(receiver).values()) - len(arrived(receiver))
        print(f"{len(ids)} predictions, {kills} kills: {repeated} came twice")
        assert repeated <= kills * batch
    assert list(tmp_path.iterdir()) == []


def test_a_collector_that_is_killed_and_comes_back_gets_everything(tmp_path):
    """The real Collector, killed twice under load and away for a while: ClickHouse counts each prediction once."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start()
        environment = {**FAST, "SIGHTGLASS_SPOOL_DIR": str(tmp_path / "spool")}
        with served(pipeline.otlp, 1, **environment) as (process, url):
            with loaded(url) as load:
                for _ in range(2):
                    load.wait_for(500)
                    pipeline.kill("collector")
                    load.wait_for(1_000)
                    pipeline.start_collector()
                load.wait_for(500)
                ids = load.stop()
            pipeline.wait_for("SELECT count() FROM predictions", str(len(ids)), seconds=60)
            stored = pipeline.query("SELECT DISTINCT PredictionId FROM predictions").split()
            assert set(stored) == set(ids)
            stop(process)
        assert list((tmp_path / "spool").iterdir()) == []


def test_of_several_workers_each_has_its_own_and_the_living_send_what_a_dead_one_left(tmp_path):
    """One of two workers is killed in an outage: its predictions arrive, once, though its service never ended."""
    port = free_ports(["receiver"])["receiver"]
    environment = {**FAST, "SIGHTGLASS_SPOOL_DIR": str(tmp_path)}
    with ExitStack() as stack:
        process, url = stack.enter_context(served(f"http://127.0.0.1:{port}", 2, **environment))
        load = stack.enter_context(loaded(url))
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        load.wait_for(500)
        victim = workers(process)[0]
        victim.kill()
        load.wait_for(500)
        ids = load.stop()
        with running_receiver(port) as receiver:
            assert_all_arrive(receiver, ids)
            wait_until(lambda: list(tmp_path.glob("*/*")) == [])
            assert set(arrived(receiver).values()) == {1}
            assert len(set(owners(receiver).values())) >= 2
            stop(process)
            assert receiver.total("sightglass.export.failed", signal="logs") == 0
    assert list(tmp_path.iterdir()) == []
