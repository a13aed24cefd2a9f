"""Which models there are."""

from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio
MODELS = "/api/v1/models"


async def test_an_empty_store_has_no_models(api):
    """An empty list, of the last 30 days unless something else is asked for."""
    answer = await api.get(MODELS)
    assert answer.json() == {"from": "2026-01-31T10:00:00Z", "to": "2026-03-02T10:00:00Z", "models": []}


async def test_models_are_told_by_their_predictions(store, api):
    """Versions, variants, services and labels are counted once, however often they were delivered."""
    at = T0 - timedelta(hours=4)
    rows = [
        prediction(at, prediction_id="a"),
        prediction(at + timedelta(hours=1), prediction_id="b"),
        prediction(at + timedelta(hours=2), prediction_id="c", version="v2"),
        prediction(at + timedelta(hours=1), prediction_id="b", version="v2", variant="shadow"),
        prediction(at, prediction_id="r", score=None, attributes={"ml.model.name": "price", "ml.task": "regression"}),
        label(at + timedelta(hours=3), "a", "late"),
        label(at + timedelta(hours=3), "b", "late"),
        label(at + timedelta(hours=4), "b", "on_time"),
    ]
    store.insert("otel_logs", rows)
    store.insert("otel_logs", list(reversed(rows)))
    store.insert("model_references", [{"ModelName": "flight-delay", "ModelVersion": "v1", "Task": "binary"}])
    flights, price = (await api.get(MODELS)).json()["models"]
    assert (flights["name"], flights["task"], flights["services"]) == ("flight-delay", "binary", ["ml-api"])
    assert (flights["predictions"], flights["labels"], flights["label_coverage"]) == (3, 2, pytest.approx(2 / 3))
    assert (flights["first_seen"], flights["last_seen"]) == ("2026-03-02T06:00:00Z", "2026-03-02T08:00:00Z")
    assert [
        (each["version"], each["predictions"], each["labels"], each["reference"]) for each in flights["versions"]
    ] == [
        ("v2", 2, 1, False),
        ("v1", 2, 2, True),
    ]
    assert [(each["variant"], each["predictions"], each["labels"]) for each in flights["variants"]] == [
        ("champion", 3, 2),
        ("shadow", 1, 1),
    ]
    assert flights["reference"] is False
    assert (price["name"], price["task"], price["labels"], price["label_coverage"]) == ("price", "regression", 0, 0.0)


async def test_a_reference_of_no_version_is_one_of_every(store, api):
    """Each version may be compared with it."""
    store.insert("otel_logs", [prediction(T0 - timedelta(hours=1), prediction_id="a")])
    store.insert("model_references", [{"ModelName": "flight-delay", "ModelVersion": "", "Task": "binary"}])
    (flights,) = (await api.get(MODELS)).json()["models"]
    assert flights["reference"] is True
    assert flights["versions"][0]["reference"] is True
