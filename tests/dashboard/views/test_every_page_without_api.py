"""Every page while nobody answers, and while there is nothing to be told: what it says, and that it goes on trying."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.pages import PAGES
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.views.passing import time_passes
from tests.dashboard.views.words import said

Open = Callable[..., AppTest]
HOW = dict.fromkeys(PAGES, "make demo") | {"alerts": "docs/guides/alerting.md"}
"""What a page that has nothing says about how to get something there."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_an_api_says_so_and_finds_it_again(open_page: Open, api: FakeMonitoringApi, name: str) -> None:
    """Who was not reached, what to look at, and that nobody needs to reload; once it answers, all of that is gone."""
    api.mode = "gone"
    page = open_page(name)
    assert not page.exception
    assert len(page.error) == 1
    for words in ("not reachable", api.url, "sightglass status", "keeps trying by itself"):
        assert words in said(page)
    api.mode = "full"
    time_passes()
    page.run()
    assert not page.exception
    assert "not reachable" not in said(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_data_teaches(open_page: Open, api: FakeMonitoringApi, name: str) -> None:
    """What brings something there, and no failure."""
    api.mode = "empty"
    page = open_page(name, **({"metric": "latency_p95"} if name == "history" else {}))
    assert not page.exception
    assert not page.error
    assert HOW[name] in said(page)
