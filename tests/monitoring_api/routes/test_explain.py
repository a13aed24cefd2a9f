"""The routes that explain what is wrong or slow."""

import random
from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, label, prediction, span

pytestmark = pytest.mark.anyio
WRONG = "/api/v1/predictions/wrong/explain"
MODEL = {"model": "flight-delay"}
AT = T0 - timedelta(hours=1)


def fill(store, *, rows=600, seed=1, wrong=lambda carrier: 0.5 if carrier == "UA" else 0.05):
    """Predictions of four carriers on three hosts, with labels and traces."""
    draw = random.Random(seed)
    events, spans = [], []
    for number in range(rows):
        carrier, host = draw.choice(["UA", "DL", "AA", "B6"]), draw.choice(["a", "b", "c"])
        at = AT + timedelta(seconds=number)
        made = prediction(at, prediction_id=f"p{number}", score=0.8, features={"carrier": carrier, "x": draw.random()})
        said = "on_time" if draw.random() < wrong(carrier) else "late"
        events += [made, label(at, f"p{number}", said)]
        spans.append(span(at, TraceId=made["TraceId"], resource={"host.name": host}))
    store.insert("otel_logs", events)
    store.insert("otel_traces", spans)


async def test_wrong_predictions_are_explained(api, store):
    """A carrier whose predictions are often wrong is the finding, with its shares, examples and words."""
    fill(store)
    answer = await api.get(WRONG, params=MODEL)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["selected"] + found["rest"] == 600
    first = found["findings"][0]
    assert (first["kind"], first["field"], first["value"]) == ("feature", "carrier", "UA")
    assert first["share_selected"] > 2 * first["share_rest"]
    assert 0 < first["low"] < first["effect"] < first["high"] < 1
    assert first["q_value"] < 0.001
    assert 'feature carrier = "UA" accounts for' in found["message"]
    for trace_id, prediction_id in zip(first["examples"], first["example_predictions"], strict=True):
        one = (await api.get(f"/api/v1/predictions/{prediction_id}")).json()
        assert one["features"]["carrier"] == "UA"
        assert (one["label"], one["label_value"]) == ("late", "on_time")
        assert one["trace_id"] == trace_id


async def test_nothing_stands_out_where_nothing_is_planted(api, store):
    """The answer says so, with the numbers of what was compared and searched."""
    fill(store, wrong=lambda _: 0.3)
    found = (await api.get(WRONG, params=MODEL)).json()
    assert found["findings"] == []
    assert found["searched"] > 20
    assert found["message"].startswith(f"Nothing stands out among {found['selected']} wrong predictions")


@pytest.mark.parametrize("rows", [1, 30])
async def test_too_few_say_nothing(api, store, rows):
    """With fewer than 20 of either group there is no finding, and the message says why."""
    fill(store, rows=rows)
    found = (await api.get(WRONG, params=MODEL)).json()
    assert found["findings"] == []
    assert "too few to compare" in found["message"]


async def test_an_unknown_model_has_nothing(api):
    """No predictions at all: no finding, and no failure."""
    found = (await api.get(WRONG, params={"model": "no such"})).json()
    assert (found["selected"], found["rest"], found["findings"]) == (0, 0, [])


async def test_the_answer_is_as_it_was(api, store):
    """As of a time before labels arrived, nothing was labelled; sending all of it twice changes nothing."""
    fill(store)
    once = (await api.get(WRONG, params=MODEL)).json()
    before = await api.get(WRONG, params={**MODEL, "as_of": "now-10d"})
    assert (before.json()["selected"], before.json()["rest"]) == (0, 0)
    for table in ("otel_logs", "otel_traces"):
        store.rows(f"INSERT INTO {table} SELECT * FROM {table}")
    assert (await api.get(WRONG, params=MODEL)).json() == once


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "model"),
        ({**MODEL, "filter": "nonsense=1"}, "filter"),
        ({**MODEL, "from": "now", "to": "now-1h"}, "from"),
        ({**MODEL, "as_of": "yesterday"}, "as_of"),
        ({**MODEL, "modell": "x"}, "modell"),
    ],
)
async def test_bad_input_is_named(api, parameters, field):
    """A problem names the parameter."""
    answer = await api.get(WRONG, params=parameters)
    assert answer.status_code == 422
    assert field in {error["field"].split(".")[-1] for error in answer.json()["errors"]}
