from dataclasses import replace

import pytest

from benchmarks.instrumentation import arms
from benchmarks.instrumentation.arms import BARE, DURATION, OURS, PREDICTION_COUNT
from benchmarks.instrumentation.counts import Counted, Counts, Sent, differences
from sightglass import attributes

COUNTS = Counts(spans=100, log_records=101, metric_points=50, exemplars=9)
SENT = Sent(COUNTS, events=100, bytes=140_000)
COUNTED = Counted(COUNTS, dict.fromkeys(OURS.totals, 100))


def test_a_run_is_valid_when_all_agree():
    """A log record that is no prediction, and the bytes, are nobody's business."""
    assert differences(OURS, 100, SENT, COUNTED) == []


@pytest.mark.parametrize("signal", ["spans", "log_records", "metric_points", "exemplars"])
@pytest.mark.parametrize("change", [-1, 1])
def test_one_item_lost_or_repeated_makes_a_run_invalid(signal, change):
    """Each signal's count at the Collector must be what was sent, to the last item."""
    counted = replace(COUNTED, counts=replace(COUNTS, **{signal: getattr(COUNTS, signal) + change}))

    [found] = differences(OURS, 100, SENT, counted)
    assert found.startswith(f"ours: {signal.replace('_', ' ')} at the Collector: ")


@pytest.mark.parametrize(
    ("sent", "counted", "requests", "named"),
    [
        (replace(SENT, events=99), COUNTED, 100, "prediction events that left"),
        (replace(SENT, compressed=1), COUNTED, 100, "compressed"),
        (replace(SENT, refused=1), COUNTED, 100, "refused"),
        (SENT, replace(COUNTED, totals=COUNTED.totals | {DURATION: 99}), 100, DURATION),
        (SENT, replace(COUNTED, totals=COUNTED.totals | {PREDICTION_COUNT: 0}), 100, PREDICTION_COUNT),
        (SENT, COUNTED, 101, "spans that left"),
    ],
)
def test_what_never_left_the_service_makes_a_run_invalid(sent, counted, requests, named):
    """What the load asks for is the measure, not what an exporter says that it sent."""
    assert named in "\n".join(differences(OURS, requests, sent, counted))


def test_the_same_drop_everywhere_is_noticed():
    """A span dropped in the service is missing on the wire and at the Collector alike, and still found."""
    fewer = replace(COUNTS, spans=99)

    found = differences(OURS, 100, replace(SENT, counts=fewer), replace(COUNTED, counts=fewer))
    assert found == ["ours: spans that left, by the load: 100 wanted, 99 counted"]


def test_metrics_without_exemplars_make_a_run_invalid():
    """An arm that leaves out exemplars has done less work than the others."""
    none = replace(COUNTS, exemplars=0)

    found = differences(OURS, 100, replace(SENT, counts=none), replace(COUNTED, counts=none))
    assert found == ["ours: no exemplars at all"]


def test_the_bare_arm_sends_nothing():
    """Whatever comes from a service without instrumentation makes the run invalid."""
    assert differences(BARE, 100, Sent(), Counted()) == []
    assert differences(BARE, 100, SENT, COUNTED)


def test_names_are_the_librarys():
    """The benchmark spells names itself, to measure other arms without the library; they are the same."""
    assert arms.PREDICTION_EVENT == attributes.PREDICTION_EVENT
    assert arms.PREDICTION_COUNT == attributes.PREDICTION_COUNT_METRIC
    assert arms.MODEL_DURATION == attributes.MODEL_DURATION_METRIC
    assert arms.SCORE == attributes.SCORE_METRIC
