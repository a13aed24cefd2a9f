import os
import socket
import threading
import time

import pytest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import sightglass
from sightglass.export.exporters import OtlpExporters
from sightglass.export.sinks import ExporterSink
from sightglass.telemetry import Telemetry, adopt, current
from sightglass.testing import InMemoryExporters, in_memory_telemetry
from tests.sightglass.receiver import plain, running_receiver


class GatedSpanExporter(SpanExporter):
    """Exports when it is let to, with the result it is told."""

    def __init__(self):
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.result = SpanExportResult.SUCCESS
        self.exported = 0

    def export(self, spans):
        """Wait at the gate."""
        self.entered.set()
        self.gate.wait(30)
        self.exported += len(spans)
        return self.result

    def shutdown(self):
        """Open the gate."""
        self.gate.set()

    def force_flush(self, timeout_millis=30000):  # noqa: ARG002  # interface
        """Nothing is held back."""
        return True


class GatedExporters(InMemoryExporters):
    """In memory, but for spans, which wait at a gate."""

    def __init__(self):
        super().__init__()
        self.gated = GatedSpanExporter()

    def spans(self):
        """Spans wait."""
        return ExporterSink(self.gated)


def counts(exporters, metric):
    """Values of a metric by attributes."""
    data = exporters.kept_metrics.latest[metric].data
    return {tuple(sorted(dict(point.attributes).items())): point.value for point in data.data_points}


def test_a_flush_that_delivered_everything_is_true():
    """And the first export already has the zero that later counts are compared with."""
    with in_memory_telemetry() as telemetry:
        assert telemetry.flush()
        points = telemetry.metrics["sightglass.spans.ended"].data.data_points
        assert [(dict(point.attributes), point.value) for point in points] == [({}, 0)]
        assert telemetry.metrics["sightglass.process.uptime"].data.data_points[0].value >= 0


def test_a_flush_is_false_after_a_failed_export_and_true_again_afterwards():
    """What was lost is told once, and counted by signal."""
    exporters = GatedExporters()
    exporters.gated.gate.set()
    exporters.gated.result = SpanExportResult.FAILURE
    with Telemetry("test", exporters=exporters) as telemetry:
        for _ in range(3):
            telemetry.tracer.start_span("x").end()
        assert not telemetry.flush()
        exporters.gated.result = SpanExportResult.SUCCESS
        assert telemetry.flush()
        assert counts(exporters, "sightglass.export.failed") == {(("error.type", "unknown"), ("signal", "spans")): 3}


def test_a_flush_gives_up_in_time_and_the_next_one_knows():
    """An export that hangs holds no caller; once it went through, a flush is true."""
    exporters = GatedExporters()
    with Telemetry("test", exporters=exporters) as telemetry:
        telemetry.tracer.start_span("x").end()
        started = time.monotonic()
        assert not telemetry.flush(0.2)
        assert time.monotonic() - started < 1
        exporters.gated.gate.set()
        assert telemetry.flush()


def test_spans_dropped_by_a_full_queue_are_counted_under_the_sdk_s_names(monkeypatch):
    """The pipeline's health shows these metrics, so their names and attributes are held fast here."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    exporters = GatedExporters()
    with Telemetry("test", exporters=exporters) as telemetry:
        telemetry.tracer.start_span("first").end()
        assert exporters.gated.entered.wait(10)
        for _ in range(25):
            telemetry.tracer.start_span("x").end()
        exporters.gated.gate.set()
        assert not telemetry.flush()
        assert exporters.gated.exported == 11
        by_error = {
            dict(key).get("error.type"): value
            for key, value in counts(exporters, "otel.sdk.processor.span.processed").items()
        }
        assert by_error == {None: 11, "queue_full": 15}
        (key,) = (key for key in counts(exporters, "otel.sdk.processor.span.processed") if "queue_full" in str(key))
        assert dict(key)["otel.component.type"] == "batching_span_processor"
        assert counts(exporters, "sightglass.spans.ended") == {(): 26}
        assert telemetry.flush()


def test_events_dropped_by_a_full_queue_are_counted_likewise(monkeypatch):
    """As for spans; predictions are counted although they were dropped."""
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1")
    gate, entered = threading.Event(), threading.Event()

    class GatedLogExporter(InMemoryLogRecordExporter):
        def export(self, batch):
            entered.set()
            gate.wait(30)
            return super().export(batch)

    class Exporters(InMemoryExporters):
        def logs(self):
            return ExporterSink(log_exporter)

    log_exporter, exporters = GatedLogExporter(), Exporters()
    with adopt(Telemetry("test", exporters=exporters)) as telemetry:
        sightglass.record_prediction({})
        assert entered.wait(10)
        for _ in range(25):
            sightglass.record_prediction({})
        gate.set()
        assert not telemetry.flush()
        by_error = {
            dict(key).get("error.type"): value
            for key, value in counts(exporters, "otel.sdk.processor.log.processed").items()
        }
        assert by_error == {None: 11, "queue_full": 15}
        assert sum(counts(exporters, "ml.prediction.count").values()) == 26


def test_an_export_refused_with_a_status_is_a_loss_with_that_status(monkeypatch):
    """The SDK's own exporter metric has no error.type for an HTTP status; ours has."""
    with running_receiver() as receiver:
        receiver.status = 400
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        with adopt(Telemetry("test", exporters=OtlpExporters())) as telemetry:
            sightglass.record_prediction({})
            assert not telemetry.flush()
            receiver.status = 200
            assert telemetry.flush()
            assert receiver.total("sightglass.export.failed", signal="logs", error__type="400") == 1


