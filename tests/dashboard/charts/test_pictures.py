"""Charts by their pictures: drawn as the browser draws them, and judged by what lies where."""

from itertools import pairwise
from typing import Final

import pytest

from dashboard.charts.against_reference import category_against, number_against
from dashboard.charts.bands import COLOURS as STATES
from dashboard.charts.bands import Band, Overlay, state_bars
from dashboard.charts.confusion import confusion_matrix, threshold_curves
from dashboard.charts.findings import Effect, effect_chart, share_chart
from dashboard.charts.heatmap import Cell, heat_map_chart
from dashboard.charts.intervals import Measured, interval_bars
from dashboard.charts.log_volume import COLOURS as SEVERITIES
from dashboard.charts.log_volume import log_volume_chart
from dashboard.charts.marks import Mark as Happened
from dashboard.charts.palette import BLUE, ERRORS, GREEN, PERCENTILES, VERMILLION
from dashboard.charts.performance import Point, performance_over_time
from dashboard.charts.reliability import ScoreBin, reliability_curve
from dashboard.charts.rows import rows_of
from dashboard.charts.service_map import MapCall, service_map_chart
from dashboard.charts.theme import on_dark
from dashboard.charts.timeline import timeline
from dashboard.charts.waterfall import Bar, Mark, waterfall
from tests.dashboard.charts.picture import WIDTH, Shape, darkness, shapes

START: Final = 1_700_000_000_000
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
NEAR: Final = 1.0
"""Pixels by which a picture may be off."""


def only(drawn: list[Shape], kind: str, **other: object) -> list[Shape]:
    """The shapes of a kind that are as told."""
    return [each for each in drawn if each.kind == kind and all(getattr(each, k) == v for k, v in other.items())]


def test_the_darkest_cell_of_a_heat_map_lies_where_the_most_are() -> None:
    """Slower is higher, later further right; a cell with failures has an outline; on a dark page most is lightest."""
    counts = {(0, 1.0): 5, (0, 10.0): 40, (30, 10.0): 900, (30, 100.0): 3}
    cells = [
        Cell(START + at * MINUTE, START + (at + 1) * MINUTE, low, 2 * low, count, int(low == 100.0))
        for (at, low), count in counts.items()
    ]
    chart = heat_map_chart(
        cells, start=START, end=START + HOUR, durations=(1.0, 1000.0), brush="brush", time_title="Time"
    )
    drawn = [each for each in only(shapes(chart), "rect") if each.right > each.left]
    assert len(drawn) == len(cells)
    darkest = max(drawn, key=lambda each: darkness(each.fill))
    assert darkest.left == pytest.approx(WIDTH / 2, abs=NEAR)
    by_count = sorted(zip(counts.values(), drawn, strict=True), key=lambda pair: pair[0])
    shades = [darkness(each.fill) for _, each in by_count]
    assert shades == sorted(shades)
    assert [bool(each.stroke) for each in drawn] == [False, False, False, True]
    assert drawn[0].top > drawn[1].top == pytest.approx(drawn[2].top)
    assert drawn[2].top > drawn[3].top
    dark = [each for each in only(shapes(on_dark(chart)), "rect") if each.right > each.left]
    assert min(dark, key=lambda each: darkness(each.fill)).left == darkest.left


def test_the_bars_of_a_waterfall_lie_below_each_other_at_their_times() -> None:
    """As wide as they took; own time within the whole, the critical path right below, what happened within its row."""
    bars = [
        Bar("a", "root", "api", 0, 200, own=[(0, 50)], critical=[(0, 50)]),
        Bar("b", "lookup", "db", 50, 200, depth=1, failed=True, marks=[Mark("event", 100, "exception")]),
        Bar("c", "late", "db", 190, 190, depth=2),
    ]
    drawn = shapes(waterfall(bars, start=0, end=200, colours={"api": BLUE, "db": GREEN}, chosen="b", pick="pick"))
    whole = only(drawn, "rect", opacity=0.4)
    assert [(each.left, each.right) for each in whole] == [
        pytest.approx(ends, abs=NEAR) for ends in ((0, WIDTH), (WIDTH / 4, WIDTH), (0.95 * WIDTH, 0.95 * WIDTH))
    ]
    assert all(above.bottom < below.top for above, below in pairwise(whole))
    assert [each.fill for each in whole] == [BLUE, GREEN, GREEN]
    own = next(each for each in only(drawn, "rect", opacity=1.0, fill=BLUE))
    assert (own.right, own.top, own.bottom) == pytest.approx((WIDTH / 4, whole[0].top, whole[0].bottom), abs=NEAR)
    assert whole[2].layer < next(each for each in drawn if each.stroke == ERRORS).layer
    # What is thinner than a pixel has a stroke that shows it.
    assert [each.left for each in drawn if each.stroke == GREEN] == [pytest.approx(0.95 * WIDTH, abs=NEAR)]
    (event,) = only(drawn, "symbol")
    assert event.middle[0] == pytest.approx(WIDTH / 2, abs=NEAR)
    assert whole[1].top < event.middle[1] < whole[1].bottom
    (chosen,) = only(drawn, "rect", opacity=0.14)
    assert chosen.top < whole[1].top < whole[1].bottom < chosen.bottom


