import pytest

from benchmarks.instrumentation.serving import percentile
from benchmarks.instrumentation.soak import Slope
from benchmarks.instrumentation.targets import Target
from benchmarks.report import Interval


@pytest.mark.parametrize(
    ("at_most", "interval", "verdict"),
    [
        (True, Interval(0.40, 0.38, 0.42), "met"),
        (True, Interval(0.49, 0.47, 0.51), "met, but the interval has both sides"),
        (True, Interval(0.51, 0.49, 0.53), "missed, but the interval has both sides"),
        (True, Interval(0.60, 0.58, 0.62), "missed"),
        (False, Interval(0.60, 0.58, 0.62), "met"),
        (False, Interval(0.40, 0.38, 0.42), "missed"),
        (True, Interval(0.10, 0.02, 0.40), "inconclusive"),
    ],
)
def test_verdict(at_most, interval, verdict):
    """A target is met or missed by the mean, and says so when the interval reaches over the bound or is too wide."""
    assert Target("ratio", 0.5, at_most=at_most).verdict(interval) == verdict


def test_line_tells_target_ratio_and_verdict():
    """A reader sees what was aimed at, what came out, how sure it is and whether it was reached."""
    assert Target("ours to stock", 0.25).line([0.2, 0.2, 0.2]).split() == [
        *("ours", "to", "stock", "<=", "0.25", "0.20", "[0.20", "..", "0.20]", "met")
    ]


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentile_is_the_nearest_rank(percent, expected):
    """Of 1 to 100 the 99th percentile is 99, in whatever order they came."""
    assert percentile(range(100, 0, -1), percent) == expected


def test_slope_is_not_moved_by_a_peak():
    """6 MiB an hour stay 6 MiB an hour when one sample is 500 MiB off."""
    samples = [(5.0 * step, 100 + step / 120) for step in range(200)]
    samples[100] = (500.0, 600.0)

    assert Slope.of(samples).per_hour == pytest.approx(6, rel=0.01)
