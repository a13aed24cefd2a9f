import enum
import json
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import sightglass
from sightglass import Model, faults
from sightglass.predictions.identifiers import EntityHash
from sightglass.telemetry import warn_not_running
from sightglass.testing import in_memory_telemetry

NOON = 1_386_331_200_000_000_000


def points(telemetry, metric):
    """Values of a metric by attributes."""
    return {
        tuple(sorted(dict(point.attributes).items())): point.value
        for point in telemetry.metrics[metric].data.data_points
    }


def test_an_event_has_every_attribute_with_its_type(telemetry):
    """One prediction is one event: ids and outcome as typed attributes, features as a JSON object in the body."""
    with telemetry.tracer.start_as_current_span("request") as span:
        identifier = sightglass.record_prediction(
            {"distance": 1400, "carrier": "UA", "wind": None, "gust": float("nan")},
            score=0.75,
            label="late",
            scores={"late": 0.75, "on_time": 0.25},
            positive=True,
            entity_id="flight 7",
            features_source="fallback",
            duration_seconds=0.002,
            timestamp=1_700_000_000_000_000_123,
        )
    (readable,) = telemetry.records
    record = readable.log_record
    assert record.event_name == "ml.prediction"
    assert record.timestamp == 1_700_000_000_000_000_123
    assert record.severity_number is SeverityNumber.INFO
    assert record.trace_id == span.get_span_context().trace_id
    assert record.span_id == span.get_span_context().span_id
    assert json.loads(record.body) == {
        "features": {"distance": 1400, "carrier": "UA", "wind": None},
        "nonfinite": {"gust": "nan"},
        "scores": {"late": 0.75, "on_time": 0.25},
    }
    expected = {
        "ml.prediction.id": identifier,
        "ml.model.name": "m",
        "ml.model.version": "1",
        "ml.task": "binary",
        "ml.variant": "champion",
        "ml.features.source": "fallback",
        "ml.prediction.score": 0.75,
        "ml.prediction.label": "late",
        "ml.prediction.positive": True,
        "ml.prediction.duration": 0.002,
        "ml.entity.id": EntityHash("").of("flight 7"),
    }
    assert dict(record.attributes) == expected
    assert {name: type(value) for name, value in record.attributes.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_the_span_carries_the_ids_but_no_features(telemetry):
    """Who finds a slow span finds its prediction; features stay in the event."""
    with telemetry.tracer.start_as_current_span("request"):
        identifier = sightglass.record_prediction({"distance": 1}, score=0.5, label="late", positive=False)
    (span,) = telemetry.spans
    assert dict(span.attributes) == {
        "ml.prediction.id": identifier,
        "ml.model.name": "m",
        "ml.model.version": "1",
        "ml.task": "binary",
        "ml.variant": "champion",
        "ml.features.source": "store",
        "ml.prediction.score": 0.5,
        "ml.prediction.label": "late",
        "ml.prediction.positive": False,
    }


def test_a_batch_is_one_event_per_item_and_one_span(telemetry):
    """The span of a batch names its first prediction and says how many there were."""
    with telemetry.tracer.start_as_current_span("batch"):
        identifiers = [sightglass.record_prediction({"n": number}, score=number / 10) for number in range(5)]
    (span,) = telemetry.spans
    assert span.attributes["ml.prediction.id"] == identifiers[0]
    assert span.attributes["ml.prediction.score"] == 0.0
    assert span.attributes["ml.prediction.batch_size"] == 5
    assert [readable.log_record.attributes["ml.prediction.id"] for readable in telemetry.records] == identifiers


def test_six_things_stay_six_different_things(telemetry):
    """Number 1, "1", true, null, NaN and absent are told apart."""
    variants = [{"x": 1}, {"x": "1"}, {"x": True}, {"x": None}, {"x": float("nan")}, {}]
    for features in variants:
        sightglass.record_prediction(features)
    assert [readable.log_record.body for readable in telemetry.records] == [
        '{"features":{"x":1}}',
        '{"features":{"x":"1"}}',
        '{"features":{"x":true}}',
        '{"features":{"x":null}}',
        '{"features":{},"nonfinite":{"x":"nan"}}',
        '{"features":{}}',
    ]


def test_features_are_copied_at_the_call(telemetry):
    """What is changed after the call is not recorded."""
    features = {"n": 1, "list": [1]}
    sightglass.record_prediction(features)
    features["n"] = 2
    features["list"].append(2)
    assert telemetry.records[0].log_record.body == '{"features":{"n":1,"list":[1]}}'


def test_numpy_scalars_count_as_numbers(telemetry):
    """A score, a value, a duration and a label may come straight from a model."""
    sightglass.record_prediction(
        {
            "a": np.float32(0.5),
            "b": np.int64(3),
            "c": np.bool_(True),
            "d": np.array([1.0, np.inf]),
            "e": np.float64("nan"),
        },
        score=np.float32(0.25),
        value=np.int64(3),
        label=np.int64(1),
        positive=np.bool_(False),
        duration_seconds=np.float64(0.5),
        scores={np.str_("late"): np.float64(0.25)},
    )
    record = telemetry.records[0].log_record
    assert json.loads(record.body) == {
        "features": {"a": 0.5, "b": 3, "c": True, "d": [1.0, None]},
        "nonfinite": {"d[1]": "inf", "e": "nan"},
        "scores": {"late": 0.25},
    }
    assert record.attributes["ml.prediction.score"] == 0.25
    assert type(record.attributes["ml.prediction.score"]) is float
    assert record.attributes["ml.prediction.value"] == 3.0
    assert record.attributes["ml.prediction.label"] == "1"
    assert record.attributes["ml.prediction.positive"] is False
    assert record.attributes["ml.prediction.duration"] == 0.5
    assert "ml.truncated" not in record.attributes


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "0.5", True, object(), [0.5]])
def test_a_score_that_is_no_finite_number_is_left_out_and_marked(telemetry, score):
    """An average of scores is not poisoned by one NaN, and the cut is visible."""
    sightglass.record_prediction({}, score=score)
    record = telemetry.records[0].log_record
    assert "ml.prediction.score" not in record.attributes
    assert record.attributes["ml.truncated"] == ("ml.prediction.score:not-a-number",)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2023, 11, 14, 22, 13, 20, 5, tzinfo=UTC), 1_700_000_000_000_005_000),
        (datetime(2023, 11, 14, 22, 13, 20), 1_700_000_000_000_000_000),  # the case without a zone
        (datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))), 1_700_000_000_000_000_000),
        (1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
    ],
)
def test_a_timestamp_is_a_datetime_or_nanoseconds(telemetry, moment, expected):
    """Any zone is understood, none means UTC, and a new id carries the same moment."""
    identifier = sightglass.record_prediction({}, timestamp=moment)
    assert telemetry.records[0].log_record.timestamp == expected
    assert int(identifier.replace("-", "")[:12], 16) == expected // 1_000_000


