"""Both pages in a real browser, served by the real process, before an API that can be made ill at will."""

import csv
import re
from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from dashboard.charts.palette import DARK, MUTED
from tests.browser.pages import CHARTS, charts, choose, drawn_points, figures, go_back, number, overflows, settle
from tests.dashboard.monitoring_api import VALUES, FakeMonitoringApi, value_of

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def test_the_overview_draws_figures_and_lines(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A verdict on the whole and on each, numbers with small lines, and the pipeline's chart."""
    page = open_page(dashboard)
    shown = figures(page)
    assert sorted(shown) == [
        "Errors",
        "Fallbacks",
        "In flight",
        "Label coverage",
        "Latency p95",
        "Mean score",
        "Predictions",
        "Requests",
    ]
    assert all(number(text) > 0 for text in shown.values())
    lines = page.get_by_role("img", name=re.compile("over the range"))
    assert lines.count() == 12
    assert all(line.evaluate("image => image.complete && image.naturalWidth > 0") for line in lines.all())
    assert drawn_points(charts(page, 1)) > 80
    expect(page.get_by_text("All is well")).to_be_visible()
    assert page.get_by_test_id("stMain").inner_text().count("Fine") == 3


def test_refreshing_keeps_the_pictures(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """New figures arrive without any chart being taken down, and without the page changing its height."""
    page = open_page(dashboard)
    charts(page, 1)
    settle(page)
    page.evaluate(
        """() => {
            window.removed = [];
            const holds = node => node.matches && (node.matches('svg.marks') || node.querySelector('svg.marks'));
            new MutationObserver(changes => changes.forEach(change => change.removedNodes.forEach(
                node => holds(node) && window.removed.push(node.tagName)
            ))).observe(document.body, {childList: true, subtree: true});
        }"""
    )
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    _refreshed(page)
    assert page.evaluate("window.removed") == []
    assert page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight") == height


def test_a_row_leads_to_its_history(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """The link carries range, zone, service and the row's metrics; the way back finds the overview as it was."""
    page = open_page(f"{dashboard}/?from=now-6h&to=now&tz=Europe/Berlin&service=ml-api")
    charts(page, 1)
    page.get_by_test_id("stMain").get_by_role("link", name=re.compile("History")).first.click()
    expect(page.get_by_role("heading", name="Latency p95")).to_be_visible()
    for part in ("metric=request_rate", "metric=latency_p95", "from=now-6h", "tz=Europe", "filter=service%3Dml-api"):
        assert part in page.url
    go_back(page)
    charts(page, 1)
    assert "from=now-6h" in page.url


def test_reload_and_share_reproduce_the_page(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """What is chosen by hand is in the URL; the URL alone shows the same to somebody else."""
    page = open_page(f"{dashboard}/history")
    charts(page, 1)
    choose(page, "Metrics", "Score mean")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Score mean")).to_be_visible()
    choose(page, "Range", "Last 7 days")
    choose(page, "Step", "1h")
    page.wait_for_url(re.compile("step=1h"))
    expect(page.get_by_text("One point is 1 hour").first).to_be_visible()
    url = page.url
    page.reload()
    expect(page.get_by_text("One point is 1 hour").first).to_be_visible()
    assert page.url == url
    other = open_page(url)
    expect(other.get_by_role("heading", name="Score mean")).to_be_visible()
    expect(other.get_by_text("One point is 1 hour").first).to_be_visible()
    assert other.url == url


def test_a_custom_range_is_drawn_in_its_zone(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """Both ends and the axis show the clock of the zone chosen, whatever the browser's own."""
    page = open_page(
        f"{dashboard}/history?metric=latency_p95&from=2026-07-01T10:00:00Z&to=2026-07-01T16:00:00Z"
        "&step=5m&tz=Asia/Kolkata&group_by=route"
    )
    chart = charts(page, 1).first
    expect(chart).to_contain_text("Time (Asia/Kolkata, UTC+05:30)")
    expect(chart).to_contain_text("16:00")
    expect(chart).not_to_contain_text("10:00")
    expect(chart).to_contain_text("/v1/predict")
    assert drawn_points(chart) == 3 * 72
    expect(page.get_by_text("01 Jul 2026 15:30 to 01 Jul 2026 21:30")).to_be_visible()


def test_dragging_zooms_in_and_the_button_out(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """What was dragged over becomes the range of every chart, in the URL too, by the zone's clock; and back again."""
    page = open_page(
        f"{dashboard}/history?metric=latency_p95&metric=request_rate&from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z"
        "&tz=Asia/Kolkata"
    )
    settle(page)
    plot = charts(page, 2).first.locator("g.mark-line").first.bounding_box()
    assert plot is not None
    middle, width = plot["y"] + plot["height"] / 2, plot["width"]
    page.mouse.move(plot["x"] + width * 0.5, middle)
    page.mouse.down()
    page.mouse.move(plot["x"] + width * 0.6, middle, steps=4)
    page.mouse.move(plot["x"] + width * 0.75, middle, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=2026-07-01T1[12]%3A"))
    assert re.search(r"to=2026-07-01T1[78]%3A", page.url)
    expect(page.get_by_text(re.compile(r"01 Jul 2026 17:\d\d to 01 Jul 2026 23:\d\d")).nth(1)).to_be_visible()
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_url(re.compile("from=2026-07-01T00%3A00%3A00Z"))
    expect(page.get_by_text("01 Jul 2026 05:30 to 02 Jul 2026 05:30").first).to_be_visible()


def test_a_week_before_is_drawn_and_what_happened(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A second, dashed line with its name in the legend, marks with their list, and a way to the cause."""
    page = open_page(f"{dashboard}/history?metric=latency_p95&compare=week&filter=service%3Dml-api")
    chart = charts(page, 1).first
    expect(chart).to_contain_text("week before")
    assert chart.locator("g.mark-line path[stroke-dasharray='3,3']").count() >= 1
    page.get_by_text("3 things happened in this range").click()
    expect(page.get_by_text(re.compile("promoted: flight.delay b71e44d9"))).to_be_visible()
    page.get_by_role("link", name="Why slow?").click()
    page.wait_for_url(re.compile(r"/traces\?.*section=slow.*service=ml-api"))


def test_a_rule_is_made_from_the_chart(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A threshold typed is a line across the chart and a rule's text; its backtest is drawn."""
    page = open_page(f"{dashboard}/history?metric=latency_p95&panel=rule&group_by=route")
    charts(page, 1)
    field = page.get_by_role("spinbutton", name="Threshold in s")
    field.fill("0.03")
    field.press("Enter")
    expect(page.locator("[data-testid=stCode]")).to_contain_text("condition: '> 0.03'")
    expect(charts(page, 1).first.locator("g.mark-rule line[stroke-dasharray='5,4']")).to_have_count(1)
    page.get_by_role("button", name="Backtest it over this range").click()
    expect(page.get_by_text("It would have fired once")).to_be_visible()
    charts(page, 2)
    assert "threshold=0.03" in page.url


def test_a_chart_is_taken_away_as_numbers_and_as_a_picture(
    open_page: Open, dashboard: str, api: FakeMonitoringApi
) -> None:
    """The file for a spreadsheet holds each point that is drawn, the picture is one; our policy forbids neither."""
    page = open_page(
        f"{dashboard}/history?metric=latency_p95&group_by=route&step=5m&from=2026-07-01T10:00:00Z&to=2026-07-01T12:00:00Z"
    )
    chart = charts(page, 1).first
    settle(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download as CSV").last.click()
    assert taken.value.suggested_filename == "latency_p95.csv"
    rows = list(csv.DictReader(taken.value.path().read_text().splitlines()))
    assert len(rows) == drawn_points(chart) == 3 * 24
    for row in rows:
        at = datetime.fromisoformat(row["time"]).timestamp()
        assert float(row["value"]) == value_of("latency_p95", at, VALUES["route"].index(row["route"]))
    chart.hover()
    with page.expect_download() as taken:
        page.get_by_role("button", name=re.compile("Download as PNG")).first.click()
    picture = taken.value.path().read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000


def test_clickhouse_away_is_said_and_the_page_recovers_by_itself(
    open_page: Open, dashboard: str, api: FakeMonitoringApi
) -> None:
    """Nobody has to reload: while it is away the page says so and shows what was known, then it is new again."""
    page = open_page(dashboard)
    charts(page, 1)
    api.mode = "store-down"
    expect(page.get_by_text("ClickHouse is not answering")).to_be_visible()
    expect(page.get_by_text(re.compile("Below is what was known"))).to_be_visible()
    expect(page.get_by_text("All is well")).to_have_count(0)
    api.mode = "full"
    expect(page.get_by_text("All is well")).to_be_visible()
    expect(page.get_by_text("ClickHouse is not answering")).to_have_count(0)


def test_history_recovers_by_itself(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """The history page too keeps trying while ClickHouse is away."""
    api.mode = "store-down"
    page = open_page(f"{dashboard}/history?metric=score_mean")
    expect(page.get_by_text("ClickHouse is not answering")).to_be_visible()
    api.mode = "full"
    charts(page, 1)


def test_an_empty_store_teaches(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """Nothing there: the page says what brings data."""
    api.mode = "empty"
    page = open_page(dashboard)
    expect(page.get_by_text("Nothing has arrived in this range")).to_be_visible()
    expect(page.get_by_text("make demo")).to_be_visible()


def test_hostile_text_is_shown_as_text(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """Markup, scripts, links, emoji codes and formulas in names stay letters, on both pages."""
    api.mode = "hostile"
    page = open_page(dashboard)
    expect(page.get_by_text("Something is wrong").first).to_be_visible()
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text('<script>document.title="owned"</script> **bold** [x](http')
    text = main.inner_text().replace("\u2060", "")
    assert ":smile:" in text
    assert "$x$" in text
    assert page.locator("[data-testid=stMain] a[href^='http://example']").count() == 0
    other = open_page(f"{dashboard}/history?metric=latency_p95&group_by=route")
    expect(charts(other, 1).first).to_contain_text("<script>document.title=")
    assert "owned" not in {page.title(), other.title()}


@pytest.mark.parametrize("path", ["/", "/history?metric=latency_p95&group_by=route"])
def test_no_page_is_wider_than_a_tablet(open_page: Open, dashboard: str, api: FakeMonitoringApi, path: str) -> None:
    """It shows everything without scrolling sideways."""
    page = open_page(f"{dashboard}{path}", width=820)
    charts(page, 1)
    settle(page)
    assert not overflows(page)


def test_streamlits_own_furniture_is_gone(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """No deploy button, no developer's menu: what is left of it chooses between light and dark, which is kept."""
    page = open_page(dashboard)
    charts(page, 1)
    assert page.get_by_text("Deploy").count() == 0
    page.get_by_test_id("stMainMenuButton").click()
    assert page.get_by_test_id("stMainMenuPopover").get_by_role("menuitem").all_inner_texts() == ["About"]
    expect(page.get_by_role("menuitemradio")).to_have_count(3)
    page.get_by_role("menuitemradio", name="Dark").click()
    axis = page.locator(f"{CHARTS} text[fill='{DARK[MUTED]}' i]")
    expect(axis.first).to_be_visible()
    page.reload()
    expect(axis.first).to_be_visible()


def _refreshed(page: Page, times: int = 2) -> None:
    """Wait until the page has asked again."""
    taken = page.get_by_text(re.compile(r"as of \d\d:\d\d:\d\d"))
    for _ in range(times):
        before = taken.inner_text()
        expect(taken).not_to_have_text(before)
