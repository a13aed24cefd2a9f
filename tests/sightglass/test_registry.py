"""docs/telemetry.md, the registry and what is really emitted say the same."""

import re
from pathlib import Path

from opentelemetry.sdk.metrics.export import Gauge, Histogram

import sightglass
from sightglass import attributes
from sightglass.attributes import REGISTRY
from sightglass.export.export_queue import ExportQueue
from sightglass.export.losses import LossRecord
from sightglass.spool.queue import SpoolQueue
from sightglass.testing import in_memory_telemetry

DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
TYPES = {str: "string", bool: "bool", int: "int", float: "double", tuple: "string[]"}
OURS = ("ml.", "sightglass.", "signal")


def rows(kinds):
    """The table of docs/telemetry.md for terms of these kinds."""
    return [
        f"| `{term.name}` | {term.type} | {', '.join(f'`{place}`' for place in term.found_on)} | {term.meaning} |"
        for term in REGISTRY
        if term.kind in kinds
    ]


def test_every_term_is_documented_as_the_registry_has_it():
    """Each row of the tables stands in docs/telemetry.md word for word, and no row that the registry lacks."""
    registry, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("## What the alert worker tells of itself")
    lines = registry.splitlines()
    expected = rows({"event", "attribute", "counter", "histogram", "gauge"})
    documented = [line for line in lines if re.match(r"\| `(ml|sightglass|signal|otel)", line) and line.count("|") == 5]
    assert documented == expected


def test_every_constant_is_in_the_registry():
    """A name that crosses a process boundary has a meaning written down."""
    constants = {value for name, value in vars(attributes).items() if name.isupper() and isinstance(value, str)} - {
        "span",
        attributes.CHAMPION,
        attributes.SHADOW,
        attributes.STORE,
        attributes.FALLBACK,
    }
    assert constants == {term.name for term in REGISTRY}
    assert len(REGISTRY) == len({(term.name, term.kind) for term in REGISTRY})


def spool_queue(telemetry, folder):
    """A queue on disk, which telemetry in memory has not."""
    return SpoolQueue(
        None,
        LossRecord(telemetry.tallies),
        folder,
        in_memory=lambda export: ExportQueue(export, print, capacity=1, batch=1, linger_seconds=60),
        export=print,
        max_bytes=1 << 20,
        batch=1,
        linger_seconds=60,
    )


def test_what_is_emitted_is_what_the_registry_says(tmp_path):
    """Every attribute of ours on spans, events and metrics: its place and its type, none missing, none besides."""
    terms = {term.name: term for term in REGISTRY}
    seen = set()
    with in_memory_telemetry(model=sightglass.Model("m", "1"), replayed=True) as telemetry:
        with telemetry.tracer.start_as_current_span("x"):
            for _ in range(2):
                sightglass.record_prediction(
                    {"a": object()}, score=0.1, label="a", value=1.0, positive=True, duration_seconds=0.1, entity_id="e"
                )
            sightglass.record_prediction({"a": 1}, features_source="fallback")
            with sightglass.model_call(queue_seconds=0.1):
                pass
            sightglass.record_model_switch(
                sightglass.Model("m", "2"), previous_version="1", reason="promote", timestamp=-1
            )
            sightglass.record_label("p", "a", observed_at=10**18, arrived_at=10**18, timestamp=-1)
        telemetry.tallies.ended = True
        telemetry.tallies.failed_exports.add((("signal", "spans"), ("error.type", "503")))
        telemetry.tallies.spool_errors.add((("error.type", "ENOSPC"),))
        spool_queue(telemetry, tmp_path).report(telemetry.meter)
        telemetry.tallies.retries.add((("signal", "spans"),))
        telemetry.tallies.cut_spans.add()
        found = [("span", span.attributes) for span in telemetry.spans]
        found += [(readable.log_record.event_name, readable.log_record.attributes) for readable in telemetry.records]
        for name, metric in telemetry.metrics.items():
            if name.startswith(OURS):
                kind = {Gauge: "gauge", Histogram: "histogram"}.get(type(metric.data), "counter")
                assert (terms[name].type, terms[name].kind) == (metric.unit, kind)
                found += [(name, point.attributes) for point in metric.data.data_points]
                seen.add(name)
    for place, values in found:
        if place.startswith("ml.") and terms[place].kind == "event":
            seen.add(place)
        for name, value in values.items():
            if name == "error.type":
                continue
            assert place in terms[name].found_on, (name, place)
            assert TYPES[type(value)] == terms[name].type, (name, value)
            seen.add((name, place))
            seen.add(name)
    ours = [term for term in REGISTRY if not term.name.startswith("otel.")]
    assert {term.name for term in ours} <= seen
    assert {(term.name, place) for term in ours if term.kind == "attribute" for place in term.found_on} <= seen