def test_the_count_is_by_model_version_variant_and_source(telemetry):
    """What is handed over is counted under the attributes that completeness compares by."""
    sightglass.record_prediction({}, prediction_id="a")
    sightglass.record_prediction({}, prediction_id="a", variant="shadow", model=sightglass.Model("m", "2"))
    sightglass.record_prediction({}, features_source="fallback")
    sightglass.record_prediction({}, features_source="fallback")

    def key(version, variant, source):
        return (
            ("ml.features.source", source),
            ("ml.model.name", "m"),
            ("ml.model.version", version),
            ("ml.variant", variant),
        )

    assert points(telemetry, "ml.prediction.count") == {
        key("1", "champion", "store"): 1,
        key("2", "shadow", "store"): 1,
        key("1", "champion", "fallback"): 2,
    }
    assert telemetry.metrics["ml.prediction.count"].data.is_monotonic


def test_a_callers_free_text_cannot_fill_the_memory(telemetry):
    """Attribute sets beyond 1,000 are counted together."""
    for number in range(1_010):
        telemetry.tallies.predictions.add((("x", str(number)),))
    counts = points(telemetry, "ml.prediction.count")
    assert len(counts) == 1_001
    assert counts[(("otel.metric.overflow", True),)] == 10


def test_replayed_telemetry_marks_spans_events_and_counts():
    """Everything recorded with a past timestamp can be left out of ingest lag."""
    with in_memory_telemetry(replayed=True) as telemetry:
        telemetry.tracer.start_span("flight", start_time=1).end(2)
        sightglass.record_prediction({}, timestamp=NOON)
        sightglass.record_label("a", "late", observed_at=NOON)
        assert [span.attributes["ml.replayed"] for span in telemetry.spans] == [True]
        assert [readable.log_record.attributes["ml.replayed"] for readable in telemetry.records] == [True, True]
        assert points(telemetry, "sightglass.spans.ended") == {(("ml.replayed", True),): 1}