def test_a_line_has_its_threshold_bands_and_marks_where_they_belong() -> None:
    """The threshold at its value, between the line's ends; the band behind; the line broken where nothing is."""
    values = [0.02, 0.04, None, 0.08, 0.10]
    rows = rows_of(
        "a", [(START / 1000 + 60 * n, value) for n, value in enumerate(values)], step_seconds=60, complete_until=None
    )
    overlay = Overlay(
        [Band("firing", START + 3 * MINUTE, START + 5 * MINUTE)],
        threshold=0.05,
        marks=[Happened("promotion", START + MINUTE, "v2")],
    )
    drawn = shapes(timeline(rows, unit="ratio", start=START, end=START + 5 * MINUTE, overlay=overlay))
    (threshold,) = [each for each in only(drawn, "rule") if each.right - each.left > WIDTH / 2]
    lines = only(drawn, "line")
    assert (threshold.left, threshold.right, threshold.stroke) == (0, WIDTH, VERMILLION)
    # Zero is at the foot, 10 % at the top: the line says where 5 % must be.
    top, foot = min(each.top for each in lines), 160.0
    assert threshold.top == pytest.approx((top + foot) / 2, abs=NEAR)
    (band,) = only(drawn, "rect")
    assert band.fill == STATES["firing"]
    assert (band.left, band.right) == pytest.approx((0.6 * WIDTH, WIDTH), abs=NEAR)
    assert band.layer < min(each.layer for each in lines)
    (mark,) = [each for each in only(drawn, "rule") if each.dashes == "2,3"]
    assert mark.left == mark.right == pytest.approx(0.2 * WIDTH, abs=NEAR)


def test_percentiles_have_their_band_between_their_lines() -> None:
    """From the median up to the tail, where both are."""
    rows = [
        row
        for name, level in (("p50", 0.02), ("p95", 0.08))
        for row in rows_of(
            name, [(START / 1000 + 60 * n, level) for n in range(4)], step_seconds=60, complete_until=None
        )
    ]
    overlay = Overlay(percentiles=["p50", "p95"])
    drawn = shapes(timeline(rows, unit="s", start=START, end=START + 4 * MINUTE, overlay=overlay, colours=PERCENTILES))
    (band,) = only(drawn, "area")
    tail, median = sorted(only(drawn, "line"), key=lambda each: each.top)
    assert (band.top, band.bottom) == pytest.approx((tail.top, median.top), abs=NEAR)
    assert darkness(tail.stroke) > darkness(median.stroke)


