"""A browser, and pages that are expected to stay silent."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browser import Complaints, open_browser
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.process import DashboardProcess

Open = Callable[..., Page]
PATIENCE_SECONDS = 45
"""A busy machine draws slowly; nothing is awaited for as long on a free one."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module's tests; each page has a profile of its own."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with open_browser() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens an address; the test fails when the page said anything that it should not."""
    complaints: list[Complaints] = []
    contexts = []

    def open_(
        url: str,
        *,
        width: int = 1360,
        height: int = 900,
        others: tuple[str, ...] = (),
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, timezone_id="America/New_York", color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        listening = Complaints(url, others)
        complaints.append(listening)
        listening.listen(page)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [heard for listening in complaints for heard in listening.heard] == []


@pytest.fixture(scope="module")
def served_api() -> Iterator[FakeMonitoringApi]:
    """The API that the module's dashboard asks."""
    with FakeMonitoringApi() as api:
        yield api


@pytest.fixture(scope="module")
def dashboard(served_api: FakeMonitoringApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real dashboard process in front of that API."""
    folder = tmp_path_factory.mktemp("dashboard")
    env = {"SIGHTGLASS_DASHBOARD_REFRESH_SECONDS": "3"}
    with DashboardProcess(folder, served_api.url, env) as process:
        yield process.url


@pytest.fixture
def api(served_api: FakeMonitoringApi) -> Iterator[FakeMonitoringApi]:
    """The same API, in full health at the start and the end of each test."""
    served_api.mode = "full"
    yield served_api
    served_api.mode, served_api.huge, served_api.delay_seconds = "full", False, 0.0
