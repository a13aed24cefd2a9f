"""Every page while texts are hostile or the API is slow, and while people work on one that refreshes."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import charts, choose, figures, settle
from tests.dashboard.alerting_api import FIRING, FakeAlerting
from tests.dashboard.modelling_api import PREDICTION
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.tracing_api import TRACE

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
# The dashboard keeps what it was answered; an hour that nobody else asks for is asked anew.
HOSTILE_PAGES: Final = (
    "?from=now-5h",
    "history?metric=latency_p95&group_by=route&from=now-5h",
    "models?section=segments&segment=carrier&from=now-5h",
    f"predictions?prediction={PREDICTION[:-1]}5",
    f"traces?trace={TRACE}",
    "traces?section=exceptions&from=now-5h",
    "logs?from=now-5h",
    f"alerts?alert={FIRING}",
    "pipeline?section=map&from=now-5h",
    "pipeline?section=audit",
)
INJECTED: Final = (
    "[data-testid=stMain] :is(script, a[href^='http://example'], a[href^='javascript'], strong:text-is('bold'))"
)
AS_OF: Final = re.compile(r"as of \d\d:\d\d:\d\d")
SCROLLED: Final = "document.querySelector('[data-testid=stMain]').scrollTop"


def test_texts_of_strangers_are_texts_on_every_page(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """Markup, scripts, emoji, marks that turn text around, and a megabyte in one of each kind: letters, and no more."""
    api.mode, api.huge = "hostile", True
    page = open_page(f"{dashboard}/{HOSTILE_PAGES[0]}")
    ducks = 0
    for address in HOSTILE_PAGES:
        if not page.url.endswith(address):
            page.goto(f"{dashboard}/{address}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        expect(page.get_by_test_id("stMain")).to_contain_text("<script>document.title=")
        expect(page.get_by_test_id("stSpinner")).to_have_count(0)
        settle(page)
        assert page.title() != "owned", address
        assert page.locator(INJECTED).count() == 0, address
        assert len(page.content()) < 3_000_000, address
        ducks += "🦆" in page.get_by_test_id("stMain").inner_text()
    assert ducks >= 5  # elsewhere they are drawn, or beyond where a name is cut


def test_a_slow_api_is_waited_for(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """The page is there at once and keeps the place of what will come; what is asked anew is said to be asked for."""
    api.delay_seconds = 2.0
    page = open_page(f"{dashboard}/?from=now-4h")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_test_id("stSkeleton").first).to_be_visible()
    assert figures(page)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.goto(f"{dashboard}/traces?section=heatmap&from=now-4h")
    charts(page, 1)
    choose(page, "Range", "Last 6 hours")
    expect(page.get_by_text("Asking for durations")).to_be_visible()
    expect(page.get_by_text("Asking for durations")).to_have_count(0)
    charts(page, 1)


def test_what_was_known_can_be_read_while_the_next_is_asked_for(
    open_page: Open, dashboard: str, api: FakeMonitoringApi
) -> None:
    """Who comes soon after somebody else reads the overview as it was then, with its time; the next takes its place."""
    first = open_page(f"{dashboard}/?from=now-3h")
    expect(first.get_by_text(AS_OF).last).to_be_visible()
    first.goto("about:blank")
    api.delay_seconds = 3.0
    second = open_page(f"{dashboard}/?from=now-3h")
    told = second.get_by_text(AS_OF).last  # while it is drawn anew the page has it twice for a moment
    expect(told).to_be_visible()
    known = told.inner_text()
    expect(second.locator("[data-figure]").first).to_be_visible()
    expect(told).not_to_have_text(known)
    expect(second.get_by_test_id("stSkeleton")).to_have_count(0)


def test_a_refresh_leaves_alone_what_somebody_is_at(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """A form half filled in, an open list and the place scrolled to are as they were after the page asked again."""
    api.alerting, api.mode = FakeAlerting(), "alerting"
    page = open_page(f"{dashboard}/alerts?alert={FIRING}", height=500)
    expect(page.get_by_text("What to do")).to_be_visible()
    settle(page)
    comment = page.get_by_role("textbox", name="Comment").last
    comment.fill("half a sen")
    comment.scroll_into_view_if_needed()
    settle(page)
    before = page.evaluate(SCROLLED)
    assert before > 0
    _asked_again(page, api, "/api/v1/alerts")
    assert page.evaluate(SCROLLED) == before
    expect(comment).to_have_value("half a sen")
    expect(comment).to_be_focused()
    page.keyboard.type("tence")
    _asked_again(page, api, "/api/v1/alerts")
    expect(comment).to_have_value("half a sentence")
    page.get_by_role("button", name=re.compile("Silence …")).click()
    expect(page.get_by_role("button", name="Yes, silence")).to_be_visible()
    _asked_again(page, api, "/api/v1/alerts")
    expect(page.get_by_role("button", name="Yes, silence")).to_be_visible()
    assert api.alerting.done == []


def test_a_refreshed_history_leaves_alone_what_somebody_is_at(
    open_page: Open, dashboard: str, api: FakeMonitoringApi
) -> None:
    """While the range moves on: an open list, the place scrolled to, and a drag that began before and ends after."""
    page = open_page(f"{dashboard}/history?metric=latency_p95&metric=request_rate&from=now-15m&step=10s", height=500)
    charts(page, 2)
    page.get_by_text("3 things happened in this range").click()
    told = page.get_by_text(re.compile("promoted: flight.delay b71e44d9"))
    expect(told).to_be_visible()
    settle(page)
    plot = page.locator("[data-testid=stVegaLiteChart] g.mark-line").first
    plot.scroll_into_view_if_needed()
    before, addressed = page.evaluate(SCROLLED), page.url
    assert before > 0
    box = plot.bounding_box()
    assert box is not None
    middle, left, width = box["y"] + box["height"] / 2, box["x"], box["width"]
    page.mouse.move(left + width * 0.3, middle)
    page.mouse.down()
    page.mouse.move(left + width * 0.4, middle, steps=4)
    for _ in range(4):  # past the end of a bucket, where the axis moves on
        _asked_again(page, api, "/api/v1/metrics/history")
    assert page.evaluate(SCROLLED) == before
    assert page.url == addressed
    page.mouse.move(left + width * 0.6, middle, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{4}-"))
    shown = parse_qs(urlsplit(page.url).query)
    start, end = (datetime.fromisoformat(shown[name][0]) for name in ("from", "to"))
    assert end - start > timedelta(minutes=3), "all that was dragged over, of a quarter of an hour"
    expect(told).to_be_visible()


def _asked_again(page: Page, api: FakeMonitoringApi, path: str, times: int = 2) -> None:
    """Wait until the page has refreshed itself, and shows it."""
    known = sum(asked == path for asked, _ in api.asked)
    for _ in range(200):
        if sum(asked == path for asked, _ in api.asked) >= known + times:
            break
        page.wait_for_timeout(100)
    else:
        raise AssertionError("The page does not refresh.")
    page.wait_for_timeout(300)
