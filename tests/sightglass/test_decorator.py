"""`predicts`: what is recorded of a call, and that the call is otherwise as without it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pytest
from fastapi import Body, FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel

import sightglass
from sightglass import Model
from sightglass.predictions.identifiers import EntityHash
from sightglass.testing import in_memory_telemetry

PRICE = Model("price", "7", "regression")
SPECIES = Model("species", "3", "multiclass")


class Ride(BaseModel):
    """A pydantic body."""

    kilometres: float
    night: bool = False


@dataclass
class Trip:
    """A dataclass."""

    kilometres: float


class Colour(Enum):
    """An enumeration of labels."""

    RED = "red"


Decision = namedtuple("Decision", "label score")  # noqa: PYI024  # untyped ones are met too


def events(telemetry):
    """Attributes and features of every prediction recorded."""
    return [
        (dict(readable.log_record.attributes), json.loads(readable.log_record.body)["features"])
        for readable in telemetry.records
        if readable.log_record.event_name == "ml.prediction"
    ]


def features_of(telemetry, function, *args, **kwargs):
    """The features recorded for one call."""
    function(*args, **kwargs)
    return events(telemetry)[-1][1]


def outcome_of(telemetry, returned, model=None, outcome=None):
    """The outcome recorded for a function that returns `returned`, without the `ml.prediction.` in front."""

    @sightglass.predicts(model=model, outcome=outcome)
    def predict(x):
        return returned

    assert predict(1) is returned
    names = {f"ml.prediction.{name}": name for name in ("label", "score", "value", "positive")}
    return {names[name]: value for name, value in events(telemetry)[-1][0].items() if name in names}


def test_a_call_is_one_whole_event(telemetry):
    """Ids, model, variant, source, outcome and duration, from the arguments of the decorator and the call."""

    @sightglass.predicts(model=PRICE, entity_id="customer", features_source="fallback")
    def price(features, customer):
        return 12.5

    assert price({"kilometres": 3}, customer="c-1") == 12.5
    ((attributes, features),) = events(telemetry)
    assert attributes.pop("ml.prediction.duration") > 0
    assert attributes == {
        "ml.prediction.id": sightglass.last_prediction_id(),
        "ml.model.name": "price",
        "ml.model.version": "7",
        "ml.task": "regression",
        "ml.variant": "champion",
        "ml.features.source": "fallback",
        "ml.prediction.value": 12.5,
        "ml.entity.id": EntityHash("").of("c-1"),
    }
    assert features == {"kilometres": 3}


def test_it_needs_no_parentheses_and_takes_the_default_model(telemetry):
    """`@sightglass.predicts` alone."""

    @sightglass.predicts
    def predict(features):
        """Say something."""
        return 0.25

    assert (predict.__name__, predict.__doc__) == ("predict", "Say something.")
    assert predict({"a": 1}) == 0.25
    ((attributes, _),) = events(telemetry)
    assert (attributes["ml.model.name"], attributes["ml.prediction.score"]) == ("m", 0.25)


def test_coroutines_and_methods_are_decorated_alike(telemetry):
    """An async function is awaited within the call; `self` is never a feature, though it is a dataclass."""

    @dataclass
    class Forest:
        trees: int

        @sightglass.predicts
        async def predict(self, ride):
            await asyncio.sleep(0)
            return self.trees * ride["kilometres"] / 10

        @staticmethod
        @sightglass.predicts
        def fixed(ride):
            return ride.kilometres / 4

        @classmethod
        @sightglass.predicts
        def default(cls, kilometres):
            return kilometres / 4

    forest = Forest(3)
    assert asyncio.run(forest.predict({"kilometres": 1})) == 0.3
    assert Forest.fixed(Trip(2)) == 0.5
    assert forest.default(3) == 0.75
    assert [features for _, features in events(telemetry)] == [{"kilometres": number} for number in (1, 2, 3)]
    assert [found["ml.prediction.score"] for found, _ in events(telemetry)] == [0.3, 0.5, 0.75]


def test_an_object_whose_call_is_asynchronous_is_awaited(telemetry, caplog):
    """What it returns is recorded, not the coroutine; a plain function that returns one is told, and not recorded."""

    class Remote:
        async def __call__(self, ride):
            await asyncio.sleep(0)
            return ride["a"] / 2

    predict = sightglass.predicts(Remote())
    assert asyncio.run(predict({"a": 1})) == 0.5
    ((attributes, _),) = events(telemetry)
    assert attributes["ml.prediction.score"] == 0.5

    remote = Remote()

    @sightglass.predicts
    def late(ride):
        return remote(ride)

    async def call():
        return await late({"a": 1})

    assert asyncio.run(call()) == 0.5
    assert len(events(telemetry)) == 1
    assert "returns an awaitable" in caplog.text


def test_where_features_are_found(telemetry):
    """The argument of that name; else the first mapping, pydantic model or dataclass; else every plain argument."""

    @sightglass.predicts
    def named(context, features):
        return 0.5

    @sightglass.predicts
    def first(number, ride, context=None):
        return 0.5

    @sightglass.predicts
    def loose(kilometres, night=True, *, session=None, **more):
        return 0.5

    @sightglass.predicts
    def gathered(**features):
        return 0.5

    assert features_of(telemetry, named, {"b": 2}, {"a": 1}) == {"a": 1}
    assert features_of(telemetry, named, {"b": 2}, np.array([1.0, 2.0])) == {"features": [1.0, 2.0]}
    assert features_of(telemetry, first, 5, Ride(kilometres=1), {"b": 2}) == {"kilometres": 1, "night": False}
    assert features_of(telemetry, first, 5, Trip(1)) == {"kilometres": 1}
    assert features_of(telemetry, loose, 3, session=object()) == {"kilometres": 3, "night": True}
    assert features_of(telemetry, loose, np.float64(3), False, weather="wet") == {
        "kilometres": 3,
        "night": False,
        "session": None,
        "weather": "wet",
    }
    assert features_of(telemetry, gathered, a=1, b=None) == {"a": 1, "b": None}


def test_features_can_be_said(telemetry):
    """By the argument's name, or by a function of the arguments, given by position however the call was made."""

    @sightglass.predicts(features="ride")
    def named(context, ride):
        return 0.5

    @sightglass.predicts(features=lambda rows, scale: {"rows": len(rows), "scale": scale}, entity_id=lambda _, s: s)
    def made(lines, factor=2):
        return 0.5

    assert features_of(telemetry, named, {"b": 2}, ride=Trip(1)) == {"kilometres": 1}
    assert features_of(telemetry, made, factor=3, lines=[1, 2]) == {"rows": 2, "scale": 3}
    assert features_of(telemetry, made, [1]) == {"rows": 1, "scale": 2}
    assert events(telemetry)[-1][0]["ml.entity.id"] == EntityHash("").of("2")


