"""A service in trouble, through HTTP: answers come in time, and say when to ask again."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.scoring import Predictor
from services.ml_api.settings import MlApiSettings
from services.ml_api.weather_lookup import DelayedLookup, TableLookup

from .conftest import FLIGHT

BODY = {"features": FLIGHT}


@pytest.fixture
def serve(telemetry, models_dir, tmp_path):
    """Builds a client of the real application under the given settings."""

    def serve(weather=None, **settings):
        app = create_app(
            MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=models_dir, **settings), None, weather
        )
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)

    return serve


@pytest.fixture
def slow_model(monkeypatch):
    """Every call of any model takes a while, also those that warm it up."""
    decide = Predictor.decide

    def slow(self, rows):
        time.sleep(0.3)
        return decide(self, rows)

    monkeypatch.setattr(Predictor, "decide", slow)


def is_retryable(response, status):
    """Whether it is a problem of this status that says when to ask again."""
    return (
        response.status_code == status
        and response.headers["content-type"] == "application/problem+json"
        and int(response.headers["retry-after"]) > 0
    )


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict/batch"])
def test_a_slow_model_is_a_504(serve, slow_model, telemetry, path):
    """A model that was slow already when it was warmed up holds up nobody: past the deadline the answer is a 504."""
    body = BODY if path == "/v1/predict" else {"items": [BODY] * 30}
    with serve(request_deadline_seconds=0.1) as client:
        assert is_retryable(client.post(path, json=body), 504)
        assert client.get("/readyz").status_code == 200
    assert [each for each in telemetry.records if each.log_record.event_name == "ml.prediction"] == []


def test_more_than_the_room_are_a_429(serve, slow_model):
    """One call and one in the queue: of eight at once two are answered and six are told to come again."""
    with (
        serve(max_concurrent_calls=1, max_waiting_requests=1) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        answers = list(threads.map(lambda _: client.post("/v1/predict", json=BODY), range(8)))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 1 <= len(refused) <= 6
        assert all(is_retryable(answer, 429) for answer in refused)
        assert client.post("/v1/predict", json=BODY).status_code == 200


def test_slow_weather_costs_its_share_of_the_time_only(serve):
    """A feature store that never answers: medians stand in, and the answer is a success within the deadline."""
    with serve(DelayedLookup(TableLookup(), 60.0), request_deadline_seconds=0.5) as client:
        answer = client.post("/v1/predict", json=BODY)
    assert answer.status_code == 200
    assert answer.json()["features_source"] == "fallback"
