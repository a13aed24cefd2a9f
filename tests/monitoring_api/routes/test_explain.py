"""The routes that explain what is wrong or slow."""

import json
import random
from datetime import timedelta

import pytest

from tests.monitoring_api.maintenance.test_outcomes import maintain
from tests.monitoring_api.store import T0, label, prediction, span

pytestmark = pytest.mark.anyio
WRONG = "/api/v1/predictions/wrong/explain"
SLOW = "/api/v1/traces/slow/explain"
HOSTILE = ("'; DROP TABLE otel_traces; --", '"]\\', "{x:String}", "%s%n", "a\tb\n", "\N{DUCK}", "resource.", "p^=q")
MODEL = {"model": "flight-delay"}
AT = T0 - timedelta(hours=1)


def fill(store, *, rows=600, seed=1, wrong=lambda carrier: 0.5 if carrier == "UA" else 0.05, more=()):
    """Predictions of four carriers on three hosts, with labels and traces; what is wrong is also slow."""
    draw = random.Random(seed)
    events, spans = [], []
    for number in range(rows):
        carrier, host = draw.choice(["UA", "DL", "AA", "B6"]), draw.choice(["a", "b", "c"])
        at = AT + timedelta(seconds=number)
        odd = {name: draw.choice(HOSTILE) for name in more}
        features = {"carrier": carrier, "x": draw.random(), **odd}
        made = prediction(at, prediction_id=f"p{number}", score=0.8, features=features)
        failed = draw.random() < wrong(odd or carrier)
        events += [made, label(at, f"p{number}", "on_time" if failed else "late")]
        seconds = 0.4 if failed else 0.1
        resource = {"host.name": host, **odd}
        spans.append(span(at, seconds=seconds, TraceId=made["TraceId"], resource=resource, attributes=odd))
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


