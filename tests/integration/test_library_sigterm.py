"""What a service recorded arrives when it is told to stop."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.sightglass.receiver import Receiver, plain, running_receiver

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[2]
REQUESTS = 200


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(endpoint: str, workers: int, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The served application under uvicorn; its process and URL."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "tests.sightglass.served_application:app"),
            *("--port", str(port), "--workers", str(workers), "--log-level", "warning"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environment},
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/openapi.json", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield process, url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def predict(url: str, number: int) -> int:
    """Status of the answer to one prediction."""
    with urllib.request.urlopen(f"{url}/predict/{number}", timeout=30) as answer:
        return int(answer.status)


def stop(process: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the end."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.monotonic() - started


def predictions(receiver: Receiver) -> list[str]:
    """Ids of the prediction events that arrived."""
    return [plain(record.attributes)["ml.prediction.id"] for record in receiver.events("ml.prediction")]


@pytest.mark.parametrize("workers", [1, 2])
def test_everything_answered_before_sigterm_arrives(workers: int) -> None:
    """One span, one event and one count for each answered request, from one worker and from several."""
    with (
        running_receiver() as receiver,
        served(receiver.url, workers, OTEL_METRIC_EXPORT_INTERVAL="500") as (process, url),
    ):

        def serving() -> set[str]:
            return {instance for instance, name, _ in list(receiver.points) if name == "sightglass.process.uptime"}

        assert receiver.wait_for(lambda: len(serving()) == workers)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda number: predict(url, number), range(REQUESTS))) == [200] * REQUESTS
        assert stop(process) < 10

        spans = [(owner, span) for owner, span in receiver.spans if span.name == "GET /predict/{number}"]
        assert len(spans) == REQUESTS
        assert {span.kind for _, span in spans} == {2}
        assert len(predictions(receiver)) == len(set(predictions(receiver))) == REQUESTS
        assert receiver.total("ml.prediction.count") == REQUESTS
        assert receiver.total("sightglass.spans.ended") == len(receiver.spans)
        # Which worker answers is the kernel's choice.
        assert {owner["service.instance.id"] for owner, _ in receiver.spans} <= serving()
        event_traces = {record.trace_id for record in receiver.events("ml.prediction")}
        assert event_traces == {span.trace_id for _, span in spans}


def test_every_worker_tells_of_itself() -> None:
    """Spans, events and counts of each of three workers arrive under an id of its own, and agree by worker."""
    workers = 3
    with (
        running_receiver() as receiver,
        served(receiver.url, workers, OTEL_METRIC_EXPORT_INTERVAL="500") as (process, url),
    ):

        def told() -> dict[str, Counter[str]]:
            spans, events = list(receiver.spans), list(receiver.records)
            counted = Counter[str]()
            for (instance, name, _), point in list(receiver.points.items()):
                if name == "ml.prediction.count":
                    counted[instance] += point.as_int
            return {
                "spans": Counter(str(owner["service.instance.id"]) for owner, span in spans if "predict" in span.name),
                "events": Counter(str(owner["service.instance.id"]) for owner, _ in events),
                "counts": counted,
            }

        asked = 0
        deadline = time.monotonic() + 60
        # Which worker answers is the kernel's choice.
        while len(told()["events"]) < workers:
            assert time.monotonic() < deadline, told()
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(lambda number: predict(url, number), range(40))) == [200] * 40
            asked += 40
        stop(process)
        assert told()["spans"] == told()["events"] == told()["counts"]
        assert sum(told()["events"].values()) == asked
        traces = {record.trace_id: owner["service.instance.id"] for owner, record in receiver.records}
        assert all(
            traces.get(span.trace_id, owner["service.instance.id"]) == owner["service.instance.id"]
            for owner, span in receiver.spans
        )


def test_a_receiver_that_hangs_delays_neither_answers_nor_the_end() -> None:
    """Requests are answered as ever while exports hang, and the process still ends within ten seconds."""
    with running_receiver() as receiver:
        receiver.pause_seconds = 60
        with served(receiver.url, 1) as (process, url):
            slowest = 0.0
            for number in range(50):
                started = time.monotonic()
                assert predict(url, number) == 200
                slowest = max(slowest, time.monotonic() - started)
            assert slowest < 1
            assert stop(process) < 10


def test_a_receiver_that_is_away_loses_nothing_that_its_queue_holds() -> None:
    """Exports that fail for a moment are tried again; after its return everything is there."""
    port = free_port()
    with served(f"http://127.0.0.1:{port}", 1) as (process, url):
        for number in range(20):
            assert predict(url, number) == 200
        time.sleep(1.5)  # long enough for the first export to fail
        with running_receiver(port) as receiver:
            assert receiver.wait_for(lambda: len(receiver.events("ml.prediction")) == 20)
            assert stop(process) < 10
            assert len(set(predictions(receiver))) == 20
