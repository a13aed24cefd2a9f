"""The prediction service as a real process: ready, bounded, and complete in its telemetry when it is stopped."""

import http.client
import json
import os
import subprocess
import sys
from collections import Counter

import httpx
import pytest

from services.ml_api.making import make_model
from tests.integration.ml_api import FLIGHT, STOP_SECONDS, Service
from tests.integration.stack import free_ports
from tests.sightglass.receiver import running_receiver

pytestmark = pytest.mark.integration


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
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def start(receiver):
    """Starts services and stops them after the test."""
    services = []

    def start(data_dir, otlp_url=None, workers=1):
        services.append(Service(data_dir, otlp_url or receiver.url, workers=workers))
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
    assert Counter(span.name for _, span in receiver.spans) == {
        "POST /v1/predict": requests + 1,
        "POST /v1/predict/batch": 1,
        "POST /v1/labels": 1,
        "weather.lookup": requests + 1,
        "model.predict": requests + 1,
    }
    assert Counter(record.event_name for _, record in receiver.records if record.event_name) == {
        "ml.prediction": requests + 500,
        "ml.label": 1,
    }
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
    service = start(data_dir, otlp_url=f"http://127.0.0.1:{free_ports(['nobody'])['nobody']}")
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
