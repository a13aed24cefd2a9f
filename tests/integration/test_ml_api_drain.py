"""SIGTERM under load: readiness goes, answers stay, and everything that was answered is told."""

import contextlib
import http.client
import json
import shutil
import threading
from collections import Counter

import httpx
import pytest

from services.ml_api.model_store import ModelStore
from tests.integration.ml_api import BODY, STOP_SECONDS, running, two_versions
from tests.sightglass.receiver import plain, running_receiver

pytestmark = pytest.mark.integration

PLANTED = "tests.integration.planted_ml_api"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A models folder with two versions, and their names: the active one first."""
    return two_versions(tmp_path_factory.mktemp("made"))


@pytest.fixture
def data_dir(made, tmp_path):
    """A data folder with both versions."""
    shutil.copytree(made[0], tmp_path / "models")
    return tmp_path


@pytest.fixture
def receiver():
    """Where telemetry goes."""
    with running_receiver() as receiver:
        yield receiver


class Clients:
    """Clients that ask without a pause until nobody listens any more, and remember every answer."""

    def __init__(self, service, count=4):
        self.answers = []
        self._service = service
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def join(self):
        """Wait until all have given up."""
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            assert not thread.is_alive()

    def _ask(self):
        # One after the other on one connection, and a new one when the server ends it, as it does when it stops.
        failures = 0
        while failures < 2:
            with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=self._service.url) as client:
                while True:
                    self.answers.append(client.post("/v1/predict", json=BODY))
                    failures = 0
            failures += 1


def ids(receiver, variant="champion"):
    """The ids of the predictions that arrived."""
    events = [plain(record.attributes) for record in receiver.events("ml.prediction")]
    return Counter(event["ml.prediction.id"] for event in events if event["ml.variant"] == variant)


@pytest.mark.parametrize("workers", [1, 2])
def test_under_load_every_answer_is_told_and_nobody_is_refused(data_dir, receiver, workers):
    """Readiness turns 503 and says why; until the end answers are 200; spans, events and counts are those answers."""
    with running(data_dir, receiver.url, workers=workers) as service:
        clients = Clients(service)
        service.poll(lambda: len(clients.answers) >= 100)
        service.process.terminate()
        refusal = None
        while service.process.poll() is None:
            answer = service.get("/readyz")
            if answer is not None and answer.status_code == 503:
                refusal = answer
        clients.join()
        assert service.process.wait(STOP_SECONDS) == 0
        lines = service.lines()
    assert refusal is not None
    assert "draining" in refusal.json()["detail"]
    assert {answer.status_code for answer in clients.answers} == {200}
    answered = Counter(answer.json()["prediction_id"] for answer in clients.answers)
    assert ids(receiver) == answered
    assert len({span.trace_id for _, span in receiver.spans if span.name == "POST /v1/predict"}) == len(answered)
    assert receiver.total("ml.prediction.count") == len(answered)
    assert not [line for line in lines if json.loads(line).get("level") == "ERROR"]


@pytest.mark.parametrize("workers", [1, 2])
def test_slow_requests_under_way_are_answered(data_dir, receiver, workers):
    """Requests that wait for their weather when the signal comes still get their answer, and it is told."""
    with running(
        data_dir, receiver.url, workers=workers, module=PLANTED, env={"PLANTED_WEATHER_SECONDS": "1.5"}
    ) as service:
        connections = [http.client.HTTPConnection("127.0.0.1", service.port, timeout=STOP_SECONDS) for _ in range(8)]
        for connection in connections:
            connection.request("POST", "/v1/predict", json.dumps(BODY), {"content-type": "application/json"})
        service.process.terminate()
        answers = [connection.getresponse() for connection in connections]
        predictions = [json.loads(answer.read()) for answer in answers]
        for connection in connections:
            connection.close()
        assert service.process.wait(STOP_SECONDS) == 0
    assert [answer.status for answer in answers] == [200] * 8
    assert {prediction["features_source"] for prediction in predictions} == {"store"}
    assert ids(receiver) == Counter(prediction["prediction_id"] for prediction in predictions)
    assert receiver.total("ml.prediction.count") == 8


def test_shadow_work_under_way_is_done_before_the_end(data_dir, receiver, made):
    """A shadow that is a second behind catches up within the grace time: every prediction has its pair."""
    ModelStore(data_dir / "models").set_shadow(made[2])
    env = {"PLANTED_SLOW_VERSION": made[2], "PLANTED_CALL_SECONDS": "0.1"}
    with running(data_dir, receiver.url, module=PLANTED, env=env) as service:
        answered = Counter(service.predict().json()["prediction_id"] for _ in range(10))
        code, _ = service.stop()
    assert code == 0
    assert ids(receiver) == answered
    assert ids(receiver, "shadow") == answered


def test_a_hanging_shadow_holds_up_neither_answers_nor_the_end(data_dir, receiver, made):
    """It hangs in its first call: all is answered and told, the process ends in time, and the rest is counted."""
    ModelStore(data_dir / "models").set_shadow(made[2])
    env = {
        "PLANTED_SLOW_VERSION": made[2],
        "PLANTED_CALL_SECONDS": "3600",
        "SIGHTGLASS_ML_API_SHADOW_QUEUE_ROWS": "30",
        "SIGHTGLASS_ML_API_REQUEST_DEADLINE_SECONDS": "1",
    }
    with running(data_dir, receiver.url, module=PLANTED, env=env) as service:
        with httpx.Client(base_url=service.url) as client:
            answered = Counter(client.post("/v1/predict", json=BODY).json()["prediction_id"] for _ in range(50))
        code, _ = service.stop()
    assert code == 0
    assert ids(receiver) == answered
    assert ids(receiver, "shadow") == Counter()
    assert receiver.total("ml.shadow.skipped", reason="queue_full") == 20
    assert receiver.total("ml.shadow.skipped", reason="stopped") == 30
