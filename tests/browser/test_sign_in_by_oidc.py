"""Signing in by OpenID Connect: a real provider, a real dashboard, a real browser."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import PATIENCE_SECONDS
from tests.browser.oidc_provider import STYLES, OidcProvider, oidc_file, sign_in
from tests.browser.pages import charts
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.process import DashboardProcess, free_port

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
REFRESH_SECONDS = 3
OWN = f"sgt_0123456789ab_{'o' * 43}"
PEOPLE = (
    {"sub": "ann", "email": "Ann@example.org", "email_verified": True},
    {"sub": "oz", "email": "oz@example.com", "email_verified": True},
    {"sub": "eve", "email": "eve@elsewhere.org", "email_verified": True},
    {"sub": "mallory", "email": "ann@example.org", "email_verified": False},
)


@dataclass(frozen=True)
class Place:
    """Where a test looks, and who signs in."""

    dashboard: str
    provider: str
    process: DashboardProcess


@pytest.fixture(scope="module")
def place(served_api: FakeMonitoringApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A dashboard that asks a provider who people are, before an API that knows the dashboard's token alone."""
    folder = tmp_path_factory.mktemp("oidc")
    port = free_port()
    served_api.tokens = {OWN: {"read", "operate"}}
    (folder / "token").write_text(f"{OWN}\n")
    with OidcProvider(folder, PEOPLE) as provider:
        env = {
            "SIGHTGLASS_DASHBOARD_OIDC_FILE": str(oidc_file(folder, port, provider.metadata_url)),
            "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE": str(folder / "token"),
            "SIGHTGLASS_DASHBOARD_VIEWERS": '["ann@example.org"]',
            "SIGHTGLASS_DASHBOARD_OPERATORS": '["*@example.com"]',
            "SIGHTGLASS_DASHBOARD_CONTACT": "platform@example.org",
            "SIGHTGLASS_DASHBOARD_REFRESH_SECONDS": str(REFRESH_SECONDS),
        }
        with DashboardProcess(folder, served_api.url, env, port=port) as process:
            yield Place(process.url, provider.url, process)


def enter(open_page: Open, place: Place, who: str) -> Page:
    """Open the dashboard and sign in as somebody."""
    return sign_in(open_page(place.dashboard, others=(place.provider, STYLES)), who)


def forget_others(api: FakeMonitoringApi) -> None:
    """Wait until the pages of tests before have asked their last question, and forget what was asked."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    heard, since = len(api.heard), time.monotonic()
    while time.monotonic() - since < 2 * REFRESH_SECONDS:
        assert time.monotonic() < deadline, "Somebody keeps asking."
        if len(api.heard) != heard:
            heard, since = len(api.heard), time.monotonic()
        time.sleep(0.1)
    api.heard.clear()


def signed_in_as(page: Page, address: str, role: str) -> Locator:
    """Where the page says who is signed in; an invisible joiner keeps the address from becoming a link."""
    return page.get_by_text(re.compile(f"{address.replace('@', '@.?')} · {role}"))


@pytest.mark.parametrize("who", ["ann@example.org viewer", "oz@example.com operator"])
def test_those_listed_see_the_dashboard(open_page: Open, place: Place, api: FakeMonitoringApi, who: str) -> None:
    """Name and role are shown, and the API is asked with the dashboard's token on their behalf."""
    address, role = who.split()
    forget_others(api)
    page = enter(open_page, place, address.partition("@")[0])
    charts(page, 1)
    expect(signed_in_as(page, address, role)).to_be_visible()
    assert set(api.heard) == {(f"Bearer {OWN}", address, role)}


@pytest.mark.parametrize(("who", "why"), [("eve", "not among those"), ("mallory", "not verified")])
def test_nobody_else_gets_in(open_page: Open, place: Place, api: FakeMonitoringApi, who: str, why: str) -> None:
    """The provider knows them, and they are told whom to ask; the API is never asked for them."""
    forget_others(api)
    page = enter(open_page, place, who)
    expect(page.get_by_text("You may not see this dashboard")).to_be_visible()
    expect(page.get_by_text(re.compile(why))).to_be_visible()
    expect(page.get_by_test_id("stMain")).to_contain_text("Ask platform@")
    assert grave_violations(page) == []
    assert api.heard == []


def test_a_reload_stays_signed_in_and_signing_out_ends_it(
    open_page: Open, place: Place, api: FakeMonitoringApi
) -> None:
    """The provider hears of it too, and afterwards the dashboard asks again."""
    page = enter(open_page, place, "ann")
    charts(page, 1)
    page.reload()
    charts(page, 1)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(place.dashboard)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(0)


def test_somebody_who_may_not_look_can_come_back_as_somebody_else(
    open_page: Open, place: Place, api: FakeMonitoringApi
) -> None:
    """A wrong account is no dead end."""
    page = enter(open_page, place, "eve")
    page.get_by_role("button", name="Sign in as somebody else").click()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="ann", exact=True).click()
    expect(signed_in_as(page, "ann@example.org", "viewer")).to_be_visible()


def test_a_forged_cookie_is_nobody(open_page: Open, place: Place, api: FakeMonitoringApi) -> None:
    """What the dashboard did not sign says nothing, and neither do headers or parameters."""
    page = open_page(place.dashboard, others=(place.provider,))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert grave_violations(page) == []
    forget_others(api)
    page.context.add_cookies(
        [{"name": "_streamlit_user", "value": "eyJlbWFpbCI6ICJhbm5AZXhhbXBsZS5vcmcifQ==", "url": place.dashboard}]
    )
    page.context.set_extra_http_headers({"X-Sightglass-User": "ann@example.org", "X-Sightglass-Role": "operator"})
    page.goto(f"{place.dashboard}/?email=ann@example.org&token={OWN}")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert api.heard == []


def test_its_log_holds_no_secret(open_page: Open, place: Place, api: FakeMonitoringApi) -> None:
    """Neither the token nor what the file holds, after people came and went."""
    charts(enter(open_page, place, "ann"), 1)
    assert OWN not in place.process.log
    assert "canary" not in place.process.log
