"""The endpoints, and what they say to bad input of every kind."""

import json
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.making import make_model
from services.ml_api.settings import MlApiSettings
from sightglass.predictions.identifiers import new_prediction_id
from tests.ml_api.conftest import FLIGHT, FLIGHT_WITHOUT_WEATHER, wait_until

LABEL = {"prediction_id": "abc", "label": "late", "observed_at": "2013-12-08T15:42:00Z"}


def events(telemetry, name):
    """The attributes of all events of that name."""
    records = [record.log_record for record in telemetry.records]
    return [dict(record.attributes) for record in records if record.event_name == name]


def test_predict(client, predictor):
    """One flight in, one decision out, by the model that is active."""
    response = client.post("/v1/predict", json={"features": FLIGHT, "entity_id": "N14228"})
    assert response.status_code == 200
    answer = response.json()
    assert UUID(answer.pop("prediction_id")).version == 7
    score = answer.pop("score")
    assert 0 < score < 1
    assert answer == {
        "model": {"name": "flight-delay", "version": predictor.model.version},
        "label": "late" if score >= predictor.card.threshold else "on_time",
        "features_source": "store",
    }


def test_an_hour_without_weather_is_answered_from_the_fallback(client):
    """A missing hour is no error, and is named."""
    answer = client.post("/v1/predict", json={"features": FLIGHT_WITHOUT_WEATHER}).json()
    assert answer["features_source"] == "fallback"


@pytest.mark.parametrize("size", [1, 19, 20, 1000])
def test_batch(client, telemetry, size):
    """A batch answers in order, with an id and an event for each item."""
    hours = [f"2013-12-08T{5 + index % 18:02}:30" for index in range(size)]
    items = [{"features": {**FLIGHT, "sched_dep": hour}} for hour in hours]
    predictions = client.post("/v1/predict/batch", json={"items": items}).json()["predictions"]
    ids = [prediction["prediction_id"] for prediction in predictions]
    assert len(set(ids)) == size
    recorded = events(telemetry, "ml.prediction")
    assert [event["ml.prediction.id"] for event in recorded] == ids
    assert [event["ml.prediction.score"] for event in recorded] == [item["score"] for item in predictions]
    alone = client.post("/v1/predict", json=items[-1]).json()
    assert alone["score"] == pytest.approx(predictions[-1]["score"], abs=1e-6)


def test_labels_are_counted_and_recorded_once(client, telemetry):
    """The same label twice in a request is one label; another moment or value is another label."""
    same_moment = {**LABEL, "observed_at": "2013-12-08T10:42:00-05:00"}
    same_epoch = {**LABEL, "observed_at": 1386517320}
    labels = [LABEL, same_moment, same_epoch, {**LABEL, "label": "on_time"}, {**LABEL, "prediction_id": "def"}]
    answer = client.post("/v1/labels", json={"labels": labels}).json()
    assert answer == {"accepted": 3, "duplicates": 2}
    assert events(telemetry, "ml.label") == [
        {
            "ml.prediction.id": prediction,
            "ml.label.value": label,
            "ml.label.observed_at": "2013-12-08T15:42:00.000000000Z",
        }
        for prediction, label in (("abc", "late"), ("abc", "on_time"), ("def", "late"))
    ]


def test_ids_we_gave_are_taken_back(client):
    """The id of a prediction is accepted as the id of its label."""
    given = client.post("/v1/predict", json={"features": FLIGHT}).json()["prediction_id"]
    for prediction_id in (given, new_prediction_id()):
        body = {"labels": [{**LABEL, "prediction_id": prediction_id}]}
        assert client.post("/v1/labels", json=body).json() == {"accepted": 1, "duplicates": 0}


def test_models(client, predictor):
    """The active version is listed with its whole card."""
    (entry,) = client.get("/v1/models").json()["models"]
    assert (entry["name"], entry["active"], entry["shadow"]) == ("flight-delay", predictor.model.version, None)
    (version,) = entry["versions"]
    assert version["active"] is True
    assert version["card"] == predictor.card.model_dump(mode="json")