def test_features_are_those_before_the_call(telemetry):
    """What the function does to its argument is not what the model saw."""

    @sightglass.predicts
    def predict(features):
        features["a"] = "changed"
        features["b"] = features.pop("a")
        return 0.5

    assert features_of(telemetry, predict, {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("returned", "model", "expected"),
    [
        (0.5, None, {"score": 0.5}),
        (np.float32(0.5), None, {"score": 0.5}),
        (np.array([0.5]), None, {"score": 0.5}),
        (0.5, PRICE, {"value": 0.5}),
        (3, PRICE, {"value": 3.0}),
        (1, None, {"label": "1"}),
        (np.int64(1), SPECIES, {"label": "1"}),
        ("late", None, {"label": "late"}),
        (Colour.RED, SPECIES, {"label": "red"}),
        (True, None, {"label": "true", "positive": True}),
        (np.bool_(0), None, {"label": "false", "positive": False}),
        (True, SPECIES, {"label": "true"}),
        (("late", 0.75), None, {"label": "late", "score": 0.75}),
        ((False, 0.25), None, {"label": "false", "positive": False, "score": 0.25}),
        ((12.5, 0.3), PRICE, {"value": 12.5}),
        (Decision("late", 0.75), None, {"label": "late", "score": 0.75}),
        ({"label": "late", "probability": 0.75}, None, {"label": "late", "score": 0.75}),
        ({"label": True, "score": 0.75}, None, {"label": "true", "positive": True, "score": 0.75}),
        ({"value": 2.5, "currency": "EUR"}, PRICE, {"value": 2.5}),
        (SimpleNamespace(score=0.5, label=None), None, {"score": 0.5}),
    ],
    ids=repr,
)
def test_where_the_outcome_is_found(telemetry, returned, model, expected):
    """A number by the task, text, booleans, pairs, mappings and objects; the value itself is returned as it is."""
    assert outcome_of(telemetry, returned, model) == expected


def test_scores_of_all_classes_are_kept(telemetry):
    """A mapping among the outcomes goes into the event's body."""
    outcome_of(telemetry, {"label": "a", "probabilities": {"a": 0.5, "b": 0.5}}, SPECIES)
    assert json.loads(telemetry.records[0].log_record.body)["scores"] == {"a": 0.5, "b": 0.5}


def test_the_outcome_can_be_said(telemetry):
    """By a function of what was returned, which may return any of the forms."""
    assert outcome_of(telemetry, [[0.1, 0.9]], outcome=lambda rows: rows[0][1]) == {"score": 0.9}


def test_an_exception_passes_through_and_nothing_is_recorded(telemetry):
    """The same exception, from sync and async; a failed call made no prediction and left no id."""
    broken = ValueError("broken")

    @sightglass.predicts
    def predict(features):
        raise broken

    @sightglass.predicts
    async def predict_later(features):
        raise broken

    before = sightglass.last_prediction_id()
    with pytest.raises(ValueError, match="broken") as caught:
        predict({"a": 1})
    assert caught.value is broken
    with pytest.raises(ValueError, match="broken") as caught:
        asyncio.run(predict_later({"a": 1}))
    assert caught.value is broken
    assert sightglass.last_prediction_id() == before
    assert not telemetry.records


def test_a_call_with_wrong_arguments_fails_as_without_it(telemetry):
    """The TypeError is the function's own."""

    @sightglass.predicts
    def predict(features):
        return 0.5

    with pytest.raises(TypeError, match=r"predict\(\) missing 1 required positional argument: 'features'"):
        predict()


class Hostile(BaseModel):
    """A body whose reading fails."""

    def model_dump(self, **_):
        """Fail."""
        raise RuntimeError("no")


def fails(*_):
    """A function of the user's with a mistake in it."""
    raise RuntimeError("no")


@pytest.mark.parametrize(
    ("options", "argument", "returned"),
    [
        ({"features": fails}, {"a": 1}, 0.5),
        ({"outcome": fails}, {"a": 1}, 0.5),
        ({"entity_id": fails}, {"a": 1}, 0.5),
        ({"features": "nothing"}, {"a": 1}, 0.5),
        ({}, Hostile(), 0.5),
        ({}, object(), object()),
        ({}, {"a": 1}, None),
        ({"outcome": lambda _: 1 / 0}, object(), [1, 2, 3]),
        ({"model": "no model"}, {"a": 1}, 0.5),
        ({"variant": None, "features_source": object()}, {"a": 1}, 0.5),
    ],
    ids=map(str, range(10)),
)
def test_what_is_not_found_is_left_out(telemetry, options, argument, returned):
    """The function's value comes back all the same, and the call is counted as one prediction."""

    @sightglass.predicts(**options)
    def predict(x):
        return returned

    assert predict(argument) is returned
    assert len(events(telemetry)) == 1


def test_what_is_not_found_is_said_once(telemetry, caplog):
    """A warning per function and kind, with what to do about it."""

    @sightglass.predicts
    def predict(x):
        return None

    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            predict(object())
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert all(".predict;" in message for message in messages)
    assert "features=" in messages[0]
    assert "outcome=" in messages[1]


def test_the_id_is_known_within_the_call_and_after_it(telemetry):
    """So that the function can return it, and the caller can read it; calls within others keep theirs apart."""

    @sightglass.predicts
    def inner(features):
        return {"score": 0.5, "id": sightglass.last_prediction_id()}

    @sightglass.predicts
    def outer(features):
        mine = sightglass.last_prediction_id()
        return {"score": 0.5, "id": mine, "inner": inner(features)["id"]}

    answer = outer({"a": 1})
    assert answer["id"] != answer["inner"]
    assert sightglass.last_prediction_id() == answer["id"]
    assert [attributes["ml.prediction.id"] for attributes, _ in events(telemetry)] == [answer["inner"], answer["id"]]


def test_each_task_has_its_own_last_id(telemetry):
    """Concurrent calls on one loop do not see each other's ids."""

    @sightglass.predicts
    async def predict(features):
        return 0.5

    async def handle(number):
        await predict({"number": number})
        mine = sightglass.last_prediction_id()
        await asyncio.sleep(0)
        assert sightglass.last_prediction_id() == mine
        return number, mine

    async def handle_all():
        return dict(await asyncio.gather(*map(handle, range(20))))

    answered = asyncio.run(handle_all())
    recorded = {features["number"]: attributes["ml.prediction.id"] for attributes, features in events(telemetry)}
    assert answered == recorded


def test_a_shadow_shares_the_champions_id(telemetry):
    """It is joined with the champion's prediction, and doesn't take its place as the last one."""

    @sightglass.predicts
    def champion(features):
        return 0.5

    @sightglass.predicts(model=Model("m", "2"), variant="shadow")
    def shadow(features):
        return 0.75

    champion({"a": 1})
    identifier = sightglass.last_prediction_id()
    shadow({"a": 1})
    assert sightglass.last_prediction_id() == identifier
    assert [
        (found["ml.prediction.id"], found["ml.model.version"], found["ml.variant"]) for found, _ in events(telemetry)
    ] == [(identifier, "1", "champion"), (identifier, "2", "shadow")]


def test_a_handler_is_decorated_directly(telemetry):
    """FastAPI sees the function's own signature, postponed annotations too; the request itself is no feature."""
    app = FastAPI()

    @app.post("/sync")
    @sightglass.predicts
    def sync(request: Request, ride: Ride) -> dict[str, object]:
        return {"score": ride.kilometres / 10, "id": sightglass.last_prediction_id()}

    @app.post("/async")
    @sightglass.predicts
    async def asynchronous(request: Request, kilometres: Annotated[float, Body(embed=True)]) -> dict[str, object]:
        return {"score": kilometres / 10, "id": sightglass.last_prediction_id()}

    sightglass.instrument(app)
    with TestClient(app) as client:
        answers = [client.post(path, json={"kilometres": 3}).json() for path in ("/sync", "/async")]
        assert client.post("/sync", json={"kilometres": "far"}).status_code == 422
    assert [(found["ml.prediction.id"], found["ml.prediction.score"]) for found, _ in events(telemetry)] == [
        (answer["id"], 0.3) for answer in answers
    ]
    assert [features for _, features in events(telemetry)] == [{"kilometres": 3, "night": False}, {"kilometres": 3}]
    spans = [span.attributes.get("ml.prediction.id") for span in telemetry.spans]
    assert spans == [*(answer["id"] for answer in answers), None]


def generator(features):
    """A generator."""
    yield 0.5


async def asynchronous_generator(features):
    """A generator, too."""
    yield 0.5


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generator, "generator"),
        (asynchronous_generator, "generator"),
        (Ride, "a function that predicts"),
        (staticmethod(fails), "below @staticmethod"),
        (classmethod(fails), "below @classmethod"),
        ("text", "a function that predicts"),
    ],
)
def test_what_makes_no_single_prediction_is_refused_at_once(function, message):
    """A clear TypeError where it is decorated, with and without arguments."""
    with pytest.raises(TypeError, match=message):
        sightglass.predicts(function)
    with pytest.raises(TypeError, match=message):
        sightglass.predicts(variant="shadow")(function)


def test_without_telemetry_the_function_works_all_the_same():
    """Before `instrument` or `start`: a value, an id, no exception."""

    @sightglass.predicts
    def predict(features):
        return 0.5

    assert predict({"a": 1}) == 0.5
    assert sightglass.last_prediction_id()


def test_the_task_of_the_running_telemetry_says_how_a_number_is_read():
    """Without a model of its own, a number of a regression service is a value."""
    with in_memory_telemetry(model=PRICE) as telemetry:
        assert outcome_of(telemetry, 12.5) == {"value": 12.5}
