"""What is kept of a column in a bounded room is what numpy and counting say of all of it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitoring_api.reference import hashing
from services.monitoring_api.reference.categories import MOST_COUNTED, CategoryCounts
from services.monitoring_api.reference.distinct import DistinctValues
from services.monitoring_api.reference.moments import Moments
from services.monitoring_api.reference.sample import RowSample
from services.monitoring_api.reference.score_edges import MOST_EDGES, score_edges

ANY_FLOATS = st.lists(st.floats(width=32), max_size=60)
FINITE = st.floats(-1e9, 1e9)


@given(st.lists(ANY_FLOATS, max_size=6))
def test_moments_of_pieces_are_those_of_the_whole(pieces):
    """Mean and deviation however the numbers are split, with nulls and infinities counted beside them."""
    moments = Moments()
    for piece in pieces:
        moments.add(np.array(piece, dtype=np.float64))
    everything = np.array([value for piece in pieces for value in piece], dtype=np.float64)
    finite = everything[np.isfinite(everything)]
    assert (moments.rows, moments.nulls) == (len(everything), np.isnan(everything).sum())
    assert (moments.infinite, moments.finite) == (np.isinf(everything).sum(), len(finite))
    if len(finite):
        size = np.abs(finite).max()
        assert moments.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-12 * size)
        assert moments.standard_deviation == pytest.approx(finite.std(), rel=1e-6, abs=1e-12 * size)
        assert (moments.least, moments.most) == (finite.min(), finite.max())


@given(st.lists(st.lists(FINITE, min_size=1, max_size=40), min_size=1, max_size=6))
def test_a_sample_of_few_rows_is_all_of_them(pieces):
    """Where everything fits, the sample is the column, in its order."""
    sample = RowSample(["x", "y"], 300)
    for piece in pieces:
        sample.add({"x": np.array(piece), "y": -np.array(piece)})
    everything = np.array([value for piece in pieces for value in piece])
    assert sample.exact
    assert np.array_equal(sample.column("x"), everything)
    assert np.array_equal(sample.column("y"), -everything)


def test_a_sample_is_uniform_and_keeps_rows_together():
    """Each tenth of a long table gives a tenth of the sample, also a table that is sorted; the same rows each time."""
    samples = []
    for size in (1_000, 7_777):
        sample = RowSample(["x", "y"], 20_000)
        for start in range(0, 1_000_000, size):
            rows = np.arange(start, min(start + size, 1_000_000), dtype=np.float64)
            sample.add({"x": rows, "y": rows * 2})
        assert (sample.seen, sample.kept, sample.exact) == (1_000_000, 20_000, False)
        samples.append(sample.column("x"))
        assert np.array_equal(sample.column("y"), samples[-1] * 2)
        assert len(np.unique(samples[-1])) == 20_000
        tenths = np.bincount((samples[-1] // 100_000).astype(int), minlength=10)
        assert np.abs(tenths - 2_000).max() < 5 * np.sqrt(2_000 * 0.9)
        grid = np.linspace(0, 1, 101)
        # Five standard errors of a rank.
        assert np.abs(np.quantile(samples[-1], grid) / 1_000_000 - grid).max() < 5 * 0.5 / np.sqrt(20_000)
    assert np.array_equal(*samples), "how the file is cut into batches does not matter"


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(1, 30))
def test_few_distinct_values_are_counted_exactly(values, pieces):
    """However they come in pieces, with counts or one by one."""
    counted, weighted = DistinctValues(100), DistinctValues(100)
    for piece in np.array_split(np.array(values, dtype=np.uint64), pieces):
        counted.add(hashing.mix(piece))
        different, counts = np.unique(piece, return_counts=True)
        weighted.add(hashing.mix(different), counts)
    for each in (counted, weighted):
        assert each.exact
        assert each.distinct == len(set(values))
        assert each.repeated == len(values) - len(set(values))


def test_many_distinct_values_are_estimated_and_unique_ones_known(random):
    """Ten times as many as are kept: within 5 % (4 standard errors), and no repeat is claimed where there is none."""
    unique = DistinctValues(10_000)
    for start in range(0, 200_000, 9_000):
        unique.add(hashing.mix(np.arange(start, min(start + 9_000, 200_000), dtype=np.uint64)))
    assert not unique.exact
    assert unique.distinct == pytest.approx(200_000, rel=0.05)
    assert unique.repeated == 0
    twice = DistinctValues(10_000)
    for _ in range(2):
        twice.add(hashing.mix(np.arange(100_000, dtype=np.uint64)))
    assert twice.repeated == pytest.approx(100_000, rel=0.05)


def test_common_categories_survive_many_rare_ones(random):
    """Heavy hitters are there with their counts, too small by at most what is missed."""
    counts = CategoryCounts()
    truth = Counter()
    for number in range(20):
        values = [f"rare-{number}-{n}" for n in range(5_000)] + ["common", "less common"]
        each = np.array([1] * 5_000 + [4_000, 1_000], dtype=np.int64)
        counts.add(values, each)
        truth.update(dict(zip(values, each.tolist(), strict=True)))
    found = counts.most_common(2)
    rows = sum(truth.values())
    assert not counts.exact
    assert counts.missed <= rows / (MOST_COUNTED + 1)
    assert list(found) == ["common", "less common"]
    for name, count in found.items():
        assert truth[name] - counts.missed <= count <= truth[name]


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=20))
def test_few_categories_are_counted_exactly(truth):
    """All of them, the most common first, those of one count in alphabetical order."""
    counts = CategoryCounts()
    counts.add(list(truth), np.array(list(truth.values()), dtype=np.int64))
    assert counts.exact
    assert list(counts.most_common().items()) == sorted(truth.items(), key=lambda each: (-each[1], each[0]))


def test_numbers_that_are_equal_have_one_hash():
    """0.0 is -0.0, every NaN is a null, neighbours differ, and texts are what they say."""
    zero, minus, nan, one, next_to_one = hashing.of_numbers(np.array([0.0, -0.0, np.nan, 1.0, np.nextafter(1.0, 2.0)]))
    assert zero == minus
    assert nan == hashing.NULL
    assert len({zero, nan, one, next_to_one}) == 4
    a, b, again = hashing.of_texts(["a", "b", "a"])
    assert a == again != b


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(1, 40))
def test_edges_are_distinct_ascending_scores(scores, most):
    """Each is a score that there was, the first is the lowest, and none is lost where all have room."""
    edges = score_edges(np.array(scores), most)
    assert edges == sorted(set(edges))
    assert set(edges) <= set(scores)
    assert edges[0] == min(scores)
    assert len(edges) <= most
    if len(set(scores)) <= most:
        assert set(edges) == set(scores)


def test_bins_hold_equal_shares_whatever_the_distribution(random):
    """Also of rare events: no bin has more than twice its share of continuous scores."""
    scores = random.beta(0.3, 30, 400_000)
    edges = score_edges(scores)
    assert len(edges) == MOST_EDGES
    counts = np.bincount(np.searchsorted(edges, scores, side="right") - 1)
    assert counts.max() < 2 * len(scores) / MOST_EDGES


def test_the_card_s_bins_are_these(random):
    """A model's card and a file of its scores say the same, but for the card's six digits."""
    from services.ml_api.reference import score_bins

    for scores in (random.random(50_000), np.round(random.random(50_000), 2), np.zeros(5)):
        rounded = np.unique(np.round(score_edges(scores), 6)).tolist()
        assert score_bins(scores) == rounded
