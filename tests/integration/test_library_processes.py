"""The library in processes of its own: exit, gRPC, bad settings."""

import os
import subprocess
import sys
import time
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.sightglass.receiver import running_receiver

pytestmark = pytest.mark.integration

SCRIPT = """
import sightglass
telemetry = sightglass.start("batch", model=sightglass.Model("m", "1"))
for number in range(100):
    with telemetry.tracer.start_as_current_span("row"):
        sightglass.record_prediction({"number": number})
"""


def run(script, **environment):
    """Run a script to its end; the finished process and how long it took."""
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished, time.monotonic() - started


def test_a_script_that_just_ends_has_delivered_everything():
    """Without flush() or shutdown(): spans, events and the last counts."""
    with running_receiver() as receiver:
        finished, _ = run(SCRIPT, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert len(receiver.spans) == len(receiver.events("ml.prediction")) == 100
        assert receiver.total("ml.prediction.count") == 100


WORKERS = """
import multiprocessing
import sightglass

def work(number):
    sightglass.start("batch", model=sightglass.Model("m", "1"))
    sightglass.record_prediction({"number": number})

if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    if "METHOD" == "fork":
        sightglass.start("batch", model=sightglass.Model("m", "1"))
    workers = [context.Process(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_that_just_end_have_delivered_everything(method, tmp_path):
    """They end without what is registered with `atexit`, however they were started."""
    script = tmp_path / "workers.py"
    script.write_text(WORKERS.replace("METHOD", method))
    with running_receiver() as receiver:
        finished = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (finished.returncode, finished.stderr) == (0, "")
        assert len(receiver.events("ml.prediction")) == 3
        assert receiver.total("ml.prediction.count") == 3


def test_a_script_ends_soon_although_nobody_listens():
    """An unreachable Collector costs at most a few seconds at the end."""
    finished, seconds = run(SCRIPT, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert finished.returncode == 0
    assert seconds < 12


@pytest.mark.parametrize(
    "setting",
    [
        {"OTEL_BSP_MAX_QUEUE_SIZE": "-5"},
        {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1000000"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "often"},
        {"OTEL_TRACES_SAMPLER": "nonsense"},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "long"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_setting_that_opentelemetry_refuses_does_not_stop_the_service(setting):
    """The service starts, with less telemetry and a line that says so."""
    with running_receiver() as receiver:
        finished, _ = run(SCRIPT, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **setting)
        assert finished.returncode == 0, finished.stderr


class Service(
    trace_service_pb2_grpc.TraceServiceServicer,
    logs_service_pb2_grpc.LogsServiceServicer,
    metrics_service_pb2_grpc.MetricsServiceServicer,
):
    """Counts what arrives over gRPC."""

    def __init__(self):
        self.spans = 0
        self.records = 0
        self.metrics = set()

    def Export(self, request, context):  # noqa: ARG002, N802  # OTLP's name
        """Take one request of any signal."""
        if isinstance(request, trace_service_pb2.ExportTraceServiceRequest):
            self.spans += sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
            return trace_service_pb2.ExportTraceServiceResponse()
        if isinstance(request, logs_service_pb2.ExportLogsServiceRequest):
            self.records += sum(
                len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs
            )
            return logs_service_pb2.ExportLogsServiceResponse()
        self.metrics |= {
            metric.name
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        return metrics_service_pb2.ExportMetricsServiceResponse()


def test_all_signals_travel_over_grpc_when_asked():
    """OTEL_EXPORTER_OTLP_PROTOCOL=grpc."""
    service, server = Service(), grpc.server(futures.ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(service, server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(service, server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        finished, _ = run(
            SCRIPT, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"
        )
        assert finished.returncode == 0, finished.stderr
        assert (service.spans, service.records) == (100, 100)
        assert "ml.prediction.count" in service.metrics
    finally:
        server.stop(None).wait(5)
