"""A shadow beside the champion, through the whole application."""

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.model_store import ModelStore
from services.ml_api.scoring import Predictor
from services.ml_api.settings import MlApiSettings

from .conftest import FLIGHT, FLIGHT_WITHOUT_WEATHER, wait_until


@pytest.fixture
def client(telemetry, versions, tmp_path):
    """A client of the real application, with the other version in the shadow."""
    folder, _, other = versions
    ModelStore(folder).set_shadow(other)
    settings = MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=folder)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def predictions(telemetry, variant):
    """The prediction events of one variant, by id."""
    records = [each.log_record for each in telemetry.records if each.log_record.event_name == "ml.prediction"]
    return {r.attributes["ml.prediction.id"]: r for r in records if r.attributes["ml.variant"] == variant}


@pytest.mark.parametrize("flights", [[FLIGHT], [FLIGHT, FLIGHT_WITHOUT_WEATHER] * 15], ids=["one", "batch"])
def test_every_prediction_has_its_pair(client, telemetry, versions, flights):
    """Champion and shadow share id, trace, features and their source; the answer is the champion's alone."""
    _, active, other = versions
    if len(flights) == 1:
        answers = [client.post("/v1/predict", json={"features": FLIGHT, "entity_id": "N1"}).json()]
    else:
        items = [{"features": flight} for flight in flights]
        answers = client.post("/v1/predict/batch", json={"items": items}).json()["predictions"]
    wait_until(lambda: len(predictions(telemetry, "shadow")) == len(flights))
    champion, shadow = predictions(telemetry, "champion"), predictions(telemetry, "shadow")
    assert list(champion) == list(shadow) == [answer["prediction_id"] for answer in answers]
    spans = {span.name: span for span in telemetry.spans}
    server = next(span for span in telemetry.spans if span.parent is None)
    assert spans["model.shadow"].parent.span_id == server.context.span_id
    for answer in answers:
        first, second = champion[answer["prediction_id"]], shadow[answer["prediction_id"]]
        assert answer["model"]["version"] == first.attributes["ml.model.version"] == active
        assert second.attributes["ml.model.version"] == other
        assert first.trace_id == second.trace_id == server.context.trace_id
        assert first.attributes["ml.features.source"] == second.attributes["ml.features.source"]
        assert first.attributes.get("ml.entity.id") == second.attributes.get("ml.entity.id")
        assert first.body.partition(',"scores"')[0] == second.body.partition(',"scores"')[0]
    assert "ml.prediction.batch_size" not in server.attributes or len(flights) > 1
    assert server.attributes["ml.variant"] == "champion"


def test_a_crashing_shadow_changes_no_answer(client, telemetry, versions, monkeypatch):
    """The champion answers and is recorded as always while every call of the shadow fails."""
    decide = Predictor.decide

    def crash_in_shadow(self, rows):
        if self.model.version == versions[2]:
            raise RuntimeError("out of trees")
        return decide(self, rows)

    monkeypatch.setattr(Predictor, "decide", crash_in_shadow)
    for _ in range(5):
        assert client.post("/v1/predict", json={"features": FLIGHT}).status_code == 200
    wait_until(lambda: [span.name for span in telemetry.spans].count("model.shadow") == 5)
    assert len(predictions(telemetry, "champion")) == 5
    assert predictions(telemetry, "shadow") == {}


def test_a_refused_request_has_no_shadow(client, telemetry):
    """What was not predicted is not scored in the shadow either."""
    assert client.post("/v1/predict", json={"features": {}}).status_code == 422
    assert client.post("/v1/predict", json={"features": FLIGHT}).status_code == 200
    wait_until(lambda: len(predictions(telemetry, "shadow")) == 1)


def test_models_show_both_parts(client, versions):
    """GET /v1/models says which version answers, which is the shadow, and that nothing is wrong."""
    _, active, other = versions
    (entry,) = client.get("/v1/models").json()["models"]
    assert (entry["active"], entry["shadow"], entry["problems"]) == (active, other, [])
    parts = {each["version"]: (each["active"], each["shadow"]) for each in entry["versions"]}
    assert parts == {active: (True, False), other: (False, True)}


def test_a_shadow_that_can_not_be_loaded_is_a_problem_that_shows(telemetry, versions, tmp_path):
    """The champion is ready; readiness and the list of models say what is wrong with the shadow."""
    folder, active, other = versions
    store = ModelStore(folder)
    store.set_shadow(other)
    (store.folder / other / "model.onnx").write_bytes(b"damaged")
    settings = MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=folder)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["model"]["version"]) == (200, active)
        assert other in ready.json()["problems"][0]
        assert client.get("/v1/models").json()["models"][0]["problems"] == ready.json()["problems"]
