"""Which models there are."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries import model_list
from tests.monitoring_api.maintenance.test_outcomes import maintain
from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio
MODELS = "/api/v1/models"


async def test_an_empty_store_has_no_models(api):
    """An empty list, of the last 30 days unless something else is asked for."""
    answer = await api.get(MODELS)
    assert answer.json() == {
        "from": "2026-01-31T10:00:00Z",
        "to": "2026-03-02T10:00:00Z",
        "models": [],
        "truncated": False,
    }


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


async def test_models_are_counted_from_sums_and_what_came_since(store, api):
    """Summed up, with a label, a prediction and a version that came after that: as counted from all rows."""
    at = T0 - timedelta(days=3)
    rows = [prediction(at + timedelta(minutes=20 * n), prediction_id=f"s{n}") for n in range(200)]
    labels = [label(at + timedelta(days=3), f"s{n}", "late") for n in range(150)]
    store.insert("otel_logs", [*rows, *labels, *rows[:50]])
    raw = (await api.get(MODELS)).json()
    await maintain(store, now=T0)
    store.asked.clear()
    assert (await api.get(MODELS)).json() == raw
    assert not any("labels" in query.sql.split("label_marks")[0] for query in store.asked)
    more = [prediction(T0 - timedelta(minutes=30), prediction_id="new", version="v2"), label(T0, "s199", "late")]
    store.insert("otel_logs", more)
    (flights,) = (await api.get(MODELS)).json()["models"]
    assert (flights["predictions"], flights["labels"]) == (201, 151)
    assert [(each["version"], each["predictions"], each["labels"]) for each in flights["versions"]] == [
        ("v2", 1, 0),
        ("v1", 200, 151),
    ]


async def test_too_many_models_are_told_to_be(store, api, monkeypatch):
    """Of more groups than an answer holds those with the most predictions come, and the answer says so."""
    monkeypatch.setattr(model_list, "MOST_ROWS", 2)
    at = T0 - timedelta(hours=1)
    for number, name in enumerate(("few", "some", "many")):
        attributes = {"ml.model.name": name}
        store.insert("otel_logs", [prediction(at, attributes=attributes) for _ in range(number + 1)])
    answer = (await api.get(MODELS)).json()
    assert ([each["name"] for each in answer["models"]], answer["truncated"]) == (["many", "some"], True)
    monkeypatch.undo()
    assert (await api.get(MODELS)).json()["truncated"] is False