def test_without_telemetry_an_id_is_returned_and_each_kind_warned_of_once(caplog):
    """A service whose telemetry is off, or was shut down, still answers with ids."""
    warn_not_running.cache_clear()
    first = sightglass.record_prediction({"a": 1})
    assert first != sightglass.record_prediction({"a": 1})
    assert sightglass.record_prediction({}, prediction_id="mine") == "mine"
    sightglass.record_label("mine", 1, observed_at=NOON)
    sightglass.record_label("mine", 1, observed_at=NOON)
    assert [record.args for record in caplog.records] == [("prediction",), ("label",)]


def test_a_broken_pipeline_is_told_once_and_never_to_the_caller(telemetry, monkeypatch, caplog):
    """An error inside telemetry becomes one log line."""

    def explode(**_):
        raise RuntimeError("broken")

    monkeypatch.setattr(telemetry.events, "emit", explode)
    monkeypatch.setattr(faults, "_last_report", {})
    for _ in range(3):
        assert sightglass.record_prediction({"a": 1})
        sightglass.record_label("a", 1, observed_at=NOON)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["record_prediction", "record_label"]


def test_a_thousand_nested_lists_do_not_overflow_the_stack(telemetry):
    """Depth is cut, not followed."""
    deep: list[object] = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    sightglass.record_prediction({"deep": deep})
    record = telemetry.records[0].log_record
    assert record.body == '{"features":{"deep":[[[[[[null]]]]]]}}'
    assert record.attributes["ml.truncated"] == ("deep[0][0][0][0][0][0]:depth",)


def test_events_outside_any_span_have_no_trace(telemetry):
    """A batch job without spans records predictions all the same."""
    assert not trace.get_current_span().get_span_context().is_valid
    sightglass.record_prediction({"a": 1})
    assert telemetry.records[0].log_record.trace_id == 0


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
@pytest.mark.parametrize("listener", [False, True], ids=["alone", "with a processor"])
def test_limits_on_log_records_cost_an_event_nothing(monkeypatch, stock, listener):
    """The SDK would drop the oldest attributes, the ids, and cut them; other log records have these limits."""
    for name in ("OTEL_ATTRIBUTE", "OTEL_LOGRECORD_ATTRIBUTE"):
        monkeypatch.setenv(f"{name}_COUNT_LIMIT", "1")
        monkeypatch.setenv(f"{name}_VALUE_LENGTH_LIMIT", "2")
    with in_memory_telemetry(model=sightglass.Model("flights", "1.0"), stock=stock) as telemetry:
        if listener:
            telemetry.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(InMemoryLogRecordExporter()))
        identifier = sightglass.record_prediction({"a": 1}, score=0.5, label="late", entity_id="e")
        telemetry.logger_provider.get_logger("other").emit(attributes={"first": "long", "second": "long"})
        event, other = (readable.log_record for readable in telemetry.records)
    assert len(event.attributes) == 9
    assert event.attributes["ml.prediction.id"] == identifier
    assert (event.attributes["ml.model.name"], event.attributes["ml.prediction.label"]) == ("flights", "late")
    assert dict(other.attributes) == {"second": "lo"}


