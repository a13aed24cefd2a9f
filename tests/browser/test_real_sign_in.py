"""Signing in with the real monitoring API, which knows tokens, scopes and on whose behalf it is asked."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.oidc_provider import STYLES, OidcProvider, oidc_file, sign_in
from tests.dashboard.process import DashboardProcess, free_port
from tests.integration.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Open = Callable[..., Page]
PEOPLE = ({"sub": "ann", "email": "ann@example.org", "email_verified": True},)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that asks everybody for a token, on loopback too."""
    env = {"SIGHTGLASS_AUTH": "on", "SIGHTGLASS_DASHBOARD_REFRESH_SECONDS": "3"}
    stack = Stack(tmp_path_factory.mktemp("locked"), processes=("dashboard",), env=env)
    stack.prepare()
    token(stack, "first", "--role", "viewer")  # without a usable one the API does not start
    with stack:
        yield stack


def token(stack: Stack, name: str, *options: str) -> str:
    """Make a token."""
    made = stack.cli("tokens", "create", name, *options, "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["token"])


def send(page: Page, text: str) -> None:
    """Type a token and send it."""
    page.get_by_label("Token", exact=True).fill(text)
    page.get_by_role("button", name="Sign in").click()


def expect_overview(page: Page) -> None:
    """The page of somebody who was let in."""
    expect(page.get_by_text(re.compile(r"as of \d\d:\d\d:\d\d"))).to_be_visible()  # the last thing drawn
    expect(page.get_by_label("Token", exact=True)).to_have_count(0)


def test_a_token_leads_in_and_signing_out_leads_out(open_page: Open, locked: Stack) -> None:
    """Neither address nor storage of the browser ever holds the token; a reload asks for it again."""
    good = token(locked, "ann", "--role", "viewer")
    page = open_page(f"{locked.url('dashboard')}/?tz=Europe/Berlin")
    send(page, good)
    expect_overview(page)
    expect(page.get_by_text("ann · viewer")).to_be_visible()
    assert "tz=Europe" in page.url
    kept = page.evaluate("JSON.stringify([location.href, localStorage, sessionStorage, document.cookie])")
    assert good not in kept + str(page.context.cookies()) + page.content()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    expect(page.get_by_text("Pipeline health")).to_have_count(0)
    send(page, good)
    expect_overview(page)
    page.reload()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    assert good not in locked.log("dashboard") + locked.log("monitoring-api")


def test_wrong_and_weak_tokens_are_told_apart(open_page: Open, locked: Stack) -> None:
    """401 and 403, each in words; the next try may be right."""
    good = token(locked, "bob", "--role", "viewer")
    page = open_page(locked.url("dashboard"))
    send(page, good[:-1] + ("A" if good[-1] != "A" else "B"))
    expect(page.get_by_text("This token is not accepted")).to_be_visible()
    send(page, token(locked, "loader", "--role", "ingest"))
    expect(page.get_by_text("This token may not look at the dashboard")).to_be_visible()
    send(page, good)
    expect_overview(page)


@pytest.mark.parametrize("path", ["/", "/history"])
def test_a_revoked_token_ends_the_visit(open_page: Open, locked: Stack, path: str) -> None:
    """Nobody touches the page: it asks to sign in by itself, also where it does not refresh."""
    name = f"carol{len(path)}"
    good = token(locked, name, "--role", "viewer")
    page = open_page(f"{locked.url('dashboard')}{path}")
    send(page, good)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert locked.cli("tokens", "revoke", name).returncode == 0
    expect(page.get_by_text("no longer accepts your token")).to_be_visible(timeout=15_000)
    send(page, good)
    expect(page.get_by_text("This token is not accepted")).to_be_visible()


@pytest.mark.parametrize("delegate", [True, False])
def test_people_of_a_provider_ask_through_the_dashboards_token(
    open_page: Open, locked: Stack, tmp_path_factory: pytest.TempPathFactory, *, delegate: bool
) -> None:
    """A token made with --delegate speaks for them; with another one the page says what is missing."""
    folder = tmp_path_factory.mktemp("oidc")
    port = free_port()
    options = ["--role", "operator", *(["--delegate"] if delegate else [])]
    (folder / "token").write_text(token(locked, f"dashboard-{delegate}", *options))
    with OidcProvider(folder, PEOPLE) as provider:
        env = {
            "SIGHTGLASS_DASHBOARD_OIDC_FILE": str(oidc_file(folder, port, provider.metadata_url)),
            "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE": str(folder / "token"),
            "SIGHTGLASS_DASHBOARD_VIEWERS": '["*@example.org"]',
        }
        with DashboardProcess(folder, locked.url("monitoring-api"), env, port=port) as process:
            page = sign_in(open_page(process.url, others=(provider.url, STYLES)), "ann")
            if delegate:
                expect_overview(page)
            else:
                expect(page.get_by_text("does not allow this")).to_be_visible()
                expect(page.get_by_text("tokens create NAME --delegate")).to_be_visible()
            page.close()  # before its dashboard ends, which it would complain of
