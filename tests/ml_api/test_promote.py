"""Promoting a version: what answers changes at once, in every worker, and a bad one changes nothing."""

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.model_store import MODEL_NAME, ModelStore
from services.ml_api.serving import Serving
from services.ml_api.settings import MlApiSettings

from .conftest import FLIGHT

PATH = f"/v1/models/{MODEL_NAME}/promote"


@pytest.fixture
def client(telemetry, versions, tmp_path):
    """A client of the real application on both versions."""
    settings = MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=versions[0])
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def test_the_promoted_version_answers_the_next_request(client, versions):
    """After a promotion predictions name the other version, and the list says that it is active."""
    _, active, other = versions
    answer = client.post(PATH, json={"version": other})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"name": MODEL_NAME, "active": other, "previous": active}
    assert client.post("/v1/predict", json={"features": FLIGHT}).json()["model"]["version"] == other
    assert client.get("/v1/models").json()["models"][0]["active"] == other


@pytest.mark.parametrize("version", ["000000000000", "../../etc", "", 7, None])
def test_an_unknown_version_is_refused_by_name(client, versions, version):
    """A version that is not there, or not a version, is a 4xx that names the field; the present one goes on."""
    answer = client.post(PATH, json={"version": version})
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "version"
    assert client.post("/v1/predict", json={"features": FLIGHT}).json()["model"]["version"] == versions[1]


def test_an_unknown_model_is_not_found(client, versions):
    """Another model's name is a 404 that says which one there is."""
    answer = client.post("/v1/models/other/promote", json={"version": versions[2]})
    assert answer.status_code == 404
    assert MODEL_NAME in answer.json()["detail"]


def test_a_damaged_version_is_refused_and_the_present_one_goes_on(client, versions):
    """A version whose bytes are not what its name says is a conflict, and nothing changes."""
    folder, active, other = versions
    (folder / MODEL_NAME / other / "model.onnx").write_bytes(b"damaged")
    assert client.post(PATH, json={"version": other}).status_code == 409
    assert client.post("/v1/predict", json={"features": FLIGHT}).json()["model"]["version"] == active
    assert ModelStore(folder).active() == active


def test_another_process_follows_at_its_next_look(versions):
    """What one worker promotes, another one serves as soon as it looks again."""
    folder, active, other = versions
    worker = Serving(folder, MODEL_NAME)
    worker.look()
    assert worker.load().model.version == active
    ModelStore(folder).activate(other)
    assert worker.load().model.version == active
    worker.look()
    assert worker.load().model.version == other
