"""A model's performance and its predictions over the real driver, as the user that may only read."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_monitoring_api import Processes
from tests.monitoring_api.store import label, prediction, span

pytestmark = pytest.mark.integration
PERFORMANCE = "/api/v1/models/flight-delay/performance"
MADE = 120


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """ClickHouse with predictions of the last hours, their labels and traces; and the API."""
    processes = Processes(tmp_path_factory.mktemp("data"))
    try:
        processes.start_clickhouse()
        processes.migrate()
        now = datetime.now(UTC)
        spans, events = [], []
        for number in range(MADE):
            at = now - timedelta(minutes=number + 1)
            features = {"carrier": "'UA\\" if number % 2 else "DL", "distance": number * 10.5}
            made = prediction(at, prediction_id=f"p{number}", score=(number % 10) / 10, features=features)
            spans.append(span(at, TraceId=made["TraceId"]))
            events += [made, label(at, f"p{number}", "late" if number % 3 else "on_time")]
        for _ in range(2):
            processes.insert("otel_traces", spans)
            processes.insert("otel_logs", events)
        processes.start("services.monitoring_api")
        processes.wait_for("/readyz")
        yield processes
    finally:
        processes.stop()


def _ask(running, path, **query):
    answer = httpx.get(running.api_url + path, params=query, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("segment", "parts"),
    [("carrier", 2), ("distance:4", 4), ("distance:[100,1000]", 3), ("trace_path", 1), ("variant", 1), ("entity", 1)],
)
def test_a_model_is_measured(running, segment, parts):
    """Each prediction once, over all and in each way of telling them apart."""
    found = _ask(running, PERFORMANCE, segment=segment, threshold="0.5", step="1h", **{"from": "now-6h"})
    assert (found["task"], found["predictions"], found["labels"]) == ("binary", MADE, MADE)
    assert found["metrics"]["roc_auc"]["value"] is not None
    assert sum(each["predictions"] for each in found["series"]) == MADE
    assert len(found["segments"]) == parts
    assert sum(each["predictions"] for each in found["segments"]) == MADE
    assert found["confusion"]["n"] == found["thresholds"]["n"] == MADE


def test_models_and_predictions_are_found(running):
    """The model with its counts; its predictions in pages, by what a feature says and what became of them."""
    (model,) = _ask(running, "/api/v1/models")["models"]
    assert (model["predictions"], model["labels"]) == (MADE, MADE)
    query = {"feature": "carrier='UA\\", "limit": "25"}
    page = _ask(running, "/api/v1/predictions", **query)
    found = page["predictions"]
    while page["next_cursor"]:
        page = _ask(running, "/api/v1/predictions", **query, cursor=page["next_cursor"])
        found += page["predictions"]
    assert [row["prediction_id"] for row in found] == [f"p{number}" for number in range(1, MADE, 2)]
    wrong = _ask(running, "/api/v1/predictions", outcome="wrong", limit="500")["predictions"]
    assert wrong
    assert all(row["label"] != row["label_value"] for row in wrong)
