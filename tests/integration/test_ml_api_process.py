"""The prediction service as a real process: ready, bounded, and complete in its telemetry when it is stopped."""

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.ml_api.making import make_model

pytestmark = pytest.mark.integration

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "ORD", "distance": 719, "sched_dep": "2013-12-08T07:15"}
READY_SECONDS = 60
STOP_SECONDS = 10


class Receiver:
    """An OTLP/HTTP endpoint that counts the spans by name and the events by name, each once by identity."""

    def __init__(self):
        self.spans = {}
        self.events = Counter()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.take(self.path, body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path, body):
        """Count one delivery."""
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans |= {(span.trace_id, span.span_id): span.name for span in scope.spans}
        elif path == "/v1/logs":
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                for scope in resource.scope_logs:
                    self.events.update(record.event_name for record in scope.log_records if record.event_name)

    def close(self):
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`python -m services.ml_api` on a free port."""

    def __init__(self, data_dir, otlp_url, workers=1):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {
            "SIGHTGLASS_DATA_DIR": str(data_dir),
            "SIGHTGLASS_ML_API_PORT": str(self.port),
            "SIGHTGLASS_ML_API_WORKERS": str(workers),
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_url,
        }
        self.log = (data_dir / f"ml-api-{self.port}.log").open("w+")
        self.process = subprocess.Popen([sys.executable, "-m", "services.ml_api"], env=environment, stderr=self.log)

    def wait(self, path="/readyz", status=200):
        """Until `path` answers `status`."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.lines()
            try:
                if httpx.get(self.url + path).status_code == status:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        pytest.fail(f"{path} was not {status} in time: {self.lines()[-5:]}")

    def lines(self):
        """What it logged so far."""
        self.log.flush()
        with Path(self.log.name).open() as log:
            return log.read().splitlines()

    def stop(self):
        """SIGTERM; returns the exit code and the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        return code, time.monotonic() - started

    def close(self):
        """Whatever happened, leave nothing running."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    """A folder for the parsed data set."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def data_dir(tmp_path, cache_folder):
    """A data folder with a small model."""
    make_model(tmp_path / "models", cache_folder=cache_folder, every=100)
    return tmp_path


@pytest.fixture
def receiver():
    """Where telemetry goes."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def start(receiver):
    """Starts services and stops them after the test."""
    services = []

    def start(data_dir, otlp_url=None, workers=1):
        services.append(Service(data_dir, otlp_url or receiver.url, workers))
        return services[-1]

    yield start
    for service in services:
        service.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_everything_answered_is_delivered_before_it_stops(start, receiver, data_dir, workers):
    """After SIGTERM the process exits with 0, and every request has its server span and every prediction its event."""
    service = start(data_dir, workers=workers)
    service.wait()
    requests = 200
    with httpx.Client(base_url=service.url) as client:
        for number in range(requests):
            if number % 20 == 0:
                # New connections, so that every worker gets some.
                assert httpx.post(service.url + "/v1/predict", json={"features": FLIGHT}).status_code == 200
            else:
                assert client.post("/v1/predict", json={"features": FLIGHT}).status_code == 200
        assert client.post("/v1/predict/batch", json={"items": [{"features": FLIGHT}] * 500}).status_code == 200
        label = {"prediction_id": "abc", "label": "late", "observed_at": 1386517320}
        assert client.post("/v1/labels", json={"labels": [label]}).status_code == 200
        assert client.post("/v1/predict", json={}).status_code == 422
    code, seconds = service.stop()
    assert code == 0
    assert seconds < STOP_SECONDS
    assert Counter(receiver.spans.values()) == {
        "POST /v1/predict": requests + 1,
        "POST /v1/predict/batch": 1,
        "POST /v1/labels": 1,
        "weather.lookup": requests + 1,
        "model.predict": requests + 1,
    }
    assert receiver.events == {"ml.prediction": requests + 500, "ml.label": 1}
    for line in service.lines():
        json.loads(line)


def test_it_starts_without_a_model_and_serves_the_one_made_later(start, tmp_path, cache_folder):
    """Not ready names the command; once it ran the same process becomes ready."""
    service = start(tmp_path)
    service.wait("/readyz", 503)
    assert "sightglass models train" in httpx.get(service.url + "/readyz").json()["detail"]
    make_model(tmp_path / "models", cache_folder=cache_folder, every=200)
    service.wait()


def test_long_bodies_get_an_answer(start, data_dir):
    """10 MB, announced or chunked without an end, is answered by a 413 problem and the next request works."""
    service = start(data_dir)
    service.wait()
    headers = {"content-type": "application/json"}
    response = httpx.post(service.url + "/v1/predict", content=b" " * 10_000_000, headers=headers)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"

    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.putrequest("POST", "/v1/predict")
    connection.putheader("content-type", "application/json")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()
    chunk = b" " * 65_536
    for _ in range(17):
        connection.send(b"10000\r\n" + chunk + b"\r\n")
    # No last chunk: the answer comes although the body has no end.
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["errors"][0]["field"] == "body"
    connection.close()

    assert httpx.post(service.url + "/v1/predict", json={"features": FLIGHT}).status_code == 200


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/healthz", "evil.example"),
        ("/%00", "localhost"),
        ("/%ff", "localhost"),
        ("/v1/models?x=" + "a" * 5000, "localhost"),
    ],
)
def test_odd_requests_are_4xx(start, data_dir, target, host):
    """Foreign hosts, unreadable paths and long parameters get a problem, also through the real server."""
    service = start(data_dir)
    service.wait()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.putrequest("GET", target, skip_host=True)
    connection.putheader("host", host)
    connection.endheaders()
    answer = connection.getresponse()
    assert 400 <= answer.status < 500
    assert answer.getheader("content-type") == "application/problem+json"
    connection.close()


def test_without_a_collector_requests_are_answered_and_it_still_stops(start, data_dir):
    """Nobody takes the telemetry: predictions are as before, and SIGTERM ends the process within 10 seconds."""
    service = start(data_dir, otlp_url=f"http://127.0.0.1:{free_port()}")
    service.wait()
    with httpx.Client(base_url=service.url) as client:
        for _ in range(50):
            assert client.post("/v1/predict", json={"features": FLIGHT}).status_code == 200
    code, seconds = service.stop()
    assert code == 0
    assert seconds < STOP_SECONDS


def test_an_unacceptable_setting_is_said_plainly(tmp_path):
    """A bad setting ends the process with a sentence, not with a traceback; so does a public address."""
    for name, value in (("PORT", "99999"), ("HOST", "0.0.0.0")):
        environment = os.environ | {"SIGHTGLASS_DATA_DIR": str(tmp_path), f"SIGHTGLASS_ML_API_{name}": value}
        ended = subprocess.run(
            [sys.executable, "-m", "services.ml_api"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        assert value in ended.stderr
        assert "Traceback" not in ended.stderr
