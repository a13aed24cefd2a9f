"""docs/telemetry.md, the two registries and what the running ML API really emits say the same."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.metrics.export import Gauge, Histogram

from services.ml_api.app import create_app
from services.ml_api.model_store import ModelStore
from services.ml_api.scoring import Predictor
from services.ml_api.settings import MlApiSettings
from services.ml_api.terms import TERMS
from services.ml_api.weather_lookup import DelayedLookup, TableLookup
from sightglass.attributes import REGISTRY
from sightglass.testing import in_memory_telemetry

from .conftest import FLIGHT, FLIGHT_WITHOUT_WEATHER, wait_until

DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
TYPES = {str: "string", bool: "bool", int: "int", float: "double", tuple: "string[]"}
KINDS = {Gauge: "gauge", Histogram: "histogram"}
# OpenTelemetry's own: stable HTTP conventions, and the SDK's account of itself.
CONVENTIONS = re.compile(r"(http|url|server|network|client|user_agent|error|exception)\.|otel\.sdk\.processor\.")


def collected(telemetry):
    """Everything emitted, as (kind, place, unit, attributes)."""
    for span in telemetry.spans:
        # Only the instrumentation names spans after routes.
        yield "span", "span" if "fastapi" in span.instrumentation_scope.name else span.name, "", span.attributes
        yield from (("event", event.name, "", event.attributes) for event in span.events)
    for readable in telemetry.records:
        if record := readable.log_record.event_name and readable.log_record:
            yield "event", record.event_name, "", record.attributes
    for name, metric in telemetry.metrics.items():
        kind = KINDS.get(type(metric.data), "counter")
        yield from ((kind, name, metric.unit, point.attributes) for point in metric.data.data_points)


@pytest.fixture
def emitted(versions, tmp_path, monkeypatch):
    """What requests of every kind leave behind, with a shadow that fails once and weather that comes late once."""
    folder, _, other = versions
    ModelStore(folder).set_shadow(other)
    settings = MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=folder)
    found = []

    def shadows(telemetry):
        return [span.name for span in telemetry.spans].count("model.shadow")

    with in_memory_telemetry("ml-api") as telemetry:
        with TestClient(create_app(settings), base_url="http://localhost") as client:
            body = {"features": FLIGHT, "entity_id": "N14228"}
            identifier = client.post("/v1/predict", json=body).json()["prediction_id"]
            client.post("/v1/predict/batch", json={"items": [{"features": FLIGHT_WITHOUT_WEATHER}] * 3})
            client.post("/v1/predict", json={"features": {}})
            label = {"prediction_id": identifier, "label": "late", "observed_at": 1386517320}
            client.post("/v1/labels", json={"labels": [label]})
            wait_until(lambda: shadows(telemetry) == 2)
            decide = Predictor.decide
            monkeypatch.setattr(
                Predictor, "decide", lambda self, rows: 1 / 0 if self.model.version == other else decide(self, rows)
            )
            client.post("/v1/predict", json=body)
            wait_until(lambda: "ml.shadow.skipped" in telemetry.metrics)
            monkeypatch.undo()
            client.post("/v1/models/flight-delay/promote", json={"version": other})
        found += collected(telemetry)
    with in_memory_telemetry("ml-api") as telemetry:
        late = settings.model_copy(update={"request_deadline_seconds": 0.5})
        app = create_app(late, weather=DelayedLookup(TableLookup(), 60.0))
        with TestClient(app, base_url="http://localhost") as client:
            client.post("/v1/predict", json={"features": FLIGHT})
        found += collected(telemetry)
    return found


def test_the_document_has_the_terms_word_for_word():
    """Every row, in this order, and none besides."""
    expected = [
        f"| `{term.name}` | {term.kind} | {term.type} | {', '.join(f'`{place}`' for place in term.found_on)} "
        f"| {term.meaning} |"
        for term in TERMS
    ]
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What the ML API adds")[2].partition("\n## ")[0]
    assert [line for line in text.splitlines() if line.startswith("| `")] == expected


def test_nothing_is_emitted_that_is_not_documented_and_nothing_documented_is_missing(emitted):
    """Of a whole run: each span, event and metric, its unit, each attribute, its place and the type of its value."""
    places = {(term.kind, term.name): term for term in (*REGISTRY, *TERMS)}
    attributes = {term.name: term for term in (*REGISTRY, *TERMS) if term.kind == "attribute"}
    # The same names as the library's, in further places.
    further = {(name, term.name) for term in TERMS if term.kind != "attribute" for name in term.found_on}
    documented = {(name, place) for name, term in attributes.items() for place in term.found_on} | further
    # A prediction's ids are on whatever span was current: the request's, or the shadow's own.
    documented |= {(name, "model.shadow") for name, place in documented if place == "span"}
    seen = set()
    for kind, place, unit, values in emitted:
        if place != "span" and not CONVENTIONS.match(place) and place != "exception":
            assert (kind, place) in places, (kind, place)
            assert kind in {"span", "event"} or places[kind, place].type == unit, (place, unit)
            seen.add((kind, place))
        for name, value in values.items():
            if CONVENTIONS.match(name) or CONVENTIONS.match(place):
                continue
            assert (name, place) in documented, (name, place)
            assert TYPES[type(value)] == attributes[name].type, (name, place, value)
            seen.add((name, place))
    assert {(term.kind, term.name) for term in TERMS if term.kind != "attribute"} <= seen
    assert {(term.name, place) for term in TERMS if term.kind == "attribute" for place in term.found_on} <= seen
    assert further <= seen
    assert {("event", name) for name in ("ml.prediction", "ml.label", "ml.model.switch")} <= seen


def test_places_and_attributes_say_the_same():
    """What a metric, span or event says of its attributes is what the attributes say of their places."""
    ours = {term.name for term in TERMS if term.kind == "attribute"}
    from_places = {
        (name, term.name) for term in TERMS if term.kind != "attribute" for name in term.found_on if name in ours
    }
    assert from_places == {(term.name, place) for term in TERMS if term.kind == "attribute" for place in term.found_on}
