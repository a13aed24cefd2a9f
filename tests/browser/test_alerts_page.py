"""The Alerts page in a real browser, served by the real process, before an API that fires."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.pages import charts, drawn_points
from tests.dashboard.alerting_api import FIRING, FakeAlerting
from tests.dashboard.monitoring_api import FakeMonitoringApi

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def alerting(api: FakeMonitoringApi) -> Iterator[FakeAlerting]:
    """What the API knows of alerts while something fires."""
    api.alerting = FakeAlerting()
    api.mode = "alerting"
    yield api.alerting
    api.alerting = FakeAlerting()


def test_an_alert_is_found_taken_on_and_silenced(open_page: Open, dashboard: str, alerting: FakeAlerting) -> None:
    """From the overview to one alert with its picture, and what is done there is seen at once."""
    page = open_page(f"{dashboard}/?service=*")
    page.get_by_role("link", name=re.compile("All alerts")).click()
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    page.get_by_role("button", name="Details").first.click()
    expect(page.get_by_role("heading", name="TooManyErrors")).to_be_visible()
    assert f"alert={FIRING}" in page.url
    expect(charts(page, 2).last).to_contain_text("firing")
    expect(page.get_by_role("link", name="Runbook")).to_have_attribute("href", "https://runbooks.test/errors")
    assert len(page.screenshot(full_page=True)) > 20_000
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("button", name="Yes, take it on").click()
    expect(page.get_by_text("anonymous is on it")).to_have_count(1)
    page.get_by_role("textbox", name="Comment").last.fill("deploying")
    page.get_by_role("button", name=re.compile("Silence …")).click()
    page.get_by_role("button", name="Yes, silence").click()
    expect(page.get_by_text(re.compile("is on it.*silenced$"))).to_have_count(1)
    assert [(method, path) for method, path, _, _ in alerting.done] == [
        ("POST", f"/api/v1/alerts/{FIRING}/acknowledge"),
        ("POST", "/api/v1/silences"),
    ]


def test_a_click_into_the_timeline_leads_to_the_alert_and_its_figure(
    open_page: Open, dashboard: str, alerting: FakeAlerting
) -> None:
    """Beside its bars too; there the rule's figure is drawn, with the stretch in which it fired."""
    page = open_page(f"{dashboard}/alerts")
    chart = charts(page, 1).first
    expect(chart.locator("g.mark-rect.role-mark path")).to_have_count(7)  # two rows, and what they did
    row = chart.locator("g.mark-rect.role-mark").first.locator("path").last
    box = row.bounding_box()
    assert box is not None
    row.click(position={"x": box["width"] * 0.2, "y": box["height"] / 2})
    expect(page.get_by_role("heading", name="TooManyErrors")).to_be_visible()
    assert f"alert={FIRING}" in page.url
    figure = charts(page, 2).first
    expect(figure).to_contain_text("Error ratio")
    assert drawn_points(figure) > 10
    assert figure.locator("g.mark-rect.role-mark path").count() >= 1
    page.get_by_role("button", name="All alerts").click()
    expect(page.get_by_text("What alerts did")).to_be_visible()
    assert "alert=" not in page.url


def test_a_backtest_is_drawn(open_page: Open, dashboard: str, alerting: FakeAlerting) -> None:
    """The metric's line, the stretch in which the rule would have fired behind it, and the threshold across."""
    page = open_page(f"{dashboard}/alerts?section=rules&rule=TooManyErrors")
    page.get_by_role("button", name="Run the backtest").click()
    chart = charts(page, 1).first
    expect(chart).to_contain_text("/v1/predict")
    bands = chart.locator("g.mark-rect path")
    expect(bands).to_have_count(2)
    widths = [box["width"] for place in range(2) if (box := bands.nth(place).bounding_box())]
    assert 30 < max(widths) < 150


def test_a_hostile_mail_can_do_nothing(browser: Browser, dashboard: str, api: FakeMonitoringApi) -> None:
    """Its page is shown, but runs no script, loads nothing, submits nothing and leads nowhere."""
    api.mode = "hostile"
    # Not by `open_page`: the browser complains on the console of all that it refuses.
    context = browser.new_context()
    try:
        page = context.new_page()
        elsewhere: list[Request] = []

        def note(request: Request) -> None:
            if urlsplit(request.url).hostname not in {None, "127.0.0.1"}:
                elsewhere.append(request)

        page.on("request", note)
        page.goto(f"{dashboard}/alerts?section=mails")
        mail = page.frame_locator("iframe").frame_locator("iframe[title='The mail']")
        expect(mail.get_by_role("heading", name="Firing")).to_be_visible()
        mail.locator("#send").click()
        mail.locator("#out").click()
        page.wait_for_timeout(500)
        assert page.title() == "Sightglass"
        assert page.url.startswith(dashboard)
        # Now and then the browser tells of a request that its policy held back; that one never left.
        assert [(request.url, request.failure) for request in elsewhere if request.failure != "csp"] == []
        assert mail.get_by_role("heading", name="Firing").is_visible()
    finally:
        context.close()
