"""Every page: silent on the console, usable by keyboard and screen reader, and as wide as the window."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from dashboard.pages import FIRST, PAGES
from tests.browser.accessibility import grave_violations
from tests.browser.pages import overflows, settle
from tests.dashboard.modelling_api import PREDICTION
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.pipeline_api import SPAN, TRACE

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE: Final = 390
# The sections of a page are pages of their own to look at.
SECTIONS: Final = (
    "pipeline?section=queries",
    "pipeline?section=map",
    "pipeline?section=audit",
    "logs?live=on",
)


@pytest.fixture(autouse=True)
def something_fires(api: FakeMonitoringApi) -> None:
    """Alerts to be seen, so that no page is empty."""
    api.mode = "alerting"


@pytest.mark.parametrize("path", [*PAGES, *SECTIONS])
def test_a_page_is_silent_accessible_and_fits(open_page: Open, dashboard: str, path: str) -> None:
    """At a desk and on a phone; the console is listened to all the while."""
    page = _drawn(open_page(f"{dashboard}/{'' if path == FIRST else path}"), path)
    assert not overflows(page)
    assert grave_violations(page) == []
    page.set_viewport_size({"width": PHONE, "height": 844})
    settle(page)
    assert not overflows(page)


@pytest.mark.parametrize("path", ["logs", "pipeline?section=map"])
def test_the_dark_look_is_accessible_too(open_page: Open, dashboard: str, path: str) -> None:
    """Contrast above all: what is read on white is read on black."""
    page = _drawn(open_page(f"{dashboard}/{path}", scheme="dark"), path)
    assert page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor") == (
        "rgb(16, 23, 30)"
    )
    assert grave_violations(page) == []


def test_a_pasted_id_lands_on_its_page(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """By keyboard alone, from any page; what is nobody's id says what was looked for."""
    page = _drawn(open_page(f"{dashboard}/pipeline?section=processes"), "pipeline")
    for text, parameter in ((SPAN, f"trace={TRACE}"), (PREDICTION, f"prediction={PREDICTION}")):
        box = page.get_by_label("Find by id")
        box.fill(text)
        box.press("Enter")
        page.wait_for_url(re.compile(parameter))
        expect(box).to_have_value("")
        settle(page)
    api.mode = "empty"
    page.get_by_label("Find by id").fill("gone")
    page.get_by_label("Find by id").press("Enter")
    expect(page.get_by_text("Nothing is stored under")).to_be_visible()


def _drawn(page: Page, path: str) -> Page:
    title = PAGES[path.partition("?")[0]].title
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    settle(page)
    return page
