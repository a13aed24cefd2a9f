"""Every page: silent on the console, usable by keyboard and screen reader, and as wide as the window."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from dashboard.pages import FIRST, PAGES
from tests.browser.accessibility import grave_violations
from tests.browser.pages import finished, overflows, settle
from tests.dashboard.alerting_api import FIRING
from tests.dashboard.modelling_api import PREDICTION
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.pipeline_api import SPAN, TRACE

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
DESK: Final[ViewportSize] = {"width": 1360, "height": 900}
WALKS: Final = (
    ("", "history", "history?metric=latency_p95&group_by=route&panel=rule"),
    ("models", "models?section=reliability&threshold=0.3", "models?section=segments&segment=carrier"),
    ("models?section=versions", "models?section=wrong", "predictions", f"predictions?prediction={PREDICTION}"),
    ("traces", f"traces?trace={TRACE}", "traces?section=heatmap", "traces?section=slow", "traces?section=exceptions"),
    ("logs", "logs?live=on", "alerts", f"alerts?alert={FIRING}", "alerts?section=silences"),
    ("alerts?section=rules&rule=TooManyErrors", "alerts?section=notifications"),
    ("alerts?section=channels", "alerts?section=mails"),
    ("pipeline", "pipeline?section=processes", "pipeline?section=cardinality"),
    ("pipeline?section=queries", "pipeline?section=map", "pipeline?section=audit"),
)
"""All pages with all of their sections; those of a walk are looked at in one browser's page, which is quicker."""
DARK: Final = ("", "models?section=reliability&threshold=0.3", f"traces?trace={TRACE}", "pipeline?section=map", "logs")
"""Some of each kind: figures, charts, bars with text, a map and a table."""
NIGHT: Final = "rgb(16, 23, 30)"


@pytest.fixture(autouse=True)
def something_fires(api: FakeMonitoringApi) -> None:
    """Alerts to be seen, so that no page is empty."""
    api.mode = "alerting"


def test_no_page_is_left_out() -> None:
    """Each page of the navigation is in a walk."""
    assert {address.partition("?")[0] or FIRST for walk in WALKS for address in walk} == set(PAGES)


@pytest.mark.parametrize("walk", WALKS, ids=" ".join)
def test_a_page_is_silent_accessible_and_fits(open_page: Open, dashboard: str, walk: tuple[str, ...]) -> None:
    """At a desk and on a phone; the console is listened to all the while."""
    page = open_page(f"{dashboard}/{walk[0]}")
    for address in walk:
        _look(page, f"{dashboard}/{address}")
        assert grave_violations(page) == [], address
        assert not overflows(page), address
        _on_a_phone(page)
        assert not overflows(page), f"{address} on a phone"
        assert grave_violations(page) == [], f"{address} on a phone"


def test_the_dark_look_is_accessible_too(open_page: Open, dashboard: str) -> None:
    """Contrast above all: what is read on white is read on black, at a desk and on a phone."""
    page = open_page(f"{dashboard}/{DARK[0]}", scheme="dark")
    for address in DARK:
        _look(page, f"{dashboard}/{address}")
        ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        assert page.evaluate(ground) == NIGHT
        assert grave_violations(page) == [], address
        _on_a_phone(page)
        assert grave_violations(page) == [], f"{address} on a phone"


def test_a_pasted_id_lands_on_its_page(open_page: Open, dashboard: str, api: FakeMonitoringApi) -> None:
    """By keyboard alone, from any page; what is nobody's id says what was looked for."""
    page = open_page(f"{dashboard}/pipeline?section=processes")
    _look(page, page.url)
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


def _look(page: Page, address: str) -> None:
    """Open an address at a desk, unless it is open, and wait until all is drawn."""
    if page.url != address:
        page.set_viewport_size(DESK)
        page.goto(address)
    finished(page)


def _on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    settle(page)
