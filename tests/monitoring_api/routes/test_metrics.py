"""The metric routes."""

from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, label, prediction, span, text

pytestmark = pytest.mark.anyio
HISTORY = "/api/v1/metrics/history"
CURRENT = "/api/v1/metrics/current"


async def test_the_catalogue_is_listed(api):
    """Every metric with what can be grouped and filtered."""
    metrics = (await api.get("/api/v1/metrics")).json()["metrics"]
    assert {metric["name"]: metric["unit"] for metric in metrics}.items() >= {
        "latency_p95": "s",
        "error_ratio": "1",
    }.items()
    assert metrics[0]["group_by"] == [
        "service",
        "route",
        "status_class",
        "status_code",
        "error_type",
        "model",
        "model_version",
    ]


async def test_history_has_every_field(api, store):
    """The whole answer, as dashboards rely on it."""
    store.insert("otel_traces", [span(T0 - timedelta(seconds=90)), span(T0 - timedelta(seconds=30), status=500)])
    answer = await api.get(HISTORY, params={"metric": "error_ratio", "from": "now-3m", "to": "now", "step": "1m"})
    assert answer.status_code == 200
    start = int(T0.timestamp()) - 180
    assert answer.json() == {
        "metric": "error_ratio",
        "unit": "1",
        "from": "2026-03-02T09:57:00Z",
        "to": "2026-03-02T10:00:00Z",
        "step_seconds": 60,
        "source": "mixed",
        "complete": False,
        "complete_until": None,
        "approximate": False,
        "error_bound": 0.0,
        "groups": 1,
        "compare": None,
        "series": [{"labels": {}, "points": [[start, None], [start + 60, 0.0], [start + 120, 1.0]]}],
    }


async def test_groups_come_comma_separated_or_repeated(api, store):
    """Both ways name the same series."""
    store.insert("otel_traces", [span(T0 - timedelta(seconds=30))])
    common = {"metric": "request_rate", "from": "now-1m", "step": "1m"}
    one = await api.get(HISTORY, params={**common, "group_by": "service,route"})
    other = await api.get(HISTORY, params={**common, "group_by": ["service", "route"]})
    assert one.json() == other.json()
    assert [each["labels"] for each in one.json()["series"]] == [{"service": "ml-api", "route": "/v1/predict"}]


async def test_defaults_are_a_day_until_now(api):
    """Without a range it is the last 24 hours in a step of five minutes."""
    answer = (await api.get(HISTORY, params={"metric": "request_rate", "compare": "none"})).json()
    assert (answer["from"], answer["to"], answer["step_seconds"]) == (
        "2026-03-01T10:00:00Z",
        "2026-03-02T10:00:00Z",
        300,
    )
    assert len(answer["series"][0]["points"]) == 288


async def test_current_is_the_whole_and_its_groups(api, store):
    """Value and count of all, and of each group."""
    at = T0 - timedelta(seconds=30)
    store.insert("otel_traces", [span(at), span(at, status=500), span(at, route="/v1/labels")])
    answer = await api.get(CURRENT, params={"metric": "error_ratio", "window": "5m", "group_by": "route"})
    assert answer.json() == {
        "metric": "error_ratio",
        "unit": "1",
        "window_seconds": 300,
        "from": "2026-03-02T09:55:00Z",
        "to": "2026-03-02T10:00:00Z",
        "value": 1 / 3,
        "count": 3,
        "complete": True,
        "complete_until": None,
        "truncated": False,
        "series": [
            {"labels": {"route": "/v1/labels"}, "value": 0.0, "count": 1},
            {"labels": {"route": "/v1/predict"}, "value": 0.5, "count": 2},
        ],
    }


@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        (HISTORY, {}, "metric"),
        (HISTORY, {"metric": "nope"}, "metric"),
        (HISTORY, {"metric": ["request_rate", "\N{DUCK}"]}, "metric"),
        (HISTORY, {"metric": "request_rate", "nonsense": "1"}, "nonsense"),
        (HISTORY, {"metric": "request_rate", "from": "soon"}, "from"),
        (HISTORY, {"metric": "request_rate", "from": "now", "to": "now-1h"}, "from"),
        (HISTORY, {"metric": "request_rate", "to": "9" * 30}, "to"),
        (HISTORY, {"metric": "request_rate", "to": "-5"}, "to"),
        (HISTORY, {"metric": "request_rate", "to": "NaN"}, "to"),
        (HISTORY, {"metric": "request_rate", "step": "0s"}, "step"),
        (HISTORY, {"metric": "request_rate", "step": "-5m"}, "step"),
        (HISTORY, {"metric": "request_rate", "step": "NaN"}, "step"),
        (HISTORY, {"metric": "request_rate", "step": "10s", "from": "now-520w"}, "step"),
        (HISTORY, {"metric": "request_rate", "tz": "Nowhere/Land"}, "tz"),
        (HISTORY, {"metric": "request_rate", "step": "1d", "tz": "right/UTC"}, "tz"),
        (HISTORY, {"metric": "request_rate", "group_by": "nothing"}, "group_by"),
        (HISTORY, {"metric": "request_rate", "filter": "nothing"}, "filter"),
        (HISTORY, {"metric": "request_rate", "filter": "nothing=1"}, "filter"),
        (HISTORY, {"metric": "request_rate", "filter": "route=a\0b"}, "filter"),
        (HISTORY, {"metric": "request_rate", "filter": "route=" + "x" * 5000}, "filter"),
        (HISTORY, {"metric": "request_rate", "compare": "yesterday"}, "compare"),
        (HISTORY, {"metric": "request_rate", "top": "0"}, "top"),
        (HISTORY, {"metric": "request_rate", "top": "51"}, "top"),
        (HISTORY, {"metric": "request_rate", "top": "NaN"}, "top"),
        (HISTORY, {"metric": "request_rate", "as_of": "yesterday"}, "as_of"),
        (HISTORY, {"metric": "completeness", "as_of": "now"}, "as_of"),
        (CURRENT, {"metric": "request_rate", "window": "5"}, "window"),
        (CURRENT, {"metric": "request_rate", "window": "0m"}, "window"),
        (CURRENT, {"metric": "request_rate", "window": "40d"}, "window"),
        (CURRENT, {"metric": "request_rate", "from": "now"}, "from"),
        ("/api/v1/pipeline/health", {"window": "1s"}, "window"),
        ("/api/v1/pipeline/health", {"window": "2w"}, "window"),
        ("/api/v1/traces/xyz", {}, "trace_id"),
        ("/api/v1/predictions/" + "p" * 300, {}, "prediction_id"),
    ],
)
async def test_bad_input_is_a_problem_that_names_the_field(api, path, parameters, field):
    """Whatever is wrong with a parameter is a 4xx that names it, and reaches no statement."""
    answer = await api.get(path, params=parameters)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("path", ["/api/v1/traces/" + "0" * 32, "/api/v1/predictions/nobody"])
