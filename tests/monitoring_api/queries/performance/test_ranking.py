"""Intervals of the areas under curves, against computations of another kind."""

import numpy as np
import pytest
from hypothesis import given
from sklearn import metrics

from services.monitoring_api.queries.performance.intervals import Z
from services.monitoring_api.queries.performance.measure import measure
from tests.monitoring_api.queries.performance.any_rows import SCORES, SOME, labelled
from tests.monitoring_api.queries.performance.outcome_rows import as_rows, binary_outcome

pytestmark = pytest.mark.anyio


def _delong(labels, scores) -> tuple[float, float]:
    """DeLong, DeLong and Clarke-Pearson as they wrote it: every positive against every negative."""
    labels, scores = np.array(labels), np.array(scores)
    over = scores[labels][:, None] - scores[~labels][None, :]
    wins = np.where(over > 0, 1.0, np.where(over == 0, 0.5, 0.0))
    of_positives, of_negatives = wins.mean(axis=1), wins.mean(axis=0)
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    return wins.mean(), variance


async def _areas(store, labels, scores):
    rows = as_rows(binary_outcome(*row) for row in zip(labels, scores, strict=True))
    [found] = await measure(store, rows, {}, "binary", least=1, wanted=frozenset({"roc_auc", "pr_auc"}))
    return found.figures["roc_auc"], found.figures["pr_auc"]


@SOME
@given(labelled(SCORES))
async def test_delongs_interval_is_that_of_all_pairs(store, rows):
    """Of any scores and ties; one row of a class, or classes fully apart, have none."""
    labels, scores = rows
    if len(set(labels)) < 2:
        return
    found, _ = await _areas(store, labels, scores)
    if min(sum(labels), len(labels) - sum(labels)) < 2:
        assert (found.low, found.high) == (None, None)
        return
    auc, variance = _delong(labels, scores)
    assert found.value == pytest.approx(auc, rel=1e-9)
    if variance < 1e-20:
        assert (found.low, found.high) == (None, None)
        return
    half = Z * variance**0.5
    assert found.low == pytest.approx(max(0, auc - half), rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(min(1, auc + half), rel=1e-9, abs=1e-12)


async def test_average_precisions_variance_is_its_answer_to_weights(store):
    """The infinitesimal jackknife by definition: scikit-learn's average precision, each row's weight moved a little."""
    random = np.random.default_rng(5)
    labels = random.random(120) < 0.3
    scores = np.round(random.normal(size=120) + labels, 1)
    step = 1e-5
    slopes = []
    for row in range(120):
        ends = []
        for sign in (1, -1):
            weights = np.ones(120)
            weights[row] += sign * step
            ends.append(metrics.average_precision_score(labels, scores, sample_weight=weights))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    _, found = await _areas(store, labels.tolist(), scores.tolist())
    half = Z * np.sqrt(np.sum(np.square(slopes))) / (found.value * (1 - found.value))
    odds = np.log(found.value / (1 - found.value))
    assert (found.low, found.high) == (
        pytest.approx(1 / (1 + np.exp(half - odds)), rel=1e-6),
        pytest.approx(1 / (1 + np.exp(-half - odds)), rel=1e-6),
    )


async def test_average_precisions_interval_is_a_bootstraps(store):
    """Half as wide as two standard deviations of scikit-learn's over 600 resamples, within a tenth."""
    random = np.random.default_rng(6)
    labels = random.random(1_000) < 0.2
    scores = random.normal(size=1_000) + labels
    drawn = []
    for _ in range(600):
        rows = random.integers(0, 1_000, 1_000)
        drawn.append(metrics.average_precision_score(labels[rows], scores[rows]))
    _, found = await _areas(store, labels.tolist(), scores.tolist())
    assert (found.high - found.low) / 2 == pytest.approx(Z * np.std(drawn), rel=0.1)
