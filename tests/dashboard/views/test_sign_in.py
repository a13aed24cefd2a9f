"""Signing in by token, run without a browser against a server that checks tokens."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.monitoring_api import FakeMonitoringApi, problem
from tests.dashboard.views.passing import time_passes
from tests.dashboard.views.test_overview import text_of, url_of

Open = Callable[..., AppTest]
ANN = f"sgt_00000000000a_{'a' * 43}"
BOB = f"sgt_00000000000b_{'b' * 43}"
INGEST = f"sgt_00000000000c_{'c' * 43}"
ODD = f"sgt_00000000000d_{'d' * 43}"


@pytest.fixture(autouse=True)
def tokens(api: FakeMonitoringApi) -> dict[str, set[str]]:
    """The tokens that the API knows."""
    api.tokens = {ANN: {"read"}, BOB: {"read", "operate"}, INGEST: {"ingest-labels"}, ODD: {"read", "ingest-labels"}}
    api.names = {ANN: "ann", BOB: "bob", INGEST: "loader", ODD: "odd **one**"}
    return api.tokens


def send(page: AppTest, token: str) -> AppTest:
    """Type a token and send it."""
    page.text_input(key="sign_in.token").set_value(token)
    return page.button[0].click().run()


def asks_for_a_token(page: AppTest) -> bool:
    """Whether the page is the one that asks, and shows nothing else."""
    return [title.value for title in page.title] == ["Sign in"] and not page.metric and bool(page.text_input)


def test_nobody_sees_anything_before_signing_in(open_app: Open, api: FakeMonitoringApi) -> None:
    """Not even the questions of a page are asked."""
    page = open_app()
    assert not page.exception
    assert asks_for_a_token(page)
    assert api.asked == []


def test_a_good_token_leads_to_the_page_that_was_asked_for(open_app: Open, api: FakeMonitoringApi) -> None:
    """Everything is then asked with this very token; it is in no URL and in no widget."""
    page = send(open_app(tz="Europe/Berlin"), ANN)
    assert not page.exception
    assert "All is well" in text_of(page)
    assert "ann · viewer" in text_of(page)
    assert api.asked[0] == ("/api/v1/caller", {})
    assert set(api.heard) == {(f"Bearer {ANN}", None, None)}
    assert url_of(page)["tz"] == ["Europe/Berlin"]
    assert ANN not in str(url_of(page))
    assert ANN not in str(page.session_state)


def test_scopes_are_shown_where_no_role_has_just_these(open_app: Open) -> None:
    """The name as it is written, whatever characters it has."""
    shown = text_of(send(open_app(), ODD))
    assert "ingest-labels, read" in shown
    assert "**one**" not in shown


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (f"sgt_00000000000a_{'x' * 43}", "not accepted"),
        ("a b", "not accepted"),
        ("x" * 100_000, "not accepted"),
        ("tökèn\r\nX-Sightglass-Role: admin", "not accepted"),
        ("", "Paste a token"),
        (INGEST, "loader has ingest"),
    ],
)
def test_a_token_that_will_not_do_is_refused_in_words(
    open_app: Open, api: FakeMonitoringApi, token: str, said: str
) -> None:
    """Unknown, no token at all, or one for something else: the page says which, and lets nobody in."""
    page = send(open_app(), token)
    assert not page.exception
    assert said in page.error[0].value
    assert asks_for_a_token(page)
    assert {path for path, _ in api.asked} <= {"/api/v1/caller"}


def test_an_api_that_asks_nobody_lets_nobody_in(open_app: Open, api: FakeMonitoringApi) -> None:
    """It would say yes to any token, so signing in would be a show."""
    api.tokens = None
    page = send(open_app(), ANN)
    assert "SIGHTGLASS_AUTH=on" in page.error[0].value
    assert asks_for_a_token(page)


def test_an_api_that_is_away_is_said(open_app: Open, api: FakeMonitoringApi) -> None:
    """It is not the token that is wrong then."""
    api.close()
    page = send(open_app(), ANN)
    assert "not reachable" in page.error[0].value
    assert asks_for_a_token(page)


def test_a_revoked_token_ends_the_visit(open_app: Open, tokens: dict[str, set[str]]) -> None:
    """The next look shows the page that asks again, with the reason, and nothing of what was there."""
    page = send(open_app(), ANN)
    del tokens[ANN]
    time_passes()
    page.run()
    assert not page.exception
    assert asks_for_a_token(page)
    assert "no longer accepts" in page.info[0].value


def test_the_search_box_forgets_with_the_session() -> None:
    """The browser's word of what was entered may come after a sign-out forgot everything: nothing is looked for."""
    page = AppTest.from_function(_entered_after_the_end).run()
    assert not page.exception
    assert not page.session_state["search.asked"]


def _entered_after_the_end() -> None:
    from dashboard.views import search_box

    search_box._asked()


def test_one_denied_answer_is_enough(open_app: Open, api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API that soon only says 'too often' to a revoked token does not keep the page open."""
    page = send(open_app(), ANN)
    heard = iter(range(1_000_000))
    late = problem(429, "Too many requests without a good token came from this address."), problem(401, "No.")
    monkeypatch.setattr(api, "refusal", lambda *_: late[next(heard) % 10 == 9])
    time_passes()
    page.run()
    assert asks_for_a_token(page)


def test_signing_out_forgets_what_was_shown(open_app: Open) -> None:
    """Whoever signs in next begins anew."""
    page = send(open_app(), ANN)
    page.button(key="account.sign_out").click().run()
    assert not page.exception
    assert asks_for_a_token(page)
    assert not re.search("overview|ann", str(page.session_state))
    page = send(page, BOB)
    assert "bob · operator" in text_of(page)


def test_nobody_is_shown_what_was_asked_with_another_token(
    open_app: Open, api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers kept for one are asked anew for somebody else; and for the same token they are shared."""
    # Periods begin by the clock: of usual ones another may begin between two looks.
    monkeypatch.setenv("SIGHTGLASS_DASHBOARD_REFRESH_SECONDS", "3600")
    send(open_app(), ANN)
    before = len(api.heard)
    send(open_app(), BOB)
    assert sum(heard[0] == f"Bearer {BOB}" for heard in api.heard[before:]) > 15
    before = len(api.heard)
    send(open_app(), ANN)
    assert sum(heard[0] == f"Bearer {ANN}" for heard in api.heard[before:]) < 5


def test_without_authentication_the_page_is_as_it_was(
    open_app: Open, api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback nobody signs in, nothing of it is shown, and the own token is what the API hears."""
    monkeypatch.setenv("SIGHTGLASS_AUTH", "auto")
    monkeypatch.setenv("SIGHTGLASS_DASHBOARD_API_TOKEN", ANN)
    page = open_app()
    assert "All is well" in text_of(page)
    assert [button.label for button in page.button] == []
    assert {heard[0] for heard in api.heard} == {f"Bearer {ANN}"}
