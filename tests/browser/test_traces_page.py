"""The Traces page in a real browser, served by the real process."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import charts, go_back, overflows
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.tracing_api import LARGE, LARGE_SPANS, TRACE

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
BRUSH = "[data-testid=stVegaLiteChart] svg .brush_brush path"


def state_of(page: Page) -> dict[str, list[str]]:
    """What the address says; asked of the page, for the driver learns of a new address late."""
    return parse_qs(urlsplit(str(page.evaluate("location.href"))).query)


def test_from_a_brushed_region_to_why_it_is_slow(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A drag over the slow corner chooses its time and durations; its links ask just for them, and back returns.

    The address says what is brushed: after a reload the panel and the brush are there, and a click takes both away.
    """
    page = open_page(f"{dashboard}/traces?section=heatmap&service=ml-api")
    box = charts(page, 1).first.bounding_box()
    assert box is not None
    left, right = box["x"] + 0.85 * box["width"], box["x"] + 0.985 * box["width"]
    page.mouse.move(left, box["y"] + 80)
    page.mouse.down()
    page.mouse.move((left + right) / 2, box["y"] + 110, steps=4)
    page.mouse.move(right, box["y"] + 130, steps=4)
    page.mouse.up()
    chosen = page.get_by_text(re.compile(r"Chosen: 18 Nov 11:5\d.* to 18 Nov 12:0\d"))
    expect(chosen).to_be_visible()
    page.wait_for_function("location.search.includes('region=')")
    words, (region,), brush = chosen.inner_text(), state_of(page)["region"], page.locator(BRUSH)
    drawn = {name: float(brush.evaluate(f"(path) => path.getBBox().{name}")) for name in ("x", "y", "width", "height")}
    page.reload()
    expect(chosen).to_have_text(words)
    charts(page, 1)
    assert {name: float(brush.evaluate(f"(path) => path.getBBox().{name}")) for name in drawn} == pytest.approx(
        drawn, abs=2
    )
    page.wait_for_timeout(1_000)
    assert (chosen.inner_text(), state_of(page)["region"]) == (words, [region])
    page.mouse.click(left - 200, box["y"] + 110)
    expect(chosen).to_have_count(0)
    page.wait_for_function("!location.search.includes('region=')")
    go_back(page)
    expect(chosen).to_have_text(words)
    page.get_by_role("link", name="Why slow?").click()
    expect(page.get_by_role("strong").filter(has_text="1. attribute enduser.airport = JFK")).to_be_visible()
    charts(page, 3)
    state = state_of(page)
    assert state["section"] == ["slow"]
    sent = next(query for path, query in reversed(api.asked) if path.endswith("/slow/explain"))
    for name in ("from", "to", "service"):
        assert sent[name] == state[name]
    assert float(sent["min_duration_ms"][0]) == float(state["min_duration_ms"][0])
    assert 10 < float(sent["min_duration_ms"][0]) < 100
    page.get_by_role("link", name="Traces with it").first.click()
    expect(page.get_by_text("Choose one to open it")).to_be_visible()
    assert state_of(page)["attr"] == ["enduser.airport=JFK"]
    go_back(page)
    expect(page.get_by_role("strong").filter(has_text="1. attribute enduser.airport = JFK")).to_be_visible()


def test_a_span_is_chosen_in_the_waterfall(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A click on its row shows its failure, event and log, puts it into the address, and moves nothing."""
    page = open_page(f"{dashboard}/traces?trace={TRACE}")
    expect(page.get_by_role("heading", name="POST /v1/predict").last).to_be_visible()
    chart = charts(page, 1).first
    lookup = chart.get_by_text(re.compile("weather.lookup"))
    before = lookup.bounding_box()
    # Text lies over its row without being in the way of a click; the driver would take the row for an obstacle.
    lookup.click(force=True)
    expect(page.get_by_text("It failed. refused")).to_be_visible()
    expect(page.get_by_text("no weather")).to_be_visible()
    assert lookup.bounding_box() == before
    page.wait_for_function("location.search.includes('span=0000000000000002')")
    expect(page.get_by_role("link", name="Linked span 1")).to_have_attribute("href", re.compile(f"trace={LARGE}"))
    page.reload()
    expect(page.get_by_text("It failed. refused")).to_be_visible()


def test_a_trace_of_5000_spans_can_be_used(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """No more rows than a picture holds; the failed and the slow are among them, and a count opens what it counts."""
    page = open_page(f"{dashboard}/traces?trace={LARGE}")
    chart = charts(page, 1).first
    expect(page.get_by_text(re.compile(rf"Shown are \d+ of {LARGE_SPANS:,} spans"))).to_be_visible()
    assert chart.locator("g.mark-text text").count() <= 110
    expect(chart.get_by_text(re.compile("slow one"))).to_have_count(1)
    chart.get_by_text(re.compile("more spans")).first.click(force=True)
    expect(page.get_by_text(re.compile(r"page 1 of \d+"))).to_be_visible()
    assert "inside" in state_of(page)


@pytest.mark.parametrize("width", [390, 1360])
def test_nothing_is_wider_than_its_window(open_page: Open, dashboard: str, api: FakeMonitoringApi, width: int) -> None:
    """A phone and a desk show hostile text in a trace as text, without scrolling sideways, and nothing of it runs."""
    api.mode = "hostile"
    page = open_page(f"{dashboard}/traces?trace={TRACE}", width=width)
    expect(page.get_by_text("What the answer waited for")).to_be_visible()
    expect(page.get_by_text("<script>").first).to_be_visible()
    assert page.title() == "Sightglass"
    assert not overflows(page)
