"""Scoring without HTTP."""

# the data set is in local time without zone

import json
from datetime import datetime

import pytest

from services.ml_api.features import FlightPlan
from services.ml_api.flights import FlightTable
from services.ml_api.model_store import ModelBrokenError, ModelMissingError, ModelStore
from services.ml_api.scoring import Predictor

PLAN = FlightPlan("UA", "EWR", "ORD", 719, datetime(2013, 12, 8, 7, 15))


def test_a_prediction_rests_on_the_hours_weather(predictor):
    """All features the model saw are in the result, with the measured weather of 8 December, 7:00, at Newark."""
    result = predictor.predict(PLAN)
    assert result.features_source == "store"
    assert result.features == {
        "carrier": "UA",
        "origin": "EWR",
        "dest": "ORD",
        "distance": 719,
        "departure_hour": 7,
        "weekday": 7,
        "temperature": 28.94,
        "humidity": 55.69,
        "wind_speed": 8.05546,
        "wind_gust": None,
        "precipitation": 0.0,
        "pressure": 1035.8,
        "visibility": 10.0,
    }
    assert result.scores == {"late": result.score, "on_time": pytest.approx(1 - result.score)}
    assert result.label == ("late" if result.positive else "on_time")
    assert result.positive == (result.score >= predictor.card.threshold)
    assert result.model_seconds > 0


def test_a_missing_hour_falls_back_to_medians(predictor):
    """An hour that was never measured is scored with the origin's medians of the training window, and says so."""
    result = predictor.predict(FlightPlan("UA", "JFK", "LAX", 2475, datetime(2014, 6, 1, 12)))
    assert result.features_source == "fallback"
    assert {name: result.features[name] for name in predictor.card.fallback["JFK"]} == predictor.card.fallback["JFK"]


def test_decembers_gaps_are_real(predictor, dataset):
    """3.3 % of December's flights leave in an hour without weather."""
    plans = [flight.plan for flight in FlightTable(dataset).between(datetime(2013, 12, 1), datetime(2014, 1, 1))]
    missing = sum(predictor.look_up_weather(plan).source == "fallback" for plan in plans)
    assert missing / len(plans) == pytest.approx(0.033, abs=0.001)


def test_one_by_one_and_all_at_once_are_the_same(predictor, dataset):
    """A batch gives each flight what it gets alone."""
    flights = FlightTable(dataset).between(datetime(2013, 12, 8), datetime(2013, 12, 9))
    plans = [flight.plan for flight in flights][:100]
    together = predictor.predict_many(plans)
    alone = [predictor.predict(plan) for plan in plans]
    assert [result.score for result in together] == pytest.approx([result.score for result in alone], abs=1e-6)
    assert [result.features for result in together] == [result.features for result in alone]
    assert predictor.predict_many([]) == []


def test_unknown_categories_are_scored(predictor):
    """A carrier and a destination that the model never saw get a score too, the same for all unknown ones."""
    first = predictor.predict(FlightPlan("ZZ", "EWR", "QQQ", 719, PLAN.sched_dep))
    second = predictor.predict(FlightPlan("YY", "EWR", "XXX", 719, PLAN.sched_dep))
    assert first.score == second.score


@pytest.fixture
def copied(models_dir, tmp_path):
    """A copy of the model that a test may break, as (models folder, version folder)."""
    store = ModelStore(tmp_path)
    stored = ModelStore(models_dir).load()
    store.save(stored)
    store.activate(stored.card.version)
    return tmp_path, store.folder / stored.card.version


def test_without_a_weather_table_everything_falls_back(copied):
    """A lost weather table costs the weather, not the service."""
    assert Predictor.load(copied[0]).predict(PLAN).features_source == "fallback"


def test_a_changed_model_file_is_refused(copied):
    """The version is a promise about the content."""
    with (copied[1] / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelBrokenError, match="not what its version says"):
        Predictor.load(copied[0])


def test_a_changed_card_is_refused(copied):
    """The threshold can't be moved under the same version."""
    path = copied[1] / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 0.9}))
    with pytest.raises(ModelBrokenError, match="not what its version says"):
        Predictor.load(copied[0])


@pytest.mark.parametrize("content", ["", "{}", "[1]", "{"])
def test_a_damaged_card_is_refused(copied, content):
    """A card that is not one is said to be so."""
    (copied[1] / "card.json").write_text(content)
    with pytest.raises(ModelBrokenError, match="not a model card"):
        Predictor.load(copied[0])


def test_a_missing_model_names_the_command(tmp_path, copied):
    """Whoever finds no model learns how to make one."""
    with pytest.raises(ModelMissingError, match="sightglass models train"):
        Predictor.load(tmp_path / "nowhere")
    with pytest.raises(ModelMissingError, match="sightglass models train"):
        Predictor.load(copied[0], version="0000")
    with pytest.raises(ModelMissingError):
        ModelStore(copied[0]).activate("0000")


def test_storing_the_same_version_twice_changes_nothing(copied):
    """A version is written once."""
    store = ModelStore(copied[0])
    before = (copied[1] / "card.json").stat().st_mtime_ns
    store.save(store.load())
    assert (copied[1] / "card.json").stat().st_mtime_ns == before
    assert store.versions() == [copied[1].name]
