import math

import pytest
from scipy import stats

from benchmarks.report import Interval

RATIOS = [0.22, 0.25, 0.24, 0.27, 0.23]


def test_interval_is_students_of_the_logarithms():
    """The 95 % interval is the one that SciPy's own t-test of the logarithms has."""
    interval = Interval.of(RATIOS)

    expected = stats.ttest_1samp([math.log(ratio) for ratio in RATIOS], 0).confidence_interval(0.95)
    assert interval.low == pytest.approx(math.exp(expected.low))
    assert interval.high == pytest.approx(math.exp(expected.high))
    assert interval.mean == pytest.approx(stats.gmean(RATIOS))


def test_interval_of_inverse_ratios_is_the_inverse():
    """Which arm stands above and which below does not change what is found."""
    interval, inverse = Interval.of(RATIOS), Interval.of([1 / ratio for ratio in RATIOS])

    assert (1 / inverse.high, 1 / inverse.mean, 1 / inverse.low) == pytest.approx(
        (interval.low, interval.mean, interval.high)
    )


@pytest.mark.parametrize("paired", [[0.25], [0.25, -0.01, 0.24], [0.25, 0.0]])
def test_too_little_is_known(paired):
    """One round, or a difference lost in noise, is inconclusive and no figure."""
    interval = Interval.of(paired)

    assert not interval.conclusive
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("low", "high", "conclusive"), [(0.81, 1.19, True), (0.79, 1.1, False), (0.9, 1.21, False), (0.8, 1.2, True)]
)
def test_an_interval_wider_than_a_fifth_is_inconclusive(low, high, conclusive):
    """Both ends have to lie within 20 % of the mean."""
    assert Interval(1.0, low, high).conclusive is conclusive
