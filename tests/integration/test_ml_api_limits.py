"""A prediction service in trouble, as a real process: every answer comes, in time, and says when to ask again."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from services.ml_api.making import make_model
from tests.integration.ml_api import BODY, running
from tests.sightglass.receiver import running_receiver

pytestmark = pytest.mark.integration

PLANTED = "tests.integration.planted_ml_api"
HANGS = "3600"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A models folder with one version, and its name."""
    folder = tmp_path_factory.mktemp("made")
    return folder / "models", make_model(folder / "models", cache_folder=folder, every=100).card.version


@pytest.fixture
def start(made, tmp_path):
    """Starts the service with trouble planted in it."""
    shutil.copytree(made[0], tmp_path / "models")

    def start(**env):
        return running(tmp_path, receiver.url, module=PLANTED, env=env)

    with running_receiver() as receiver:
        start.receiver = receiver
        yield start


def is_retryable(answer, status):
    """Whether it is a problem of this status that says when to ask again."""
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and int(answer.headers["retry-after"]) > 0
    )


def test_a_model_that_hangs_is_a_504_or_a_429_and_the_worker_is_not_stuck(start, made):
    """Two calls hang, two requests wait, four are refused at once; meanwhile everything else is answered."""
    with (
        start(
            PLANTED_SLOW_VERSION=made[1],
            PLANTED_CALL_SECONDS=HANGS,
            SIGHTGLASS_ML_API_REQUEST_DEADLINE_SECONDS="2",
            SIGHTGLASS_ML_API_MAX_CONCURRENT_CALLS="2",
            SIGHTGLASS_ML_API_MAX_WAITING_REQUESTS="2",
        ) as service,
        ThreadPoolExecutor(8) as threads,
    ):
        asked = [threads.submit(service.predict, timeout=20) for _ in range(8)]
        label = {"prediction_id": "abc", "label": "late", "observed_at": 1386517320}
        assert httpx.post(service.url + "/v1/labels", json={"labels": [label]}).status_code == 200
        assert service.get("/readyz").status_code == 200
        answers = [each.result() for each in asked]
        assert sum(is_retryable(answer, 504) for answer in answers) == 4
        assert sum(is_retryable(answer, 429) for answer in answers) == 4
        # The calls still hang and keep their turns.
        assert is_retryable(service.predict(timeout=20), 504)
        code, _ = service.stop()
    assert code == 0
    assert start.receiver.events("ml.prediction") == []


def test_weather_that_never_comes_is_replaced_by_medians(start):
    """Every prediction is answered and recorded as a fallback; none waits for the whole deadline in vain."""
    with start(PLANTED_WEATHER_SECONDS=HANGS, SIGHTGLASS_ML_API_REQUEST_DEADLINE_SECONDS="1") as service:
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(httpx.post, service.url + "/v1/predict", json=BODY) for _ in range(40)]
            answers = [each.result() for each in asked]
        code, _ = service.stop()
    assert code == 0
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["features_source"] for answer in answers} == {"fallback"}
    assert len(start.receiver.events("ml.prediction")) == 40
    assert start.receiver.total("ml.fallback.count") == 40
