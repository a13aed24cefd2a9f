"""Parts of the Brier score, calibration errors and the reliability curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from services.monitoring_api.errors import BadInput
from services.monitoring_api.queries.performance.bins import Binning
from services.monitoring_api.queries.performance.calibration import CALIBRATION, reliability
from services.monitoring_api.queries.performance.measure import measure
from tests.monitoring_api.queries.performance.any_rows import SOME, labelled
from tests.monitoring_api.queries.performance.outcome_rows import as_rows, binary_outcome, many_binary

pytestmark = pytest.mark.anyio


def _rows(labels, scores) -> str:
    return as_rows(binary_outcome(*row) for row in zip(labels, scores, strict=True))


async def _figures(store, rows: str, **more):
    wanted = CALIBRATION | {"brier"}
    [found] = await measure(store, rows, {}, "binary", **({"least": 1, "wanted": wanted} | more))
    return {name: figure.value for name, figure in found.figures.items()}


def _equal_mass(labels, scores) -> list[tuple[float, float, int]]:
    """Mean score, share and rows of each bin, row by row: a row's bin is that of the first row with its score."""
    order = sorted(scores)
    bins: dict[int, list[int]] = {}
    for row, score in enumerate(scores):
        bins.setdefault(10 * order.index(score) // len(scores), []).append(row)
    labels, scores = np.array(labels, float), np.array(scores)
    return [(scores[rows].mean(), labels[rows].mean(), len(rows)) for _, rows in sorted(bins.items())]


@SOME
@given(labelled())
async def test_the_parts_sum_to_the_brier_score(store, rows):
    """To the last digit that is told, with any bins; the three between bins are those of the bins' means."""
    labels, scores = rows
    if not labels:
        return
    found = await _figures(store, _rows(labels, scores))
    brier = metrics.brier_score_loss(labels, scores, labels=[False, True], pos_label=True)
    parts = (
        found["brier_reliability"]
        - found["brier_resolution"]
        + found["brier_uncertainty"]
        + found["brier_within_variance"]
        - found["brier_within_covariance"]
    )
    assert parts == pytest.approx(brier, rel=1e-9, abs=1e-12)
    bins, share = _equal_mass(labels, scores), np.mean(labels)
    reliability_part = sum(n * (mean - part) ** 2 for mean, part, n in bins) / len(labels)
    resolution_part = sum(n * (part - share) ** 2 for _, part, n in bins) / len(labels)
    assert found["brier_reliability"] == pytest.approx(reliability_part, rel=1e-9, abs=1e-14)
    assert found["brier_resolution"] == pytest.approx(resolution_part, rel=1e-9, abs=1e-14)
    assert found["brier_uncertainty"] == pytest.approx(share * (1 - share), rel=1e-9)
    equal_mass = sum(n * abs(mean - part) for mean, part, n in bins) / len(labels)
    assert found["ece_equal_mass"] == pytest.approx(equal_mass, rel=1e-9, abs=1e-14)


@SOME
@given(labelled(), st.sampled_from([1, 2, 7, 10, 15]))
async def test_equal_widths_are_scikit_learns(store, rows, bins):
    """The curve of any probabilities has its bins, edges and ties included; the error is their weighted mean."""
    labels, scores = rows
    if not labels:
        return
    [curve] = await reliability(store, _rows(labels, scores), {}, binning=Binning.EQUAL_WIDTH, bins=bins, least=1)
    shares, means = calibration_curve(labels, scores, n_bins=bins, pos_label=True) if len(set(labels)) == 2 else (0, 0)
    if len(set(labels)) == 2:
        assert [point.share for point in curve.points] == pytest.approx(list(shares), rel=1e-9)
        assert [point.score for point in curve.points] == pytest.approx(list(means), rel=1e-9, abs=1e-14)
    assert sum(point.n for point in curve.points) == curve.n == len(labels)
    if bins == 10:
        error = sum(point.n * abs(point.share - point.score) for point in curve.points) / curve.n
        found = await _figures(store, _rows(labels, scores))
        assert found["ece_equal_width"] == pytest.approx(error, rel=1e-9, abs=1e-14)


async def test_bins_of_equal_mass_hold_as_many(store):
    """Without ties ten bins of a hundred rows, each with Wilson's interval; with one score there is one bin."""
    [curve] = await reliability(store, many_binary(1_000, "number % 3 = 0", "pow(number / 1000, 2)"), {})
    assert [point.n for point in curve.points] == [100] * 10
    low, high = proportion_confint(33, 100, method="wilson")
    assert (curve.points[1].low, curve.points[1].high) == (pytest.approx(low), pytest.approx(high))
    assert (curve.points[1].from_score, curve.points[1].to_score) == (pytest.approx(0.01), pytest.approx(0.199**2))
    [curve] = await reliability(store, many_binary(1_000, "number % 3 = 0", "0.25"), {})
    assert [point.n for point in curve.points] == [1_000]


async def test_chance_is_told_from_miscalibration(store):
    """Classes drawn with the scores as probabilities show an error like that by chance; wrong scores a far larger."""
    drawn = "sipHash64(number) / 18446744073709551615 < score"
    score = "(number % 1000) / 1000"
    right = await _figures(store, many_binary(20_000, drawn.replace("score", score), score))
    wrong = await _figures(store, many_binary(20_000, drawn.replace("score", f"pow({score}, 2)"), score))
    for kind in ("ece_equal_mass", "ece_equal_width"):
        assert 0.3 < right[kind] / right[f"{kind}_by_chance"] < 2
        assert wrong[kind] > 10 * wrong[f"{kind}_by_chance"]


async def test_curves_by_group_and_of_nothing(store):
    """One curve to a group; one without points and with a reason where nothing is there; too many bins are refused."""
    rows = as_rows(binary_outcome(number % 2 == 0, number / 100, segment="ab"[number >= 75]) for number in range(100))
    few = await reliability(store, rows, {}, ["Segment"], least=30)
    assert [(curve.group, curve.n, len(curve.points)) for curve in few] == [(("a",), 75, 10), (("b",), 25, 0)]
    assert few[1].reason == "25 labels; 30 are the fewest that say anything"
    [nothing] = await reliability(store, as_rows([]), {})
    assert (nothing.points, nothing.reason) == ((), "no labelled prediction has a score from 0 to 1")
    with pytest.raises(BadInput, match="bins"):
        await reliability(store, as_rows([]), {}, bins=0)
