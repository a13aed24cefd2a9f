"""Regression figures against scikit-learn and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from statsmodels.stats.weightstats import DescrStatsW

from services.monitoring_api.errors import BadInput
from services.monitoring_api.queries.performance.intervals import Z
from services.monitoring_api.queries.performance.measure import measure
from tests.monitoring_api.queries.performance.any_rows import SOME, tied
from tests.monitoring_api.queries.performance.outcome_rows import as_rows

pytestmark = pytest.mark.anyio

_VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-300, 1e100, 3.0]))


@st.composite
def _pairs(draw):
    size = draw(st.integers(0, 200))
    return draw(tied(size, _VALUES)), draw(tied(size, _VALUES))


def _rows(truths, values) -> str:
    return as_rows(
        {"Labelled": True, "Truth": true, "Value": value} for true, value in zip(truths, values, strict=True)
    )


async def _figures(store, truths, values, **more):
    [found] = await measure(store, _rows(truths, values), {}, "regression", **({"least": 1} | more))
    return found.figures


@SOME
@given(_pairs())
async def test_figures_equal_scikit_learn(store, rows):
    """Of any values: mae, mse, rmse, r2, mape, pinball losses, and the mean error."""
    truths, values = rows
    found = await _figures(store, truths, values)
    if not truths:
        assert {figure.reason for figure in found.values()} == {"no label"}
        return
    expected = {
        "mae": metrics.mean_absolute_error(truths, values),
        "mse": metrics.mean_squared_error(truths, values),
        "rmse": metrics.root_mean_squared_error(truths, values),
        "mape": metrics.mean_absolute_percentage_error(truths, values),
        **{f"pinball_{level:g}": metrics.mean_pinball_loss(truths, values, alpha=level) for level in (0.1, 0.5, 0.9)},
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-9), name
    errors = np.subtract(values, truths)
    assert found["bias"].value == pytest.approx(errors.mean(), rel=1e-9, abs=1e-12 * np.abs(errors).max())
    if len(set(truths)) == 1 or np.var(truths) == 0:
        assert found["r2"].reason == "the true values do not vary"
    else:
        assert found["r2"].value == pytest.approx(metrics.r2_score(truths, values), rel=1e-9, abs=1e-9)


async def test_values_beyond_a_doubles_square_say_so(store):
    """1e300 has no square: what needs one has no value, the absolute error has."""
    found = await _figures(store, [1e300, -1e300, 5.0], [1e300, 1e300, 6.0])
    assert found["mae"].value == pytest.approx(2e300 / 3)
    assert {found[name].reason for name in ("mse", "rmse", "r2")} == {"the values are too large to compute with"}


async def test_means_have_statsmodels_interval(store):
    """mae, bias and pinball: normal, of the sample's variance; the root's ends are the roots of the square's."""
    random = np.random.default_rng(3)
    truths = random.normal(100, 5, 300)
    values = truths + random.normal(1, 2, 300)
    found = await _figures(store, truths.tolist(), values.tolist())
    errors = values - truths
    for name, terms in (("mae", abs(errors)), ("bias", errors), ("mse", errors**2)):
        low, high = DescrStatsW(terms).zconfint_mean()
        assert (found[name].low, found[name].high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
    assert found["rmse"].high == pytest.approx(found["mse"].high ** 0.5)
    ratio, spread = np.mean(errors**2) / truths.var(), (truths - truths.mean()) ** 2
    half = Z * np.std((errors**2 - ratio * spread) / truths.var(), ddof=1) / np.sqrt(300)
    assert (found["r2"].low, found["r2"].high) == (
        pytest.approx(1 - ratio - half, rel=1e-9),
        pytest.approx(1 - ratio + half, rel=1e-9),
    )


async def test_rows_that_are_no_numbers_are_left_out(store):
    """A label that is no number, a missing value and an unlabelled row; too few are said by their number."""
    rows = as_rows(
        [
            {"Labelled": True, "Truth": 1.0, "Value": 2.0},
            {"Labelled": True, "Truth": None, "Value": 2.0},
            {"Labelled": True, "Truth": 2.0, "Value": None},
            {"Labelled": False, "Truth": None, "Value": 2.0},
        ]
    )
    [found] = await measure(store, rows, {}, "regression", least=1)
    assert (found.predictions, found.labels, found.figures["mae"].n, found.figures["mae"].value) == (4, 3, 1, 1.0)
    [found] = await measure(store, rows, {}, "regression")
    assert found.figures["mae"].reason == "1 label; 20 are the fewest that say anything"


async def test_levels_are_chosen(store):
    """Each level has a loss of its own; one that is no quantile is refused."""
    found = await _figures(store, [1.0, 2.0], [2.0, 4.0], levels=[0.25], wanted=frozenset({"pinball"}))
    assert list(found) == ["pinball_0.25"]
    assert found["pinball_0.25"].value == pytest.approx(0.75 * 1.5)
    with pytest.raises(BadInput, match="levels"):
        await _figures(store, [1.0], [2.0], levels=[1.5])
