import threading
import time

import sightglass
from sightglass.export.exporters import OtlpExporters
from sightglass.export.lossless import LosslessQueue
from sightglass.telemetry import Telemetry, adopt

from .receiver import plain, running_receiver


class Sink:
    """Takes batches, or refuses them."""

    def __init__(self):
        self.open = threading.Event()
        self.largest = 1_000
        self.taken = []
        self.refused = 0

    def __call__(self, batch):
        """Export one batch."""
        if not self.open.is_set() or len(batch) > self.largest:
            self.refused += 1
            return False
        self.taken += batch
        return True


def test_a_full_queue_makes_its_caller_wait_and_then_delivers_all_in_order():
    """Memory stays bounded and nothing is dropped."""
    sink = Sink()
    queue = LosslessQueue(sink, capacity=10, batch=4, linger_seconds=0.01)
    done = threading.Event()

    def produce():
        for number in range(100):
            queue.put(number)
        done.set()

    threading.Thread(target=produce, daemon=True).start()
    assert not done.wait(0.3)
    assert len(queue._items) == 10
    assert not queue.flush(0.1)
    sink.open.set()
    assert done.wait(10)
    assert queue.flush(10)
    assert sink.taken == list(range(100))
    queue.close()


def test_a_flush_is_false_while_undelivered_and_does_not_wait_for_the_linger():
    """It says the truth in time, and hurries a small batch."""
    sink = Sink()
    queue = LosslessQueue(sink, linger_seconds=60)
    queue.put(1)
    started = time.monotonic()
    assert not queue.flush(0.2)
    assert time.monotonic() - started < 2
    sink.open.set()
    assert queue.flush(10)
    assert sink.taken == [1]
    queue.close()


def test_a_batch_that_is_too_large_is_halved_until_it_fits():
    """A receiver that refuses big requests gets small ones, each item once."""
    sink = Sink()
    sink.largest = 3
    sink.open.set()
    queue = LosslessQueue(sink, batch=16, linger_seconds=0.01)
    for number in range(50):
        queue.put(number)
    assert queue.flush(30)
    assert sink.taken == list(range(50))
    assert sink.refused < 12
    queue.close()


def test_an_exporter_that_raises_is_tried_again():
    """An exception is a failed attempt and not the end of the thread."""
    attempts = []

    def export(batch):
        attempts.append(len(batch))
        if len(attempts) < 3:
            raise RuntimeError("broken")
        return True

    queue = LosslessQueue(export, linger_seconds=0.01)
    queue.put(1)
    assert queue.flush(10)
    assert len(attempts) == 3
    queue.close()


def test_a_closed_queue_takes_nothing_and_lets_its_callers_go():
    """Whoever waits for room is not left waiting."""
    sink = Sink()
    queue = LosslessQueue(sink, capacity=1)
    assert queue.put(1)
    results = []
    waiting = threading.Thread(target=lambda: results.append(queue.put(2)), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    queue.close()
    waiting.join(5)
    assert results == [False]
    assert not queue.put(3)
    assert not queue.flush(0.1)


def test_a_receiver_that_refuses_for_a_while_gets_everything_exactly_once(monkeypatch):
    """Through real OTLP: answers of 503, 400 and nothing at all, then all spans and events, and no loss is reported."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        with adopt(Telemetry("batch", exporters=OtlpExporters(), lossless=True)) as telemetry:
            receiver.status = 503
            for _ in range(1_000):
                with telemetry.tracer.start_as_current_span("row"):
                    sightglass.record_prediction({"a": 1})
            assert not telemetry.flush(2)
            receiver.status = 400
            assert not telemetry.flush(1)
            receiver.status = 200
            # A collection of metrics that failed in between is made up for by the next.
            assert telemetry.flush(60)
            identifiers = [plain(record.attributes)["ml.prediction.id"] for record in receiver.events("ml.prediction")]
            assert len(identifiers) == len(set(identifiers)) == 1_000
            spans = [span.span_id for _, span in receiver.spans]
            assert len(spans) == len(set(spans)) == 1_000
            assert receiver.total("sightglass.export.failed", signal="spans") == 0
            assert receiver.total("sightglass.export.failed", signal="logs") == 0
            assert receiver.total("ml.prediction.count") == 1_000