async def test_only_predictions_that_meet_conditions_on_features_are_explained(api, store):
    """Of one carrier, in the range of a number: their counts, from rows joined now and before; nonsense is refused."""
    fill(store)
    stored = [json.loads(features) for (features,) in store.rows("SELECT Features FROM otel.predictions")]
    wanted = sum(each["carrier"] == "UA" and each["x"] >= 0.25 for each in stored)
    asked = {**MODEL, "feature": ["carrier=UA", "x>=0.25"]}
    found = (await api.get(WRONG, params=asked)).json()
    assert found["selected"] + found["rest"] == wanted > 60
    assert not any(each.get("value") == "UA" for each in found["findings"])
    await maintain(store, now=T0)
    again = (await api.get(WRONG, params=asked)).json()
    assert (again["selected"], again["rest"]) == (found["selected"], found["rest"])
    refused = await api.get(WRONG, params={**MODEL, "feature": "carrier"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "feature")


async def test_the_largest_errors_of_a_regression_are_explained(api, store):
    """The tenth with the largest absolute errors is what is wrong."""
    draw = random.Random(2)
    events = []
    for number in range(600):
        at, site = AT + timedelta(seconds=number), draw.choice("abcd")
        kind = {"ml.task": "regression", "ml.prediction.value": "10", "ml.model.name": "load"}
        made = prediction(at, prediction_id=f"r{number}", score=None, attributes=kind, features={"site": site})
        error = draw.gauss(0, 5 if site == "c" else 1)
        events += [made, label(at, f"r{number}", str(10 + error))]
    store.insert("otel_logs", events)
    found = (await api.get(WRONG, params={"model": "load"})).json()
    assert found["selected"] == pytest.approx(60, abs=1)
    assert found["rest"] == 600 - found["selected"]
    first = found["findings"][0]
    assert (first["kind"], first["field"], first["value"]) == ("feature", "site", "c")


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


async def test_slow_requests_are_explained(api, store):
    """The same cause, a feature of the prediction made in the request; behind it, where the time goes."""
    fill(store)
    answer = await api.get(SLOW, params={"min_duration_ms": 250, "route": "/v1/predict"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    first, *others = found["findings"]
    assert (first["kind"], first["field"], first["value"], first["unit"]) == ("feature", "carrier", "UA", "share")
    assert len(first["examples"]) == len(first["example_predictions"]) == 3
    last = others[-1]
    assert (last["kind"], last["field"], last["value"], last["unit"]) == (
        "self_time",
        "ml-api",
        "POST /v1/predict",
        "ms",
    )
    assert last["effect"] == pytest.approx(300)
    assert "They spend 300 ms more in POST /v1/predict of ml-api" in found["message"]


async def test_requests_slower_than_the_bounds_are_in_neither_group(api, store):
    """What the slowest have is no cause of what took 200 to 500 ms; a shorter span of the same request is no case."""
    draw = random.Random(8)
    rows = []
    for number in range(900):
        host = draw.choice("abc")
        seconds = 0.3 if draw.random() < (0.4 if host == "b" else 0.05) else 0.1
        rows.append(span(AT + timedelta(seconds=number), seconds=seconds, resource={"host.name": host}))
    for number in range(100):
        slowest = span(AT + timedelta(seconds=number), seconds=2, resource={"host.name": "z"})
        within = span(
            AT + timedelta(seconds=number), seconds=0.3, TraceId=slowest["TraceId"], resource={"host.name": "z"}
        )
        rows += [slowest, within]
    store.insert("otel_traces", [*rows, *draw.sample(rows, 50)])
    bounds = {"min_duration_ms": 200, "max_duration_ms": 500}
    found = (await api.get(SLOW, params=bounds)).json()
    slow = sum(row["Duration"] == 300_000_000 for row in rows[:900])
    assert (found["selected"], found["rest"]) == (slow, 900 - slow)
    first, *_ = found["findings"]
    assert (first["field"], first["value"]) == ("resource.host.name", "b")
    itself = found["findings"][-1]
    assert (itself["kind"], itself["effect"]) == ("self_time", pytest.approx(200))
    assert not any(each.get("value") == "z" for each in found["findings"])
    assert f"{slow} requests that took 200 ms to 500 ms and {900 - slow} quicker ones" in found["message"]
    unbounded = (await api.get(SLOW, params={"min_duration_ms": 200})).json()
    assert (unbounded["selected"], unbounded["rest"]) == (slow + 100, 900 - slow)
    assert (unbounded["findings"][0]["field"], unbounded["findings"][0]["value"]) == ("resource.host.name", "z")
    ends = {"min_duration_ms": 300, "max_duration_ms": 300}
    assert (await api.get(SLOW, params=ends)).json()["selected"] == slow


async def test_without_a_duration_the_slowest_of_each_route_are_explained(api, store):
    """A route that is slow as a whole is no cause: of each, those beyond the 95th percentile are selected."""
    draw = random.Random(5)
    rows = []
    for number in range(1_000):
        route, host = draw.choice(["/fast", "/slow"]), draw.choice(["a", "b", "c", "d"])
        seconds = (
            (0.01 if route == "/fast" else 1) * (1 + draw.random()) * (3 if host == "b" and number % 5 == 0 else 1)
        )
        rows.append(span(AT + timedelta(seconds=number), seconds=seconds, route=route, resource={"host.name": host}))
    store.insert("otel_traces", rows)
    found = (await api.get(SLOW)).json()
    assert 40 <= found["selected"] <= 50
    assert found["rest"] == 1_000 - found["selected"]
    first = found["findings"][0]
    assert (first["field"], first["value"]) == ("resource.host.name", "b")
    assert not any(each["field"] in {"http.route", "resource.http.route"} for each in found["findings"])


async def test_requests_that_are_all_alike_have_no_cause(api, store):
    """With nothing that differs there is nothing to test; where the time goes is still told."""
    rows = [span(AT + timedelta(seconds=n), seconds=0.4 if n % 5 == 0 else 0.1) for n in range(300)]
    store.insert("otel_traces", rows)
    found = (await api.get(SLOW, params={"min_duration_ms": 250})).json()
    assert (found["selected"], found["rest"], found["searched"]) == (60, 240, 0)
    assert [each["kind"] for each in found["findings"]] == ["self_time"]


async def test_a_connections_port_is_no_cause(api, store):
    """All slow requests over one connection: the address may tell something, the port is what that happened to get."""
    rows = [
        span(
            AT + timedelta(seconds=n),
            seconds=0.4 if n % 5 == 0 else 0.1,
            attributes={"client.port": f"{5000 + (n % 5 == 0)}", "client.address": f"10.0.0.{1 + (n % 5 == 0)}"},
        )
        for n in range(300)
    ]
    store.insert("otel_traces", rows)
    found = (await api.get(SLOW, params={"min_duration_ms": 250})).json()
    shares = [each for each in found["findings"] if each["unit"] == "share"]
    assert [(each["field"], each["value"], each["same"]) for each in shares] == [("client.address", "10.0.0.2", [])]


async def test_hostile_names_and_values_are_data(api, store):
    """They come back letter by letter, and stand in no statement."""
    fill(store, more=HOSTILE, wrong=lambda odd: 0.7 if odd[HOSTILE[0]] == HOSTILE[1] else 0.05)
    for url, parameters in ((WRONG, MODEL), (SLOW, {"min_duration_ms": 250})):
        store.asked.clear()
        answer = await api.get(url, params=parameters)
        assert answer.status_code == 200, answer.text
        first = answer.json()["findings"][0]
        names = {(each["field"], each["value"]) for each in (first, *first["same"])}
        assert (HOSTILE[0], HOSTILE[1]) in names
        assert len(store.asked) >= 4
        for query in store.asked:
            assert not any(text in query.sql for text in ("DROP", "{x:String}", "%n", "\N{DUCK}", "p^=q"))


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"min_duration_ms": "-1"}, "min_duration_ms"),
        ({"min_duration_ms": "nan"}, "min_duration_ms"),
        ({"max_duration_ms": "500"}, "max_duration_ms"),
        ({"min_duration_ms": "500", "max_duration_ms": "200"}, "max_duration_ms"),
        ({"min_duration_ms": "500", "max_duration_ms": "inf"}, "max_duration_ms"),
        ({"status": "fine"}, "status"),
        ({"attr": "x"}, "attr"),
        ({"to": "never"}, "to"),
        ({"model": "x"}, "model"),
    ],
)
async def test_bad_input_for_slow_ones_is_named(api, parameters, field):
    """A problem names the parameter."""
    answer = await api.get(SLOW, params=parameters)
    assert answer.status_code == 422
    assert field in {error["field"].split(".")[-1] for error in answer.json()["errors"]}


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
