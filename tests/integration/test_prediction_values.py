"""What `record_prediction` was given is what `predictions` has: the library, the Collector and ClickHouse, all real."""

import json
import os
import subprocess
import sys
import time

import pytest

from sightglass.predictions.identifiers import EntityHash
from tests.collector.pipeline import ROOT, Pipeline
from tests.integration.recorded_predictions import (
    ATTRIBUTE,
    CASES,
    DENIED,
    ENTITY,
    TWO_HUNDRED,
    VERSION,
)

pytestmark = pytest.mark.integration

SALT = "a-salt"
SIX = {
    "number": ("1", ""),
    "text": ('"1"', ""),
    "true": ("true", ""),
    "null": ("null", ""),
    "nan": ("", "nan"),
    "absent": ("", ""),
}


class Recorded:
    """The pipeline, and what processes that use the library printed."""

    def __init__(self, pipeline) -> None:
        self.pipeline = pipeline
        self.spans: dict[str, list[str]] = {}

    def record(self, prefix="", *cases, **variables):
        """Run the recording process to its end, with the library's defaults but for these variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SIGHTGLASS_"))}
        finished = subprocess.run(
            [sys.executable, "-m", "tests.integration.recorded_predictions", prefix, *cases],
            env={
                **kept,
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.pipeline.otlp,
                "SIGHTGLASS_ENTITY_SALT": SALT,
                "SIGHTGLASS_DENIED_FEATURES": "salary",
                **variables,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        recorded = json.loads(finished.stdout)
        self.spans |= recorded
        where = f"ServiceName = 'recorder' AND PredictionId IN ({', '.join(repr(name) for name in recorded)})"
        self.pipeline.wait_for(f"SELECT uniqExact(PredictionId) FROM predictions WHERE {where}", str(len(recorded)))
        return recorded

    def row(self, name):
        """The stored prediction."""
        (row,) = self.rows(f"SELECT * FROM predictions WHERE PredictionId = '{name}'")
        return row

    def rows(self, sql):
        """Rows as objects."""
        return [json.loads(line) for line in self.pipeline.query(f"{sql} FORMAT JSONEachRow").splitlines()]

    def marks(self, name):
        """What the stored event says was cut."""
        (row,) = self.rows(
            "SELECT LogAttributes['ml.truncated'] AS marks FROM otel_logs FINAL "
            f"WHERE EventName = 'ml.prediction' AND LogAttributes['ml.prediction.id'] = '{name}'"
        )
        return json.loads(row["marks"]) if row["marks"] else []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Everything in CASES, recorded by one process and stored."""
    with Pipeline(tmp_path_factory.mktemp("values")) as pipeline:
        recorded = Recorded(pipeline.start())
        recorded.record()
        yield recorded


def test_six_kinds_of_value_arrive_as_six(recorded):
    """Number 1, "1", true, null, NaN and absent, as Python values, are six different things in `predictions`."""
    rows = recorded.rows(
        "SELECT PredictionId, JSONExtractRaw(Features, 'x') AS value, FeaturesNonfinite['x'] AS odd, "
        "JSONHas(Features, 'x') AS has FROM predictions WHERE PredictionId LIKE 'six-%'"
    )
    stored = {row["PredictionId"].removeprefix("six-"): (row["value"], row["odd"]) for row in rows}
    assert stored == SIX
    assert {row["PredictionId"] for row in rows if not row["has"]} == {"six-nan", "six-absent"}


def test_two_hundred_features_arrive_as_two_hundred(recorded):
    """With identity and outcome beside them, and every number to the last digit."""
    row = recorded.row("two-hundred")
    assert json.loads(row["Features"]) == TWO_HUNDRED
    assert (row["PredictionId"], row["ModelName"], row["ModelVersion"], row["Variant"]) == (
        *("two-hundred", "flight-delay"),
        *(VERSION, "champion"),
    )
    assert (row["Score"], row["Label"], row["Positive"], row["Task"]) == (0.25, "late", False, "binary")
    assert recorded.marks("two-hundred") == []


def test_a_whole_prediction_arrives_with_every_column(recorded):
    """Each column compared, values and types; trace and span are those of the span it was recorded in."""
    row = recorded.row("binary")
    trace_id, span_id = recorded.spans["binary"]
    (owner,) = recorded.rows(
        f"SELECT ServiceName, ResourceAttributes['service.instance.id'] AS Instance, SpanName FROM otel_traces FINAL "
        f"WHERE TraceId = '{trace_id}' AND SpanId = '{span_id}'"
    )
    assert (owner["ServiceName"], owner["SpanName"]) == ("recorder", "binary")
    assert abs(time.time() - time.mktime(time.strptime(row.pop("Timestamp")[:19], "%Y-%m-%d %H:%M:%S"))) < 86_400
    assert row.pop("ArrivedAt")
    assert row == {
        "PredictionId": "binary",
        "ModelName": "flight-delay",
        "ModelVersion": VERSION,
        "Variant": "champion",
        "Task": "binary",
        "Label": "late",
        "Score": 0.75,
        "Value": None,
        "Positive": True,
        "Scores": {},
        "Features": '{"distance":1400,"carrier":"UA"}',
        "FeaturesNonfinite": {},
        "FeaturesSource": "fallback",
        "EntityId": EntityHash(SALT).of(ENTITY),
        "DurationSeconds": 0.002,
        "TraceId": trace_id,
        "SpanId": span_id,
        "ServiceName": "recorder",
        "ServiceInstanceId": owner["Instance"],
        "Replayed": False,
    }


