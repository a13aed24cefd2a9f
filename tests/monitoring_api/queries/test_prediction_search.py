"""Predictions by what they were and what became of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.monitoring_api.queries.feature_values import parse_features
from services.monitoring_api.queries.prediction_search import Outcome, PredictionSelection, search_predictions
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio
_DAY = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(days=1)))
_ALL = PredictionSelection("champion")


async def _found(store, selection=_ALL, *, limit=100, span=_DAY):
    """All pages of an answer, and how many pages they were."""
    pages, after = [], None
    while True:
        page = await search_predictions(store, selection, span, limit=limit, after=after)
        pages.append([found.prediction_id for found in page.predictions])
        after = page.following
        if after is None:
            return pages


def _fill(store):
    made = [
        prediction(T0, prediction_id="hit", score=0.8, features={"carrier": "UA"}),
        prediction(T0 + timedelta(hours=1), prediction_id="miss", score=0.2, version="v2"),
        prediction(T0 + timedelta(hours=2), prediction_id="waiting", score=0.6, source="fallback"),
        prediction(T0 + timedelta(hours=2), prediction_id="waiting", score=0.1, variant="shadow"),
    ]
    made[1]["LogAttributes"]["ml.entity.id"] = "e1"
    # The label of the first comes before its prediction.
    said = [label(T0, "hit", "late"), label(T0 + timedelta(hours=5), "miss", "late")]
    store.insert("otel_logs", said)
    store.insert("otel_logs", made)
    store.insert("otel_logs", [*made, *said])


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, ["waiting", "miss", "hit"]),
        ({"outcome": Outcome.CORRECT}, ["hit"]),
        ({"outcome": Outcome.WRONG}, ["miss"]),
        ({"outcome": Outcome.UNLABELLED}, ["waiting"]),
        ({"version": "v2"}, ["miss"]),
        ({"variant": "shadow"}, ["waiting"]),
        ({"model": "other"}, []),
        ({"label": "late"}, ["waiting", "hit"]),
        ({"min_score": 0.6}, ["waiting", "hit"]),
        ({"min_score": 0.6, "max_score": 0.7}, ["waiting"]),
        ({"entity": "e1"}, ["miss"]),
        ({"features_source": "fallback"}, ["waiting"]),
        ({"features": parse_features(["carrier=UA"])}, ["waiting", "miss", "hit"]),
        ({"features": parse_features(["carrier=UA", "distance="])}, ["hit"]),
        ({"features": parse_features(["distance>1000"]), "outcome": Outcome.WRONG}, ["miss"]),
    ],
)
async def test_each_condition_finds_what_meets_it(store, more, names):
    """Newest first, each once, however often and in which order everything was delivered."""
    _fill(store)
    assert await _found(store, replace(_ALL, **more)) == [names]


async def test_a_row_says_what_became_of_it(store):
    """The label that holds, when it came, and whether the decision was right."""
    _fill(store)
    page = await search_predictions(store, _ALL, _DAY, limit=10)
    assert [(row.prediction_id, row.labelled, row.label_value, row.correct) for row in page.predictions] == [
        ("waiting", False, "", None),
        ("miss", True, "late", 0),
        ("hit", True, "late", 1),
    ]
    assert page.predictions[1].label_arrived_at_ns == epoch_ns(T0 + timedelta(hours=5, seconds=1))


@pytest.mark.parametrize("outcome", [None, Outcome.UNLABELLED])
async def test_pages_repeat_and_skip_nothing(store, outcome):
    """Also among predictions of one nanosecond, and with new ones coming in between."""
    times = [T0 + timedelta(minutes=n // 7) for n in range(40)]
    store.insert("otel_logs", [prediction(at, prediction_id=f"p{n}") for n, at in enumerate(times)])
    selection = replace(_ALL, outcome=outcome)
    first = await search_predictions(store, selection, _DAY, limit=9)
    late = prediction(T0, prediction_id="late", ArrivedAt="2099-01-01 00:00:00")
    store.insert("otel_logs", [late, label(T0, "p0", "late", ArrivedAt="2099-01-01 00:00:00")])
    found, after = [row.prediction_id for row in first.predictions], first.following
    while after is not None:
        page = await search_predictions(store, selection, _DAY, limit=9, after=after)
        found += [row.prediction_id for row in page.predictions]
        after = page.following
    assert sorted(found) == sorted(f"p{n}" for n in range(40))


async def test_a_page_that_is_exactly_full_is_the_last(store):
    """There is no empty page after it."""
    store.insert("otel_logs", [prediction(T0 + timedelta(minutes=n), prediction_id=f"p{n}") for n in range(4)])
    assert await _found(store, limit=2) == [["p3", "p2"], ["p1", "p0"]]


async def test_an_empty_store_has_one_empty_page(store):
    """Nothing is found, and nothing fails."""
    assert await _found(store) == [[]]
