"""Property-based: whatever is given to the library, nothing raises and what is emitted can be sent and read."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

import sightglass
from sightglass import Model, faults
from sightglass.export.attempts import Attempts
from sightglass.export.sinks import EncodedSink
from sightglass.otlp.logs import encode_log
from sightglass.settings import Settings
from sightglass.telemetry import Telemetry, adopt, current
from sightglass.testing import InMemoryExporters, in_memory_telemetry
from sightglass.text import identifier_text
from tests.sightglass.hostile_values import ANYTHING, SPECIAL
from tests.sightglass.kept import plain

PREDICTION = (
    *("features", "score", "label", "value", "scores", "model", "positive", "prediction_id", "entity_id"),
    *("features_source", "variant", "duration_seconds", "timestamp"),
)
LABEL = ("prediction_id", "label", "observed_at", "arrived_at", "timestamp")
SWITCH = ("model", "previous_version", "reason", "variant", "timestamp")
BOUNDS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
TYPES = {
    **dict.fromkeys(("ml.prediction.score", "ml.prediction.value", "ml.prediction.duration"), float),
    "ml.prediction.positive": bool,
    "ml.truncated": list,
}


class Encoded(InMemoryExporters):
    """Log records as bytes, as the library sends them by default; an HTTP client in name only."""

    def __init__(self):
        super().__init__()
        self.requests = []

    def logs(self):
        """Where log records go."""

        def post(body):
            self.requests.append(body)
            return True

        return EncodedSink(InMemoryLogRecordExporter(), post, encode_log, Attempts("logs"))

    def take(self):
        """The log records since the last time, as a receiver reads them."""
        assert current().logger_provider.force_flush()
        bodies, self.requests = self.requests, []
        return [
            record
            for body in bodies
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


@pytest.fixture
def encoded():
    """What telemetry sends that encodes by itself."""
    exporters = Encoded()
    with adopt(Telemetry("test", exporters=exporters, model=Model("m", "1"))):
        yield exporters


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Faults that were reported: none may be, for each costs an event."""
    reported = []
    monkeypatch.setattr(faults, "_last_report", {})
    monkeypatch.setattr(faults._logger, "warning", lambda *what, **_: reported.append(what))
    return reported


def record_everything(values):
    """Call everything that records with these values; the prediction's id."""
    values = iter(values)

    def given(names):
        return {name: next(values) for name in names}

    features, *others = PREDICTION
    identifier = sightglass.record_prediction(next(values), **given(others))
    assert features == "features"
    assert type(identifier) is str
    assert identifier
    assert sightglass.record_label(**given(LABEL)) is None
    assert sightglass.record_model_switch(**given(SWITCH)) is None
    with sightglass.model_call(next(values), variant=next(values), queue_seconds=next(values)) as call:
        pass
    assert call.seconds >= 0
    return identifier


def recorded(values):
    """The events that these values amount to: a label says of what it is one, and what."""
    label = dict(zip(LABEL, values[len(PREDICTION) :], strict=False))
    of_what = label["prediction_id"]
    is_label = of_what is not None and identifier_text(of_what)[0] and label["label"] is not None
    return ["ml.prediction", *(["ml.label"] if is_label else []), "ml.model.switch"]


def check_body(body):
    """Standard JSON with features, and what JSON cannot say beside them."""
    found = json.loads(body, parse_constant=pytest.fail)
    assert isinstance(found["features"], dict)
    assert set(found) <= {"features", "nonfinite", "scores"}
    assert set(found.get("nonfinite", {}).values()) <= {"nan", "inf", "-inf"}
    assert all(type(score) is float for score in found.get("scores", {}).values())
    body.encode()


# By place, because pytest asks a value what it is.
NAMES = [type(value).__name__ for value in SPECIAL]
ARGUMENTS = len(PREDICTION) + len(LABEL) + len(SWITCH) + 3


@given(values=st.lists(ANYTHING, min_size=ARGUMENTS, max_size=ARGUMENTS))
@BOUNDS
def test_nothing_whatever_makes_it_raise(encoded, told, values):
    """Arbitrary values in every place: an id comes back, and the events that a receiver reads, whole and typed."""
    identifier = record_everything(values)
    events = encoded.take()
    assert [event.event_name for event in events] == recorded(values)
    attributes = plain(events[0].attributes)
    assert attributes["ml.prediction.id"] == identifier
    assert {"ml.model.name", "ml.model.version", "ml.task", "ml.variant", "ml.features.source"} <= set(attributes)
    check_body(events[0].body.string_value)
    for event in events:
        for name, value in plain(event.attributes).items():
            assert type(value) is TYPES.get(name, str), (name, value)
    assert not told


@given(values=st.lists(ANYTHING, min_size=ARGUMENTS, max_size=ARGUMENTS))
@BOUNDS
def test_nothing_makes_the_sdk_s_own_way_raise_either(telemetry, told, values):
    """The same where somebody else's processor or exporter takes the records, and in a span that keeps the ids."""
    with telemetry.tracer.start_as_current_span("x"):
        identifier = record_everything(values)
    assert telemetry.logger_provider.force_flush()
    wanted = recorded(values)
    events = telemetry._kept.kept_logs.get_finished_logs()[-len(wanted) :]
    assert [event.log_record.event_name for event in events] == wanted
    assert events[0].log_record.attributes["ml.prediction.id"] == identifier
    assert telemetry.tracer_provider.force_flush()
    assert telemetry._kept.kept_spans.get_finished_spans()[-1].attributes["ml.prediction.id"] == identifier
    check_body(events[0].log_record.body)
    assert encode_logs(events).SerializeToString()
    assert not told


@pytest.mark.parametrize("place", range(len(SPECIAL)), ids=NAMES)
def test_each_odd_value_in_every_place_at_once(encoded, told, place):
    """Without chance: every special value as every argument, as a feature, in a list, and as a name."""
    value = SPECIAL[place]
    record_everything([value] * ARGUMENTS)
    sightglass.record_prediction({"a": value, "b": [value, {"c": value}]}, scores={"x": value})
    try:
        named = {value: 1}
    except Exception:
        named = {}
    sightglass.record_prediction(named, scores=named)
    events = [event for event in encoded.take() if event.event_name == "ml.prediction"]
    assert len(events) == 3
    for event in events:
        check_body(event.body.string_value)
    assert not told


def test_without_telemetry_nothing_raises_either(told):
    """Before `start`, every value everywhere."""
    for value in SPECIAL:
        record_everything([value] * ARGUMENTS)
    assert not told


@pytest.mark.parametrize("place", range(len(SPECIAL)), ids=NAMES)
def test_odd_values_obey_an_allow_list(place):
    """What is not allowed is not emitted, whatever it is called and wherever it lies."""
    value = SPECIAL[place]
    only = Settings(allowed_features=frozenset({"fine"}))
    with in_memory_telemetry(settings=only) as telemetry:
        sightglass.record_prediction({"fine": 1, "other": value, "FINE ": value})
        (event,) = telemetry.records
    assert json.loads(event.log_record.body) == {"features": {"fine": 1}}
    assert event.log_record.attributes["ml.truncated"] == ("other:not-allowed", "FINE :not-allowed")
