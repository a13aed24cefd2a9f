"""A name server that does not answer: requests are, the process ends in time, and what was lost is counted."""

import pytest

from tests.integration.test_library_sigterm import predict, served, stop
from tests.sightglass.receiver import running_receiver

pytestmark = pytest.mark.integration

REQUESTS = 100
QUEUE = 20
# Looking up the Collector's name takes as long as the file exists.
STALLING = """
import os, socket, time
look_up = socket.getaddrinfo
def getaddrinfo(host, *more, **options):
    if host == "collector.example":
        open(os.environ["STALLED"] + ".asked", "w").close()
        while os.path.exists(os.environ["STALLED"]):
            time.sleep(0.02)
        host = "127.0.0.1"
    return look_up(host, *more, **options)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def stalled(tmp_path):
    """The file that stalls look-ups, and the variables of a process that it stalls."""
    (tmp_path / "sitecustomize.py").write_text(STALLING)
    file = tmp_path / "stalled"
    file.touch()
    queues = {
        f"OTEL_{processor}_{setting}": str(value)
        for processor in ("BSP", "BLRP")
        for setting, value in (("MAX_QUEUE_SIZE", QUEUE), ("MAX_EXPORT_BATCH_SIZE", QUEUE // 2))
    }
    yield file, {"PYTHONPATH": str(tmp_path), "STALLED": str(file), "OTEL_METRIC_EXPORT_INTERVAL": "500", **queues}
    file.unlink(missing_ok=True)


def ask_all(url):
    """Every request is answered, while the look-up stalls."""
    assert [predict(url, number) for number in range(REQUESTS)] == [200] * REQUESTS


def test_requests_are_answered_while_a_look_up_stalls_and_the_losses_are_counted_after_it(stalled):
    """The queue keeps the newest; delivered and dropped are, after the stall, all that was recorded."""
    file, variables = stalled
    with running_receiver() as receiver:
        endpoint = receiver.url.replace("127.0.0.1", "collector.example")
        with served(endpoint, 1, **variables) as (process, url):
            ask_all(url)
            assert file.with_suffix(".asked").exists()
            assert not receiver.requests
            file.unlink()

            def lost(signal):
                metric = f"otel.sdk.processor.{signal}.processed"
                return receiver.total(metric, error__type="queue_full")

            def recorded():
                return (len(receiver.spans) + lost("span"), len(receiver.events("ml.prediction")) + lost("log"))

            def complete():
                return recorded()[1] == REQUESTS == receiver.total("ml.prediction.count")

            assert receiver.wait_for(complete), recorded()
            assert receiver.wait_for(lambda: recorded()[0] == receiver.total("sightglass.spans.ended")), recorded()
            assert lost("log") >= REQUESTS - QUEUE - QUEUE // 2
            assert lost("span") >= REQUESTS - QUEUE - QUEUE // 2
            stop(process)


def test_a_process_ends_in_time_although_a_look_up_stalls(stalled):
    """SIGTERM costs the bounded flush and no more: the look-up itself would never end."""
    _, variables = stalled
    with served("http://collector.example:4318", 1, **variables) as (process, url):
        ask_all(url)
        stop(process)
