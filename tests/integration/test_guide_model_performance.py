"""docs/guides/model-performance.md, followed to the letter: from labels in a file to why the model is wrong."""

import csv
import json
import sys
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.integration.guide import Follower, ask, blocks
from tests.integration.stack import ROOT, Stack
from tests.monitoring_api.store import prediction

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BLOCKS = blocks(ROOT / "docs" / "guides" / "model-performance.md")
API = "API=http://127.0.0.1:8003/api/v1\n"
PREDICTIONS = 4_000
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=4)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The pipeline as `sightglass up` starts it, without the demo's service and the dashboard."""
    with Stack(tmp_path_factory.mktemp("stack"), processes=("collector", "monitoring-api"), trained=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def follower(running, tmp_path_factory):
    """Somebody whose service made predictions, right as a rule, but not where weather was missing."""
    random = np.random.default_rng(11)
    late = random.random(PREDICTIONS) < 0.3
    fallback = np.arange(PREDICTIONS) % 4 == 0
    told = np.where(fallback, random.random(PREDICTIONS) < 0.3, late ^ (random.random(PREDICTIONS) < 0.05))
    scores = np.clip(np.where(told, 0.75, 0.25) + random.normal(0, 0.1, PREDICTIONS), 0.01, 0.99)
    at = [START + timedelta(seconds=60 * n) for n in range(PREDICTIONS)]
    rows = [
        prediction(
            at[n],
            score=float(scores[n]),
            prediction_id=f"guide-{n}",
            source="fallback" if fallback[n] else "store",
            features={"distance": float(random.integers(100, 2500)), "carrier": str(random.choice(["UA", "AA", "DL"]))},
        )
        for n in range(PREDICTIONS)
    ]
    inserted = httpx.post(
        running.url("clickhouse"),
        params={"query": "INSERT INTO otel.otel_logs FORMAT JSONEachRow"},
        content="\n".join(map(json.dumps, rows)).encode(),
        auth=("collector", running.password("collector")),
        trust_env=False,
    )
    assert inserted.status_code == 200, inserted.text
    folder = tmp_path_factory.mktemp("follower")
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prediction_id", "label", "observed_at"])
        for n in range(PREDICTIONS):
            landed = at[n] + timedelta(hours=3)
            writer.writerow([f"guide-{n}", "late" if late[n] else "on_time", landed.isoformat()])
    pa.parquet.write_table(_training(random), folder / "training.parquet")
    return Follower(
        folder,
        {
            "sightglass labels": f"{sys.executable} -m sightglass labels",
            "sightglass reference": f"{sys.executable} -m sightglass reference",
            "127.0.0.1:8003": running.url("monitoring-api").removeprefix("http://"),
        },
        {
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder / "state"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": running.url("collector"),
            "SIGHTGLASS_DATA_DIR": str(running.data_dir),
            "SIGHTGLASS_MAINTENANCE_CLICKHOUSE_URL": running.url("clickhouse"),
        },
    )


def _training(random):
    """20,000 rows with one column twice."""
    rows = 20_000
    distance = random.integers(100, 2500, rows)
    return pa.table(
        {
            "flight_id": [f"flight-{n}" for n in range(rows)],
            "distance": distance,
            "miles": distance,
            "carrier": random.choice(["UA", "AA", "DL"], rows),
            "label": np.where(np.arange(rows) < 5_940, "late", "on_time"),
            "score": random.random(rows),
        }
    )


@pytest.fixture(scope="module")
def loaded(follower, running):
    """The guide up to and with its first step, once all labels have arrived."""
    told = follower.run(BLOCKS["load"])
    assert f"accepted {PREDICTIONS:,} labels" in told
    ask(running, "/models?from=now-7d", {"models": [{"labels": PREDICTIONS}]})
    return follower


@pytest.mark.parametrize("name", ["models", "performance", "maturity", "segments", "explain"])
def test_each_answer_is_as_shown(loaded, name):
    """Every field that the guide shows is there."""
    loaded.until(API + BLOCKS[name], BLOCKS[f"{name} shown"])


def test_the_answers_tell_what_was_planted(loaded):
    """Predictions without weather are worse, that is the first reason that is found, and wrong ones can be opened."""
    segments = json.loads(loaded.run(API + BLOCKS["segments"]))["segments"]
    accuracy = {each["segment"]["value"]: each["metrics"]["accuracy"] for each in segments}
    assert accuracy["store"]["low"] > 0.9
    assert accuracy["fallback"]["high"] < 0.7
    explained = json.loads(loaded.run(API + BLOCKS["explain"]))
    first = explained["findings"][0]
    assert (first["field"], first["value"]) == ("features_source", "fallback")
    assert first["share_selected"] > 0.6
    assert first["share_rest"] < 0.3
    wrong = json.loads(loaded.run(API + BLOCKS["wrong ones"]))["predictions"]
    assert len(wrong) == 5
    assert all(each["trace_id"] and each["score"] >= 0.8 for each in wrong)


def test_an_answer_as_of_a_moment_before_the_labels_has_none(loaded):
    """An hour ago no label had arrived."""
    answer = json.loads(loaded.run(API + BLOCKS["as of"]))
    assert answer["labels"] == 0
    assert answer["predictions"] > 0.9 * PREDICTIONS
    assert answer["metrics"]["accuracy"]["value"] is None
    assert answer["metrics"]["accuracy"]["reason"]


def test_the_reference_is_built_as_shown(loaded, running):
    """What the command prints is what the guide shows, and the API knows of it."""
    assert loaded.run(BLOCKS["reference"]) == BLOCKS["reference shown"]
    ask(running, "/models?from=now-7d", {"models": [{"versions": [{"reference": True}]}]})
    told = loaded.until(API + BLOCKS["reference document"], BLOCKS["reference document shown"])
    assert [each["name"] for each in told["features"]] == ["distance", "miles", "carrier"]
