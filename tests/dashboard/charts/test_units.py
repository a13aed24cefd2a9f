"""Numbers and units as people read them."""

import pytest

from dashboard.charts.units import figure, scale_of, unit_of


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        (float("nan"), "1", "–"),
        (0.0, "s", "0 ms"),
        (0.0123, "s", "12.3 ms"),
        (0.0000123, "s", "12.3 µs"),
        (1.5, "s", "1.5 s"),
        (150, "s", "2.5 min"),
        (7200, "s", "2 h"),
        (38, "ms", "38 ms"),
        (0.004, "ratio", "0.4 %"),
        (1, "ratio", "100 %"),
        (12.5, "%", "12.5 %"),
        (12_400, "", "12.4k"),
        (3_200_000, "1/s", "3.2M /s"),
        (10.64, "{request}/s", "10.6 /s"),
        (81e9, "By", "81 GB"),
        (0.2345, "1", "0.234"),
        (-5, "", "-5"),
    ],
)
def test_figures_are_short_and_say_their_unit(value: float | None, unit: str, text: str) -> None:
    """Three significant digits, an SI prefix, and the unit in the scale that fits."""
    assert figure(value, unit) == text


def test_a_chart_has_one_scale_from_its_largest_value() -> None:
    """Small values beside a large one share its unit."""
    assert (scale_of("s", 0.9).symbol, scale_of("s", 1.1).symbol, scale_of("s", None).symbol) == ("ms", "s", "ms")


@pytest.mark.parametrize(
    ("metric", "unit", "kind", "shown"),
    [
        ("error_ratio", "1", "", "ratio"),
        ("completeness", "1", "", "ratio"),
        ("anything", "1", "ratio", "ratio"),
        ("score_mean", "1", "mean", "1"),
        ("latency_p95", "s", "quantile", "s"),
    ],
)
def test_shares_are_shown_in_per_cent(metric: str, unit: str, kind: str, shown: str) -> None:
    """The catalogue calls shares `1`; scores are `1` too and stay plain numbers."""
    assert unit_of(metric, unit, kind) == shown
