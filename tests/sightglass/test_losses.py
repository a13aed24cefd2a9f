"""What a receiver does not take is counted with its cause, and costs no request: real OTLP over HTTP and gRPC."""

import threading
from collections import Counter
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import sightglass
from sightglass.export.exporters import OtlpExporters
from sightglass.telemetry import Telemetry, adopt
from tests.sightglass.grpc_receiver import running_grpc_receiver
from tests.sightglass.kept import PATHS, Reply, plain
from tests.sightglass.receiver import running_receiver

ITEMS = 7
WELL = Reply()
# Shorter than the shortest pause before a second attempt, which is 0.8 s: what fails once is given up.
ONCE = "0.75"
RECEIVERS = {"http/protobuf": running_receiver, "grpc": running_grpc_receiver}
PROCESSED = {"spans": "otel.sdk.processor.span.processed", "logs": "otel.sdk.processor.log.processed"}
VARIABLES = {"spans": "TRACES", "logs": "LOGS", "metrics": "METRICS"}


@dataclass(frozen=True)
class Fault:
    """What a receiver does, and what of it shall be told.

    Args:
        protocol: OTLP over what.
        first: The first answers; later ones are `then`.
        then: The answers after those, until the receiver is well again.
        reason: The `error.type` of what is lost; None when nothing is.
        retries: Attempts after the first.
        lost: Items lost.
        timeout: Of the signal's exports.
    """

    protocol: str
    first: tuple[Reply, ...] = ()
    then: Reply = WELL
    reason: str | None = None
    retries: int = 0
    lost: int = ITEMS
    timeout: str = "20"


HTTP, GRPC = RECEIVERS
AGAIN_429, AGAIN_503 = Reply(429, retry_after=0), Reply(503, retry_after=0)
EXHAUSTED, UNAVAILABLE = Reply("RESOURCE_EXHAUSTED", retry_after=0), Reply("UNAVAILABLE", retry_after=0)
FAULTS = {
    "429, tried again as it asks": Fault(HTTP, first=(AGAIN_429, AGAIN_429), retries=2),
    "429, for too long": Fault(HTTP, then=Reply(429, retry_after=60), reason="429"),
    "429, six times": Fault(HTTP, then=AGAIN_429, reason="429", retries=5),
    "503, once": Fault(HTTP, first=(Reply(503),), retries=1),
    "503, beyond the timeout": Fault(HTTP, then=Reply(503), reason="503", timeout=ONCE),
    "503 and then 400": Fault(HTTP, first=(AGAIN_503,), then=Reply(400), reason="400", retries=1),
    "400": Fault(HTTP, then=Reply(400), reason="400"),
    "taken in part": Fault(HTTP, then=Reply(rejected=3), reason="partial_success", lost=3),
    "503, then taken in part": Fault(
        HTTP, first=(AGAIN_503,), then=Reply(rejected=2), reason="partial_success", retries=1, lost=2
    ),
    "hangs": Fault(HTTP, then=Reply(instead="hang"), reason="ReadTimeout", timeout=ONCE),
    "closes the connection, once": Fault(HTTP, first=(Reply(instead="close"),), retries=1),
    # The exporter tries a lost connection at once again, for it may only have been an old one.
    "closes the connection": Fault(
        HTTP, then=Reply(instead="close"), reason="ConnectionError", retries=1, timeout=ONCE
    ),
    "UNAVAILABLE, once": Fault(GRPC, first=(UNAVAILABLE,), retries=1),
    "UNAVAILABLE, six times": Fault(GRPC, then=UNAVAILABLE, reason="UNAVAILABLE", retries=5),
    "UNAVAILABLE, beyond the timeout": Fault(GRPC, then=Reply("UNAVAILABLE"), reason="UNAVAILABLE", timeout=ONCE),
    "RESOURCE_EXHAUSTED, tried again as it asks": Fault(GRPC, first=(EXHAUSTED, EXHAUSTED), retries=2),
    "RESOURCE_EXHAUSTED, for too long": Fault(
        GRPC, then=Reply("RESOURCE_EXHAUSTED", retry_after=60), reason="RESOURCE_EXHAUSTED"
    ),
    "INVALID_ARGUMENT": Fault(GRPC, then=Reply("INVALID_ARGUMENT"), reason="INVALID_ARGUMENT"),
    "gRPC, taken in part": Fault(GRPC, then=Reply(rejected=3), reason="partial_success", lost=3),
    "gRPC, hangs": Fault(GRPC, then=Reply(instead="hang"), reason="DEADLINE_EXCEEDED", timeout=ONCE),
}