def test_a_stalled_name_server_holds_nobody(monkeypatch):
    """Recording goes on at full speed and shutdown ends in time while name resolution hangs."""
    stalled = threading.Event()

    def stall(*_, **__):
        stalled.wait(30)
        raise OSError("no answer")

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318")
    monkeypatch.setattr(socket, "getaddrinfo", stall)
    telemetry = adopt(Telemetry("test", exporters=OtlpExporters()))
    started = time.monotonic()
    for _ in range(200):
        with telemetry.tracer.start_as_current_span("x"):
            sightglass.record_prediction({"a": 1})
    assert time.monotonic() - started < 2
    assert not telemetry.shutdown(1)
    assert time.monotonic() - started < 4
    stalled.set()


def test_shutdown_is_safe_to_call_twice_and_frees_the_place():
    """After it, another telemetry can be started."""
    with in_memory_telemetry() as telemetry:
        assert current() is telemetry
        assert telemetry.shutdown()
        assert telemetry.shutdown()
        assert not telemetry.flush()
        assert current() is None


def test_starting_twice_returns_the_running_one(caplog):
    """One telemetry per process; a different name is worth a warning."""
    with in_memory_telemetry("first") as telemetry:
        assert sightglass.start("first") is telemetry
        assert not caplog.records
        assert sightglass.start("second", model=sightglass.Model("m", "1")) is telemetry
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert telemetry.model == sightglass.Model("m", "1")


@pytest.mark.parametrize(
    ("environment", "version"), [({}, "1.2"), ({"OTEL_RESOURCE_ATTRIBUTES": "service.version=9"}, "9")]
)
def test_the_environment_has_the_last_word_on_the_version(monkeypatch, environment, version):
    """OTEL_RESOURCE_ATTRIBUTES means what OpenTelemetry says."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with Telemetry("test", exporters=InMemoryExporters(), service_version="1.2") as telemetry:
        assert telemetry.tracer_provider.resource.attributes["service.version"] == version


def test_no_signal_is_sent_that_the_environment_switches_off(monkeypatch):
    """OTEL_TRACES_EXPORTER=none and its kin."""
    for signal in ("TRACES", "METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "none")
    with adopt(Telemetry("test", exporters=OtlpExporters())) as telemetry:
        sightglass.record_prediction({"a": 1})
        assert telemetry.flush()


def test_a_forked_child_is_an_instance_of_its_own(monkeypatch):
    """As under gunicorn: an id, counts from zero and a connection of its own; the parent's queue stays the parent's."""
    with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        with adopt(Telemetry("forked", exporters=OtlpExporters())) as telemetry:
            sightglass.record_prediction({"who": "parent"})
            assert telemetry.flush()
            sightglass.record_prediction({"who": "parent"})
            child = os.fork()
            if child == 0:
                delivered = False
                try:
                    for _ in range(3):
                        sightglass.record_prediction({"who": "child"})
                    telemetry.tracer.start_span("child").end()
                    delivered = telemetry.flush()
                finally:
                    os._exit(0 if delivered else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            sightglass.record_prediction({"who": "parent"})
            assert telemetry.flush()
        owners = [
            (owner["service.instance.id"], record.body.string_value)
            for owner, record in receiver.records
            if record.event_name == "ml.prediction"
        ]
        parent, child_id = ({instance for instance, body in owners if who in body} for who in ("parent", "child"))
        assert len(parent) == len(child_id) == 1
        assert parent != child_id
        assert len(owners) == len({plain(record.attributes)["ml.prediction.id"] for _, record in receiver.records}) == 6
        counted = {
            instance: point.as_int
            for (instance, name, _), point in receiver.points.items()
            if name == "ml.prediction.count"
        }
        assert counted == {next(iter(parent)): 3, next(iter(child_id)): 3}


def test_exporters_that_raise_are_losses_too():
    """An exception in an exporter is a failed export and reaches nobody."""

    class Broken(InMemorySpanExporter):
        def export(self, spans):  # noqa: ARG002  # interface
            raise RuntimeError("broken")

    class BrokenLogs(InMemoryLogRecordExporter):
        def export(self, batch):  # noqa: ARG002  # interface
            return LogRecordExportResult.FAILURE

    class Exporters(InMemoryExporters):
        def spans(self):
            return ExporterSink(Broken())

        def logs(self):
            return ExporterSink(BrokenLogs())

    exporters = Exporters()
    with adopt(Telemetry("test", exporters=exporters)) as telemetry:
        with telemetry.tracer.start_as_current_span("x"):
            sightglass.record_prediction({})
        assert not telemetry.flush()
        assert telemetry.flush()
        assert counts(exporters, "sightglass.export.failed") == {
            (("error.type", "RuntimeError"), ("signal", "spans")): 1,
            (("error.type", "unknown"), ("signal", "logs")): 1,
        }
