"""Predictions over HTTP."""

from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio
PREDICTIONS = "/api/v1/predictions"
TRACE = "a" * 32


async def test_a_row_says_all_that_there_is_to_say(store, api):
    """What was decided, what became of it, and where to go on from there."""
    made = prediction(T0 - timedelta(hours=5), prediction_id="p", score=0.75, TraceId=TRACE)
    made["LogAttributes"]["ml.entity.id"] = "e1"
    store.insert("otel_logs", [made, label(T0 - timedelta(hours=3), "p", "on_time")])
    answer = await api.get(PREDICTIONS)
    assert answer.json() == {
        "from": "2026-03-01T10:00:00Z",
        "to": "2026-03-02T10:00:00Z",
        "predictions": [
            {
                "prediction_id": "p",
                "timestamp": "2026-03-02T05:00:00Z",
                "model": "flight-delay",
                "version": "v1",
                "variant": "champion",
                "task": "binary",
                "label": "late",
                "score": 0.75,
                "value": None,
                "label_value": "on_time",
                "label_arrived_at": "2026-03-02T07:00:01Z",
                "correct": False,
                "features_source": "store",
                "entity_id": "e1",
                "service": "ml-api",
                "trace_id": TRACE,
            }
        ],
        "next_cursor": None,
    }
    assert answer.headers["etag"]


async def test_pages_follow_each_other(store, api):
    """A cursor leads on, with the range of the first page, and only for the question it came from."""
    rows = [prediction(T0 - timedelta(minutes=n), prediction_id=f"p{n}") for n in range(1, 8)]
    store.insert("otel_logs", rows)
    found, query = [], {"model": "flight-delay", "limit": "3", "feature": "carrier=UA"}
    first = (await api.get(PREDICTIONS, params=query)).json()
    page = first
    while True:
        assert (page["from"], page["to"]) == (first["from"], first["to"])
        found += [row["prediction_id"] for row in page["predictions"]]
        if page["next_cursor"] is None:
            break
        page = (await api.get(PREDICTIONS, params={**query, "cursor": page["next_cursor"]})).json()
    assert found == [f"p{n}" for n in range(1, 8)]
    other = await api.get(PREDICTIONS, params={"model": "other", "cursor": first["next_cursor"]})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({"outcome": "right"}, "outcome", "correct"),
        ({"min_score": "nan"}, "min_score", "finite"),
        ({"min_score": "0.9", "max_score": "0.1"}, "min_score", "greater than max_score"),
        ({"feature": "carrier"}, "feature", "key=value"),
        ({"feature": "x>y"}, "feature", "takes a number"),
        ({"feature": "a\0=b"}, "feature", "NUL"),
        ({"limit": "0"}, "limit", "greater than or equal to 1"),
        ({"cursor": "x"}, "cursor", "not a cursor"),
        ({"from": "now", "to": "now-1h"}, "from", "not before to"),
        ({"nonsense": "1"}, "nonsense", "unknown field"),
    ],
)
async def test_bad_input_is_named(api, query, field, says):
    """A 422 that names the parameter and says what would do."""
    answer = await api.get(PREDICTIONS, params=query)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert says in error["message"]


async def test_one_prediction_is_shown_with_every_version_of_its_label(store, api):
    """The label that holds first, and whether the decision was right by it."""
    store.insert(
        "otel_logs", [label(T0 - timedelta(hours=2), "p", "late"), prediction(T0, prediction_id="p", score=0.9)]
    )
    store.insert("otel_logs", [label(T0 - timedelta(hours=1), "p", "on_time")])
    found = (await api.get(f"{PREDICTIONS}/p")).json()
    assert (found["label_value"], found["correct"]) == ("on_time", False)
    assert [each["value"] for each in found["labels"]] == ["on_time", "late"]