def test_health(client, predictor):
    """Alive, and ready with a named model."""
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "status": "ready",
        "model": {"name": "flight-delay", "version": predictor.model.version},
        "problems": [],
    }


def test_the_landing_page_links_onwards(client):
    """`/` leads to the other services and to this one's documents."""
    links = client.get("/").json()["links"]
    assert {"http://127.0.0.1:8003", "http://127.0.0.1:8501", "/openapi.json"} <= set(links.values())


def test_every_body_has_an_example_that_works(client):
    """Whoever copies an example out of the OpenAPI document gets a 200."""
    document = client.get("/openapi.json").json()
    posted = []
    for path, operations in document["paths"].items():
        if "post" not in operations:
            continue
        reference = operations["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        examples = document["components"]["schemas"][reference.rpartition("/")[2]]["examples"]
        assert examples
        parameters = operations["post"].get("parameters", [])
        named = {each["name"]: each["schema"]["examples"][0] for each in parameters if each["in"] == "path"}
        for example in examples:
            assert client.post(path.format(**named), json=example).status_code == 200
        posted.append(path)
    assert posted == ["/v1/predict", "/v1/predict/batch", "/v1/labels", "/v1/models/{name}/promote"]


def changed(**changes):
    """A predict body with features changed; `...` leaves one out."""
    features = {name: value for name, value in {**FLIGHT, **changes}.items() if value is not ...}
    return json.dumps({"features": features})


BAD_PREDICTIONS = [
    ("{}", 422, "features"),
    ("[]", 422, "body"),
    ('{"features": []}', 422, "features"),
    (changed(carrier=...), 422, "features.carrier"),
    (changed(sched_dep=...), 422, "features.sched_dep"),
    (changed(weather="rain"), 422, "features.weather"),
    (json.dumps({"features": FLIGHT, "model": "x"}), 422, "model"),
    (changed(distance="719"), 422, "features.distance"),
    (changed(distance=True), 422, "features.distance"),
    (changed(distance=None), 422, "features.distance"),
    (changed(distance=0), 422, "features.distance"),
    (changed(distance=-1), 422, "features.distance"),
    (changed(distance=1e9), 422, "features.distance"),
    (changed(distance=719).replace("719", "1e400"), 422, "features.distance"),
    (changed(distance=719).replace("719", "9" * 4000), 422, "features.distance"),
    (changed(distance=719).replace("719", "9" * 5000), 400, "body"),
    (changed(distance=float("nan")), 400, "body"),
    (changed(distance=float("inf")), 400, "body"),
    (changed(carrier="united"), 422, "features.carrier"),
    (changed(carrier="UA\n"), 422, "features.carrier"),
    (changed(carrier=7), 422, "features.carrier"),
    (changed(carrier="U\0"), 400, "features.carrier"),
    (changed(carrier="U\ud800"), 400, "features.carrier"),
    (changed(origin="LAX"), 422, "features.origin"),
    (changed(dest="Chicago"), 422, "features.dest"),
    (changed(sched_dep="2013-12-08T25:00"), 422, "features.sched_dep"),
    (changed(sched_dep="2013-02-30T10:00"), 422, "features.sched_dep"),
    (changed(sched_dep="1800-01-01T10:00"), 422, "features.sched_dep"),
    (changed(sched_dep="9999-12-31T23:59"), 422, "features.sched_dep"),
    (changed(sched_dep="2013-12-08T07:15:00-05:00"), 422, "features.sched_dep"),
    (changed(sched_dep="2013-12-08T07:15:00Z"), 422, "features.sched_dep"),
    (changed(sched_dep="2013-12-08"), 422, "features.sched_dep"),
    (changed(sched_dep="yesterday"), 422, "features.sched_dep"),
    (changed(sched_dep=""), 422, "features.sched_dep"),
    (changed(sched_dep=1386486900), 422, "features.sched_dep"),
    (changed(sched_dep="1386486900"), 422, "features.sched_dep"),
    (changed(sched_dep=1e300), 422, "features.sched_dep"),
    (json.dumps({"features": FLIGHT, "entity_id": ""}), 422, "entity_id"),
    (json.dumps({"features": FLIGHT, "entity_id": "x" * 201}), 422, "entity_id"),
    (json.dumps({"features": FLIGHT, "entity_id": 5}), 422, "entity_id"),
    ('{"features": ', 400, "body"),
    ("", 422, "body"),
]


@pytest.mark.parametrize(("body", "status", "field"), BAD_PREDICTIONS)
def test_bad_predictions_name_the_field(client, telemetry, body, status, field):
    """Every kind of bad input is a 4xx problem that names the field, and no prediction is recorded."""
    response = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in response.json()["errors"]]
    assert events(telemetry, "ml.prediction") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [{"features": FLIGHT}] * 1001}, "items"),
        ({"items": [{"features": FLIGHT}, {"features": {**FLIGHT, "distance": -1}}]}, "items.1.features.distance"),
        ({"items": {"features": FLIGHT}}, "items"),
    ],
)
def test_bad_batches_name_the_item(client, telemetry, body, field):
    """One bad item refuses the batch as a whole and is named; nothing is recorded."""
    response = client.post("/v1/predict/batch", json=body)
    assert response.status_code == 422
    assert field in [error["field"] for error in response.json()["errors"]]
    assert events(telemetry, "ml.prediction") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": "delayed"}, "labels.1.label"),
        ({"label": 1}, "labels.1.label"),
        ({"prediction_id": ""}, "labels.1.prediction_id"),
        ({"prediction_id": "a b"}, "labels.1.prediction_id"),
        ({"prediction_id": "x" * 129}, "labels.1.prediction_id"),
        ({"observed_at": "2013-12-08T15:42:00"}, "labels.1.observed_at"),
        ({"observed_at": "2013-12-08 15"}, "labels.1.observed_at"),
        ({"observed_at": "1800-01-01T00:00:00Z"}, "labels.1.observed_at"),
        ({"observed_at": -1}, "labels.1.observed_at"),
        ({"observed_at": 1386517320000}, "labels.1.observed_at"),
        ({"observed_at": True}, "labels.1.observed_at"),
        ({"observed_at": None}, "labels.1.observed_at"),
        ({"observed_at": "0001-01-01T00:00:00+14:00"}, "labels.1.observed_at"),
        ({"observed_at": "9999-12-31T23:59:59-14:00"}, "labels.1.observed_at"),
        ({"observed_at": "2098-01-01T00:00:00Z"}, "labels.1.observed_at"),
        ({"source": "ops"}, "labels.1.source"),
    ],
)
def test_bad_labels_name_the_field(client, telemetry, change, field):
    """One bad label refuses the request as a whole; nothing is recorded."""
    response = client.post("/v1/labels", json={"labels": [LABEL, {**LABEL, **change}]})
    assert response.status_code == 422, response.text
    assert field in [error["field"] for error in response.json()["errors"]]
    assert events(telemetry, "ml.label") == []


def test_without_a_model_the_service_waits_for_one(telemetry, tmp_path, cache_folder):
    """No model: not ready, predictions are 503 and name the command; one made later is served soon."""
    app = create_app(MlApiSettings(_env_file=None, data_dir=tmp_path))
    with TestClient(app, base_url="http://localhost") as client:
        for response in (client.get("/readyz"), client.post("/v1/predict", json={"features": FLIGHT})):
            assert response.status_code == 503
            assert response.headers["retry-after"]
            assert "sightglass models train" in response.json()["detail"]
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/models").json() == {"models": []}
        make_model(tmp_path / "models", cache_folder=cache_folder, every=200)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/predict", json={"features": FLIGHT}).status_code == 200