def test_the_state_bars_and_log_bars_are_stacked_in_order() -> None:
    """A lane each from the top, in the state's colour; records of a bar on each other, the most severe at its foot."""
    bands = [Band("firing", START, START + HOUR // 2, "first"), Band("pending", START, START + HOUR, "second")]
    first, second = only(
        shapes(state_bars(bands, lanes=["first", "second"], start=START, end=START + HOUR, time_title="T")), "rect"
    )
    assert first.bottom < second.top
    assert (first.fill, second.fill) == (STATES["firing"], STATES["pending"])
    assert (first.right, second.right) == pytest.approx((WIDTH / 2, WIDTH), abs=NEAR)
    counts = {"INFO": [6, 2], "ERROR": [2, 0]}
    errors, infos, later = only(shapes(log_volume_chart([0, MINUTE], counts, step=MINUTE, time_title="T")), "rect")
    assert [each.fill for each in (errors, infos, later)] == [SEVERITIES[name] for name in ("ERROR", "INFO", "INFO")]
    assert errors.top == pytest.approx(infos.bottom, abs=NEAR)
    assert infos.bottom - infos.top == pytest.approx(3 * (errors.bottom - errors.top), abs=NEAR)
    assert later.left == pytest.approx(WIDTH / 2, abs=NEAR)


def test_a_model_that_is_overconfident_lies_below_the_diagonal() -> None:
    """Each dot within its interval; its picture is the one that people know."""
    bins = [ScoreBin(0.2, 0.1, 0.05, 0.15, 400, 0.1, 0.3), ScoreBin(0.5, 0.3, 0.2, 0.4, 400, 0.4, 0.6)]
    drawn = shapes(reliability_curve(bins))
    diagonal = next(each for each in only(drawn, "line") if each.dashes)
    height = diagonal.bottom
    for dot, interval in zip(only(drawn, "symbol"), only(drawn, "rule"), strict=True):
        x, y = dot.middle
        assert y > height - x / WIDTH * height
        assert interval.left == pytest.approx(x, abs=NEAR)
        assert interval.top < y < interval.bottom


def test_a_confusion_matrix_is_darkest_where_most_were_decided() -> None:
    """True classes from the top, decided ones from the left; the share is of the row."""
    cells = only(shapes(confusion_matrix(["late", "on_time"], [[30, 70], [10, 990]])), "rect")
    late_late, late_on_time, on_time_late, on_time_on_time = cells
    order = sorted(cells, key=lambda each: darkness(each.fill))
    assert order == [on_time_late, late_late, late_on_time, on_time_on_time]
    assert late_late.left < late_on_time.left
    assert late_late.top < on_time_late.top


def test_thresholds_and_intervals_lie_at_their_values() -> None:
    """The chosen threshold across, parts in the order given, what is immature hollow."""
    drawn = shapes(threshold_curves([(0.0, 0.2, 1.0), (1.0, 0.9, 0.0)], chosen=0.25))
    (chosen,) = only(drawn, "rule")
    assert chosen.left == pytest.approx(WIDTH / 4, abs=NEAR)
    assert len(only(drawn, "line")) == 2
    parts = [Measured("b", 0.5, 0.4, 0.6, 9, 9), Measured("a", 0.8, 0.7, 0.9, 9, 9, mature=False)]
    drawn = shapes(interval_bars(parts, unit="", title="Log loss", whole=0.65))
    low, high = only(drawn, "symbol")
    assert low.left < high.left
    assert low.middle[1] < high.middle[1]
    assert (bool(low.fill), bool(high.fill)) == (True, False)
    whole = next(each for each in only(drawn, "rule") if each.left == each.right)
    assert whole.left == pytest.approx((low.middle[0] + high.middle[0]) / 2, abs=NEAR)


def test_performance_over_time_is_dashed_where_labels_still_come() -> None:
    """The finished part is full, the rest pale, dashed and hollow; the band is around the line."""
    points = [Point(n * MINUTE, 0.5 + n / 10, 0.4 + n / 10, 0.6 + n / 10, 9, 9, n < 3, "v1") for n in range(5)]
    drawn = shapes(performance_over_time(points, unit="", start=0, end=5 * MINUTE, colours={"v1": BLUE}))
    done, coming = sorted(only(drawn, "line"), key=lambda each: each.left)
    assert (done.dashes, coming.dashes) == ("1,0", "4,3")
    assert done.opacity > coming.opacity
    dots = sorted(only(drawn, "symbol"), key=lambda each: (each.left, not each.fill))
    # The last finished one is also where the pale line begins.
    assert [bool(each.fill) for each in dots] == [True, True, True, False, False, False]
    band = min(only(drawn, "area"), key=lambda each: each.left)
    assert band.top < done.top < done.bottom < band.bottom


def test_a_prediction_stands_out_against_its_reference() -> None:
    """A line where its number lies, also beyond the training's; its category in a colour of its own."""
    drawn = shapes(number_against([float(n) for n in range(101)], 200.0))
    (line,) = only(drawn, "rule")
    bins = only(drawn, "rect")
    # From the 1st to the 99th percentile the bins are 98 wide; so much further is 200.
    assert line.left - bins[-1].right == pytest.approx((bins[-1].right - bins[0].left) / 98 * 101, abs=NEAR)
    drawn = shapes(category_against({"UA": 0.6, "EV": 0.3}, 0.1, "EV"))
    mine, *others = sorted(only(drawn, "rect"), key=lambda each: each.fill != VERMILLION)
    tallest = max(others, key=lambda each: each.bottom - each.top)
    assert (mine.bottom - mine.top) * 2 == pytest.approx(tallest.bottom - tallest.top, abs=NEAR)
    assert mine.fill not in {each.fill for each in others}


def test_findings_are_drawn_in_the_order_of_their_ranks() -> None:
    """The first at the top, each dot on its interval; the selected right of the rest where they have it more often."""
    rows = [Effect("1. carrier", 0.5, 0.4, 0.6, 0.8, 0.1), Effect("2. humidity", 0.2, 0.1, 0.3, 0.4, 0.2)]
    drawn = shapes(effect_chart(rows, unit="share"))
    first, second = only(drawn, "symbol")
    assert first.middle[1] < second.middle[1]
    assert first.left > second.left
    for dot, interval in zip((first, second), only(drawn, "rule"), strict=True):
        assert interval.left < dot.middle[0] < interval.right
    dots = only(shapes(share_chart(rows, selected="slow", rest="others")), "symbol")
    assert [one.left > other.left for one, other in zip(dots[::2], dots[1::2], strict=True)] == [True, True]


def test_calls_lead_from_left_to_right_and_failures_are_seen() -> None:
    """The caller stands left of whom it calls, a line joins both, and one with failures has their colour."""
    calls = [
        MapCall("web", "service", "api", "service", 9.0, 0.0, 0.1),
        MapCall("api", "service", "db", "database", 4.0, 0.2, 0.1),
    ]
    drawn = shapes(service_map_chart(calls))
    names = {each.text: each.left for each in only(drawn, "text")}
    assert names["web"] < names["api"] < names["db"]
    good, bad = only(drawn, "rule")
    assert (good.left, good.right) == pytest.approx((names["web"], names["api"]), abs=NEAR)
    assert bad.stroke == VERMILLION != good.stroke