def test_every_prediction_names_its_own_span(recorded):
    """Of all cases, the row's trace and span are those that the process saw."""
    rows = recorded.rows("SELECT PredictionId, TraceId, SpanId FROM predictions")
    assert {row["PredictionId"]: [row["TraceId"], row["SpanId"]] for row in rows} == recorded.spans
    assert set(recorded.spans) >= set(CASES)


def test_classes_values_and_variants_have_their_columns(recorded):
    """Scores of each class, a regression's value, the shadow's variant."""
    classes, regression, shadow = (recorded.row(name) for name in ("classes", "regression", "shadow"))
    assert classes["Scores"] == {"cat": 0.5, "dog": 0.375, "ö": 0.125}
    assert (classes["Task"], classes["Label"], classes["Score"], classes["Positive"]) == (
        *("multiclass", "cat"),
        *(0.5, None),
    )
    assert (regression["Task"], regression["ModelName"], regression["Value"], regression["Score"]) == (
        *("regression", "price"),
        *(-12.5, None),
    )
    assert (shadow["Variant"], shadow["FeaturesSource"], shadow["EntityId"]) == (
        *("shadow", "store"),
        EntityHash(SALT).of(ENTITY),
    )


def test_what_was_cut_says_so_in_the_stored_row(recorded):
    """Each limit, what is left within it, and its mark beside it."""
    sizes = {
        row["PredictionId"]: row["n"]
        for row in recorded.rows("SELECT PredictionId, length(JSONExtractKeys(Features)) AS n FROM predictions")
    }
    assert (int(sizes["ten-thousand"]), recorded.marks("ten-thousand")) == (1_000, ["features:number"])
    assert json.loads(recorded.row("megabyte")["Features"]) == {"a": "x" * 4_096}
    assert recorded.marks("megabyte") == ["a:text"]
    assert 0 < int(sizes["too-much"]) < 100
    assert recorded.marks("too-much") == ["features:size"]
    assert json.loads(recorded.row("recursive")["Features"]) == {"a": [[[[[[None]]]]]]}
    assert recorded.marks("recursive") == ["a[0][0][0][0][0][0]:depth"]
    assert json.loads(recorded.row("not-utf8")["Features"]) == {"a": "?", "b": "b'\\xff\\xfe'", "c?": 1}
    assert recorded.marks("not-utf8") == ["a:text", "b:type", "c?:name"]
    unreadable = recorded.row("unreadable")
    assert json.loads(unreadable["Features"]) == {"a": "<Unprintable>", "b": str(2**70)}
    assert unreadable["Score"] is None
    assert recorded.marks("unreadable") == [
        *("a:type", "b:integer"),
        *("ml.prediction.score:not-a-number", "timestamp:replaced"),
    ]
    assert (recorded.row("no-mapping")["Features"], recorded.marks("no-mapping")) == ("{}", ["features:not-a-mapping"])


def test_an_attribute_of_a_megabyte_is_cut_on_its_span(recorded):
    """A span of bounded size is stored."""
    lengths = "SELECT DISTINCT length(SpanAttributes['x.large']) AS n FROM otel_traces WHERE ServiceName = 'recorder'"
    (row,) = recorded.rows(lengths)
    assert 0 < int(row["n"]) <= 8_192 < len(ATTRIBUTE)


def test_nothing_denied_and_no_entity_is_in_any_table(recorded):
    """Features denied by default and by the owner leave a mark; their values, and raw entity ids, are nowhere."""
    assert json.loads(recorded.row("denied")["Features"]) == {"distance": 1}
    assert recorded.marks("denied") == ["password:denied", "Salary:denied"]
    names = recorded.pipeline.query(
        "SELECT name FROM system.tables WHERE database = 'otel' AND engine LIKE '%MergeTree'", "migrator"
    ).splitlines()
    assert {"otel_logs", "otel_traces", "predictions_data"} <= set(names)
    everything = {
        name: recorded.pipeline.query(f"SELECT * FROM {name} FORMAT JSONEachRow", "migrator") for name in names
    }
    assert EntityHash(SALT).of(ENTITY) in everything["otel_logs"]
    assert [name for name, text in everything.items() if DENIED in text or ENTITY in text] == []
    assert DENIED not in recorded.pipeline.log("collector")


def test_with_an_allow_list_only_what_it_names_is_stored(recorded):
    """The rest leaves marks and nothing else."""
    recorded.record("listed-", "two-hundred", SIGHTGLASS_ALLOWED_FEATURES="Feature_007, distance")
    assert json.loads(recorded.row("listed-two-hundred")["Features"]) == {"feature_007": 1.0}
    marks = recorded.marks("listed-two-hundred")
    assert marks == [f"feature_{place:03}:not-allowed" for place in range(33) if place != 7]


@pytest.mark.parametrize(
    "limits",
    [
        {"OTEL_ATTRIBUTE_COUNT_LIMIT": "1", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2"},
        {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "1", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2"},
    ],
    ids=["all signals", "log records"],
)
def test_limits_of_the_environment_drop_no_identity(recorded, limits):
    """The SDK drops the oldest attributes first, the ids; under low limits a prediction still has all of its own."""
    spans = recorded.record(f"{min(limits)}-", "binary", **limits)
    (name,) = spans
    row = recorded.row(name)
    assert (row["ModelName"], row["ModelVersion"], row["Variant"]) == ("flight-delay", VERSION, "champion")
    assert (row["Score"], row["Label"], row["EntityId"]) == (0.75, "late", EntityHash(SALT).of(ENTITY))
    assert [row["TraceId"], row["SpanId"]] == spans[name]