async def test_what_is_not_there_is_a_404(api, path):
    """An id that nothing has."""
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["title"]) == (404, "Not found")


async def test_too_many_groups_are_a_problem_that_says_what_would_do(api, store):
    """100,000 points in all are the most."""
    at = T0 - timedelta(hours=1)
    store.insert("otel_traces", [span(at + timedelta(seconds=n), route=f"/r{n}") for n in range(80)])
    parameters = {"metric": "request_rate", "from": "now-24h", "step": "30s", "group_by": "route", "top": "50"}
    answer = await api.get(HISTORY, params=parameters)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "step"
    step = error["message"].split("step=")[1].split(" ")[0]
    assert (await api.get(HISTORY, params={**parameters, "step": step})).status_code == 200


async def test_the_other_methods_and_bodies_are_4xx(api):
    """Posting to what is read is refused."""
    assert (await api.post(HISTORY, json={})).status_code == 405
    assert (await api.get("/api/v1/nothing")).status_code == 404


async def test_the_front_page_leads_on(api):
    """To the API's description, the dashboard and the ML API."""
    links = (await api.get("/")).json()["links"]
    assert {"/openapi.json", "http://127.0.0.1:8501", "http://127.0.0.1:8002"} <= set(links.values())
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {HISTORY, CURRENT, "/api/v1/alerts", "/api/v1/pipeline/health", "/api/v1/traces/{trace_id}"} <= set(paths)


async def test_several_metrics_of_one_unit_are_one_answer(asking, store):
    """Each series is labelled with its metric and has the points of the metric asked alone; one statement reads all."""
    names = ["latency_p50", "latency_p95", "latency_p99"]
    asked = {"from": "now-10m", "step": "1m", "group_by": "route", "top": 2, "compare": "previous"}
    rows = [span(T0 - timedelta(seconds=7 * n), seconds=n / 1000, route="/ab"[: n % 3 + 1]) for n in range(90)]
    store.insert("otel_traces", rows)

    async def answered(metric):
        # Of an application of its own, with nothing kept.
        async with asking(store) as client:
            store.asked.clear()
            return (await client.get(HISTORY, params={"metric": metric, **asked})).json()

    alone = [await answered(name) for name in names]
    statements = len(store.asked)
    answer = await answered(",".join(names))
    assert len(store.asked) == statements
    assert (answer["metric"], answer["unit"], answer["groups"]) == (",".join(names), "s", 3)
    assert len(alone[0]["series"]) == 3
    for part in (lambda found: found, lambda found: found["compare"]):
        assert part(answer)["series"] == [
            {**series, "labels": {"metric": name, **series["labels"]}}
            for name, found in zip(names, alone, strict=True)
            for series in part(found)["series"]
        ]


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("latency_p50,error_ratio", "differ in unit"),
        ("score_mean,positive_ratio", "rows they rest on"),
        ("latency_p50,latency_p50", "twice"),
        ("latency_p50,", "unknown"),
        (",".join(["latency_p50"] * 6), "more than 5"),
    ],
)
async def test_metrics_that_are_not_of_a_kind_are_refused(api, metric, words):
    """With the reason, under the name of the parameter."""
    answer = await api.get("/api/v1/metrics/history", params={"metric": metric})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "metric")
    assert words in error["message"]


@pytest.mark.parametrize(("as_of", "counts"), [("now", (3, 2, 1)), ("now-30s", (2, 1, 0))])
async def test_an_answer_as_it_was(api, store, as_of, counts):
    """Rows and labels that arrived later count for nothing."""
    requests, predictions, coverage = counts
    at, late = T0 - timedelta(seconds=50), text(T0 - timedelta(seconds=10))
    store.insert("otel_traces", [span(at), span(at), span(at, ArrivedAt=late)])
    store.insert("otel_logs", [prediction(at, prediction_id="p1"), prediction(at, ArrivedAt=late)])
    store.insert("otel_logs", [label(at, "p1", "late", ArrivedAt=late)])

    async def value(metric, scale):
        asked = {"metric": metric, "from": "now-1m", "step": "1m", "as_of": as_of}
        found = (await api.get(HISTORY, params=asked)).json()
        assert found["source"] == "raw"
        return sum(point or 0 for _, point in found["series"][0]["points"]) * scale

    assert await value("request_rate", 60) == pytest.approx(requests)
    assert await value("prediction_rate", 60) == pytest.approx(predictions)
    assert await value("label_coverage", predictions) == pytest.approx(coverage)