def test_ids_and_names_too_long_stay_different_and_are_marked(telemetry):
    """Two that differ after 256 characters are two, for predictions, their labels and entities."""
    ids = [sightglass.record_prediction({}, prediction_id="p" * 300 + end, entity_id="e" * 300 + end) for end in "ab"]
    sightglass.record_label("p" * 300 + "a", "l" * 300, observed_at=NOON)
    sightglass.record_prediction({}, label="l" * 300, model=Model("m" * 300, "1"))
    first, second, label, last = (readable.log_record.attributes for readable in telemetry.records)
    assert [len(identifier) for identifier in ids] == [256, 256]
    assert len(set(ids)) == 2
    assert first["ml.entity.id"] != second["ml.entity.id"]
    assert label["ml.prediction.id"] == ids[0]
    assert first["ml.truncated"] == ("ml.prediction.id:text",)
    assert label["ml.truncated"] == ("ml.prediction.id:text", "ml.label.value:text")
    assert last["ml.truncated"] == ("ml.prediction.label:text", "ml.model.name:text")


@pytest.mark.parametrize(
    "seconds", [1.8e9, 1_800_000_000, 1_800_000_000_000_000, "2026", True, np.float64(1e18)], ids=str
)
def test_a_time_in_another_unit_is_replaced_by_now_and_marked(telemetry, seconds):
    """Seconds taken for nanoseconds would put a prediction into 1970, where retention deletes it."""
    sightglass.record_prediction({}, timestamp=seconds)
    sightglass.record_label("a", 1, observed_at=seconds)
    prediction, label = (readable.log_record for readable in telemetry.records)
    assert time.time_ns() - prediction.timestamp < 60e9
    assert prediction.attributes["ml.truncated"] == ("timestamp:replaced",)
    assert label.attributes["ml.truncated"] == ("observed_at:replaced",)


def test_a_label_without_its_prediction_or_itself_is_not_recorded(telemetry, caplog):
    """None is no class, and an empty id joins nothing: a warning, no event and no count."""
    for of_what, value in [(None, 1), ("", 1), ("a", None)]:
        sightglass.record_label(of_what, value, observed_at=NOON)
    assert telemetry.records == ()
    assert "ml.label.count" not in telemetry.metrics
    assert len(caplog.records) <= 1


class Colour(enum.Enum):
    """Classes as an enumeration."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"), [(Colour.RED, "red"), (Decimal("1.0"), "1"), (Decimal("0.50"), "0.5"), (np.int64(3), "3")]
)
def test_a_label_has_one_spelling_whatever_type_it_came_in(telemetry, value, text):
    """The decided and the true label match."""
    sightglass.record_prediction({}, label=value)
    sightglass.record_label("a", value, observed_at=NOON)
    decided, true = (readable.log_record.attributes for readable in telemetry.records)
    assert (decided["ml.prediction.label"], true["ml.label.value"]) == (text, text)


@pytest.mark.parametrize(("model", "name"), [("returns", "returns"), (7, "unknown")])
def test_what_is_no_model_loses_no_prediction(caplog, model, name):
    """`model="name"` is a mistake that is easily made: a warning, and the predictions are there."""
    with in_memory_telemetry(model=model) as telemetry:
        sightglass.record_prediction({})
        with sightglass.model_call():
            pass
        sightglass.startup.take_model(telemetry, model)
        (event,) = telemetry.records
    assert event.log_record.attributes["ml.model.name"] == name
    assert event.log_record.attributes["ml.model.version"] == "unknown"
    assert "takes a sightglass.Model" in caplog.text
