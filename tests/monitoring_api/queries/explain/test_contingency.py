"""What a table of counts says, against SciPy and statsmodels."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable, Table2x2
from statsmodels.stats.multitest import multipletests

from services.monitoring_api.queries.explain.contingency import Contingency, combined_z
from services.monitoring_api.queries.explain.false_discovery import q_values

_COUNTS = st.integers(0, 3_000)


def _cells(table: Contingency):
    return [
        [table.selected_with, table.selected - table.selected_with],
        [table.rest_with, table.rest - table.rest_with],
    ]


_TABLES = st.builds(lambda a, b, c, d: Contingency(a, b, a + c, b + d), _COUNTS, _COUNTS, _COUNTS, _COUNTS)


@given(_TABLES)
def test_p_is_fishers(table):
    """One-sided, as SciPy computes it; where the answer is that nothing is there, it need not be exact."""
    exact = stats.fisher_exact(_cells(table), alternative="greater").pvalue if table.says_something else 1.0
    if table.p() <= 0.05:
        assert table.p() == pytest.approx(exact, rel=1e-7, abs=1e-300)
    else:
        assert exact > 0.02


@given(_TABLES)
def test_likelihood_is_half_of_g(table):
    """As SciPy's G-test without correction."""
    if not table.says_something:
        return
    g = stats.chi2_contingency(_cells(table), correction=False, lambda_="log-likelihood").statistic
    assert table.log_likelihood() == pytest.approx(g / 2, rel=1e-9, abs=1e-9)


@given(st.lists(_TABLES, min_size=1, max_size=3))
def test_strata_combine_as_mantel_and_haenszel(tables):
    """The square of z is statsmodels' statistic of no association; one stratum is a table by itself."""
    strata = [table for table in tables if table.says_something]
    if not strata:
        return
    expected = StratifiedTable([_cells(table) for table in strata]).test_null_odds(correction=False).statistic
    assert combined_z(*strata) ** 2 == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(_TABLES)
def test_odds_are_those_of_shifted_counts(table):
    """As statsmodels' with a half added to each cell."""
    shifted = [[cell + 0.5 for cell in row] for row in _cells(table)]
    assert table.odds_ratio() == pytest.approx(Table2x2(shifted).oddsratio, rel=1e-9)


@given(_TABLES)
def test_the_share_accounted_for_lies_within_its_interval(table):
    """The interval is ordered, holds the estimate from shifted counts, and is finite whatever the counts are."""
    effect, low, high = table.attributable()
    s, r = (table.selected_with + 0.5) / (table.selected + 1), (table.rest_with + 0.5) / (table.rest + 1)
    assert low <= 1 - (1 - s) / (1 - r) <= high
    assert all(math.isfinite(each) for each in (effect, low, high))
    assert high <= 1


def test_the_share_accounted_for_by_hand():
    """60 of 100 selected and 20 of 100 others: what is beyond the others' fifth is half of the selected."""
    effect, low, high = Contingency(60, 20, 100, 100).attributable()
    assert effect == pytest.approx(0.5)
    assert (round(low, 2), round(high, 2)) == (0.35, 0.61)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Of 2,000 draws with a true share of 0.2, about 95 % of the intervals hold it, of unequal groups too."""
    for selected, rest, r in ((200, 200, 0.3), (100, 10_000, 0.02)):
        s = 1 - (1 - 0.2) * (1 - r)
        drawn = zip(
            stats.binom.rvs(selected, s, size=2_000, random_state=1),
            stats.binom.rvs(rest, r, size=2_000, random_state=2),
            strict=True,
        )
        tables = [Contingency(int(a), int(b), selected, rest) for a, b in drawn]
        held = sum(low <= 0.2 <= high for _, low, high in (table.attributable() for table in tables))
        assert 0.93 < held / 2_000 < 0.97


def test_groups_a_hundred_times_as_large_change_nothing():
    """With the same shares, a hundred times as many others leave effect and order as they were."""
    few, many = Contingency(60, 20, 100, 100), Contingency(60, 2_000, 100, 10_000)
    assert few.attributable()[0] == many.attributable()[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_q_is_statsmodels(p_values):
    """With equal weights and nothing left out: Benjamini and Yekutieli."""
    expected = multipletests(p_values, method="fdr_by")[1]
    assert q_values(p_values, [1.0] * len(p_values), len(p_values)) == pytest.approx(list(expected), rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 100))
def test_tests_left_out_count_as_ones(p_values, more):
    """Leaving out what is 1 gives the same as leaving it in."""
    searched = len(p_values) + more
    whole = q_values([*p_values, *[1.0] * more], [1.0] * searched, searched)
    assert q_values(p_values, [1.0] * len(p_values), searched) == pytest.approx(whole[: len(p_values)], rel=1e-12)