@pytest.fixture
def quiet_clock(monkeypatch):
    """Nothing is exported but by a flush, so that every request can be counted."""
    for name in ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"):
        monkeypatch.setenv(name, "600000")


def connect(monkeypatch, protocol, receiver, **timeouts):
    """Point the exporters at a receiver."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    for signal, timeout in timeouts.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{VARIABLES[signal]}_TIMEOUT", timeout)


def serving(telemetry):
    """A client of an instrumented service whose every answer is one span and one prediction."""
    app = FastAPI()

    @app.get("/predict")
    def predict():
        return sightglass.record_prediction({"a": 1}, score=0.5)

    adopt(telemetry)
    sightglass.instrument(app)
    return TestClient(app)


def serve(client, times=ITEMS):
    """Answers to requests; telemetry raises nothing and changes nothing."""
    assert [client.get("/predict").status_code for _ in range(times)] == [200] * times


def delivered(receiver):
    """Spans and predictions that the receiver took; none of them twice."""
    spans = [span.span_id for _, span in receiver.spans]
    ids = [plain(record.attributes)["ml.prediction.id"] for record in receiver.events("ml.prediction")]
    assert len(set(spans)) == len(spans)
    assert len(set(ids)) == len(ids)
    return {"spans": len(spans), "logs": len(ids)}


def failures(receiver):
    """Counts of given up items by signal and cause."""
    return {
        (dict(key)["signal"], dict(key)["error.type"]): count
        for key, count in receiver.counts("sightglass.export.failed").items()
    }


def retries(receiver):
    """Counts of retries by signal."""
    return {dict(key)["signal"]: count for key, count in receiver.counts("sightglass.export.retries").items()}


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize("stock", [False, True], ids=["", "stock"])
@pytest.mark.parametrize("signal", PATHS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_a_receiver_does_is_told_exactly(monkeypatch, fault, signal, stock):
    """Requests are answered; lost, retried and delivered add up; a flush is false once when something was lost."""
    with RECEIVERS[fault.protocol]() as receiver:
        connect(monkeypatch, fault.protocol, receiver, **{signal: fault.timeout})
        with Telemetry("test", exporters=OtlpExporters(stock=stock), stock=stock) as telemetry:
            receiver.script[PATHS[signal]].extend(fault.first)
            receiver.standing[PATHS[signal]] = fault.then
            serve(serving(telemetry))
            assert telemetry.flush(60) == (fault.reason is None)
            assert receiver.requests[PATHS[signal]] == fault.retries + 1

            receiver.standing.clear()
            receiver.let_go.set()
            assert telemetry.flush(60)
            assert telemetry.flush(60)
            # Metrics are given up a collection at a time; the next one says it all again.
            lost = {} if fault.reason is None else {(signal, fault.reason): 1 if signal == "metrics" else fault.lost}
            assert failures(receiver) == lost
            assert retries(receiver) == ({signal: fault.retries} if fault.retries else {})
            assert delivered(receiver) == {
                each: ITEMS - sum(lost.values()) * (each == signal) for each in ("spans", "logs")
            }
            assert receiver.total("ml.prediction.count") == receiver.total("sightglass.spans.ended") == ITEMS
            assert [sum(receiver.counts(metric).values()) for metric in PROCESSED.values()] == [ITEMS, ITEMS]


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize("protocol", RECEIVERS)
@pytest.mark.parametrize("signal", PATHS)
def test_requests_are_answered_while_an_export_hangs(monkeypatch, protocol, signal):
    """An export stands still all the while: no request waits for it, and a flush gives up in time."""
    with RECEIVERS[protocol]() as receiver:
        connect(monkeypatch, protocol, receiver, **{signal: "30"})
        with Telemetry("test", exporters=OtlpExporters()) as telemetry:
            client = serving(telemetry)
            serve(client)
            receiver.script[PATHS[signal]].append(Reply(instead="hang"))
            flushing = threading.Thread(target=telemetry.flush, args=(60,))
            flushing.start()
            assert receiver.wait_for(lambda: receiver.requests[PATHS[signal]] == 1)
            serve(client, 100)
            assert not telemetry.flush(0.1)
            assert flushing.is_alive()
            receiver.let_go.set()
            flushing.join(60)
            assert telemetry.flush(60)
            assert delivered(receiver) == {"spans": ITEMS + 100, "logs": ITEMS + 100}
            assert failures(receiver) == {}


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize(("signal", "prefix"), [("spans", "OTEL_BSP"), ("logs", "OTEL_BLRP")])
def test_delivered_given_up_and_dropped_are_all_there_was(monkeypatch, signal, prefix):
    """Behind an export that hangs a small queue overflows; nothing is missing from the account."""
    monkeypatch.setenv(f"{prefix}_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv(f"{prefix}_MAX_EXPORT_BATCH_SIZE", "10")
    with running_receiver() as receiver:
        connect(monkeypatch, HTTP, receiver, **{signal: "5"})
        receiver.script[PATHS[signal]].append(Reply(400, instead="hang"))
        with Telemetry("test", exporters=OtlpExporters()) as telemetry:
            client = serving(telemetry)
            serve(client, 10)
            assert receiver.wait_for(lambda: receiver.requests[PATHS[signal]] == 1)
            receiver.standing[PATHS[signal]] = Reply(400)
            serve(client, 90)
            receiver.let_go.set()
            assert not telemetry.flush(60)
            receiver.standing.clear()
            serve(client, 5)
            assert telemetry.flush(60)
            by_error = {dict(key).get("error.type"): count for key, count in receiver.counts(PROCESSED[signal]).items()}
            assert by_error == {None: 35, "queue_full": 70}
            assert failures(receiver) == {(signal, "400"): 30}
            other = {"spans": "logs", "logs": "spans"}[signal]
            assert delivered(receiver) == {signal: 5, other: 105}


LOSSLESS = {
    HTTP: (Reply(503), AGAIN_429, Reply(instead="close"), Reply(400), Reply(instead="hang")),
    GRPC: (Reply("UNAVAILABLE"), EXHAUSTED, Reply("INVALID_ARGUMENT"), Reply(instead="hang")),
}


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize("protocol", RECEIVERS)
def test_without_loss_everything_arrives_once_and_each_failure_is_a_retry(monkeypatch, protocol):
    """Whatever a receiver does meanwhile, also what other exports give up for."""
    with RECEIVERS[protocol]() as receiver:
        connect(monkeypatch, protocol, receiver, spans=ONCE, logs=ONCE)
        for signal in ("spans", "logs"):
            receiver.script[PATHS[signal]].extend(LOSSLESS[protocol])
        with Telemetry("test", exporters=OtlpExporters(), lossless=True) as telemetry:
            serve(serving(telemetry))
            assert telemetry.flush(120)
            assert delivered(receiver) == {"spans": ITEMS, "logs": ITEMS}
            assert failures(receiver) == {}
            refused = Counter()
            for (path, status), count in receiver.replies.items():
                refused[path] += count * (status != 200)
            told = retries(receiver)
            assert told == {signal: refused[PATHS[signal]] for signal in ("spans", "logs")}
            assert told == dict.fromkeys(("spans", "logs"), len(LOSSLESS[protocol]))
            assert [sum(receiver.counts(metric).values()) for metric in PROCESSED.values()] == [ITEMS, ITEMS]


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize("protocol", RECEIVERS)
def test_without_loss_what_is_rejected_for_good_is_not_sent_again(monkeypatch, protocol):
    """A partial success is final, so it is a loss even there."""
    with RECEIVERS[protocol]() as receiver:
        connect(monkeypatch, protocol, receiver)
        receiver.script[PATHS["logs"]].append(Reply(rejected=2))
        with Telemetry("test", exporters=OtlpExporters(), lossless=True) as telemetry:
            serve(serving(telemetry))
            telemetry.flush(60)
            assert telemetry.flush(60)
            assert delivered(receiver) == {"spans": ITEMS, "logs": ITEMS - 2}
            assert (failures(receiver), retries(receiver)) == ({("logs", "partial_success"): 2}, {})
