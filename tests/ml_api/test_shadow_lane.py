"""The shadow: whatever it does, nobody waits for it, and what it leaves out is counted."""

import logging

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode

from services.ml_api.shadow_lane import ShadowJob, ShadowRow
from services.ml_api.shadowing import SKIPPED_METRIC, Shadowing

from .conftest import wait_until
from .doubles import FakePredictor

ROW = ShadowRow("id-1", {"distance": 719.0}, "fallback", "N14228")


@pytest.fixture
def tracer(telemetry):
    """The tracer that the service uses."""
    return telemetry.tracer


@pytest.fixture
def shadowing(telemetry, tracer):
    """Room for three rows."""
    return Shadowing(tracer, telemetry.meter, most_rows=3)


@pytest.fixture
def shadow():
    """A version that can be held up."""
    shadow = FakePredictor("v2")
    yield shadow
    shadow.hold.set()


def job(tracer, rows=1):
    """Rows of a request that was answered under a span of its own."""
    span = tracer.start_span("POST /v1/predict")
    span.end()
    return ShadowJob(trace.set_span_in_context(span, context.Context()), [ROW] * rows)


def skipped(telemetry):
    """Rows left out, by reason."""
    metric = telemetry.metrics.get(SKIPPED_METRIC)
    points = metric.data.data_points if metric else []
    return {point.attributes["reason"]: point.value for point in points}


def test_a_shadow_s_prediction_joins_the_champion_s(telemetry, tracer, shadowing, shadow):
    """Same id, same trace, a child span of the request's, variant shadow, and the features that the champion saw."""
    shadowing.take(shadow)
    shadowing.lane.offer(job(tracer))
    assert shadowing.finish(10)
    server, span = telemetry.spans
    assert span.name == "model.shadow"
    assert span.context.trace_id == server.context.trace_id
    assert span.parent.span_id == server.context.span_id
    (event,) = [each.log_record for each in telemetry.records if each.log_record.event_name]
    assert (event.trace_id, event.span_id) == (span.context.trace_id, span.context.span_id)
    told = dict(event.attributes)
    assert (told["ml.prediction.id"], told["ml.variant"], told["ml.model.version"]) == ("id-1", "shadow", "v2")
    assert told["ml.features.source"] == "fallback"
    assert '"distance"' in event.body
    assert "ml.entity.id" in told


def test_what_does_not_fit_is_left_out_counted_and_logged_once(telemetry, tracer, shadowing, shadow, caplog):
    """A hanging shadow holds three rows; all others are dropped at once, with one line for all of them."""
    shadow.hold.clear()
    shadowing.take(shadow)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            shadowing.lane.offer(job(tracer))
        shadowing.lane.offer(job(tracer, rows=4))
    assert skipped(telemetry) == {"queue_full": 6}
    assert len([line for line in caplog.records if "queue_full" in line.getMessage()]) == 1
    shadow.hold.set()
    assert shadowing.finish(10)
    assert shadow.calls == [1, 1, 1]


def test_a_crashing_shadow_says_so_on_its_span_and_goes_on(telemetry, tracer, shadowing, shadow):
    """The span of a failed call has the exception; the next call is made all the same."""
    shadow.error = RuntimeError("out of trees")
    shadowing.take(shadow)
    shadowing.lane.offer(job(tracer))
    wait_until(lambda: skipped(telemetry) == {"failed": 1})
    shadow.error = None
    shadowing.lane.offer(job(tracer))
    assert shadowing.finish(10)
    failed, good = [span for span in telemetry.spans if span.name == "model.shadow"]
    assert (failed.status.status_code, good.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert failed.events[0].attributes["exception.message"] == "out of trees"
    assert len([each for each in telemetry.records if each.log_record.event_name]) == 1


def test_one_that_hangs_does_not_hold_up_the_next_version_nor_the_end(telemetry, tracer, shadowing, shadow):
    """Another shadow scores at once; at the end what hangs is counted as left out."""
    shadow.hold.clear()
    shadowing.take(shadow)
    hanging = shadowing.lane
    hanging.offer(job(tracer))
    assert shadow.entered.wait(10)
    other = FakePredictor("v3")
    shadowing.take(other)
    shadowing.lane.offer(job(tracer))
    wait_until(lambda: other.calls == [1])
    assert not shadowing.finish(0.05)
    assert skipped(telemetry) == {"stopped": 1}
    hanging.offer(job(tracer))
    assert skipped(telemetry) == {"stopped": 2}


def test_what_was_taken_is_scored_before_the_end(telemetry, tracer, shadowing, shadow):
    """Work that waits when the process ends is done in the time that is left."""
    shadow.hold.clear()
    shadowing.take(shadow)
    for _ in range(3):
        shadowing.lane.offer(job(tracer))
    shadow.hold.set()
    assert shadowing.finish(10)
    assert shadow.calls == [1, 1, 1]
    assert skipped(telemetry) == {}
