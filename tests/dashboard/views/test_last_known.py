"""Every page when the API goes away while somebody looks: what was known stays, under its age."""

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views import log_search, traces
from tests.dashboard.alerting_api import FIRING
from tests.dashboard.modelling_api import MODEL, PREDICTION
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.views.passing import time_passes
from tests.dashboard.views.words import said

Open = Callable[..., AppTest]
AGE = re.compile(r"Below is what was known \d+ s ago")
PAGES = [
    ("overview", {}),
    ("history", {"metric": "request_rate", "compare": "previous"}),
    ("models", {"model": MODEL, "section": "performance"}),
    ("models", {"section": "segments"}),
    ("models", {"model": MODEL, "section": "wrong"}),
    ("traces", {"section": "search"}),
    ("traces", {"section": "slow"}),
    ("traces", {"section": "exceptions"}),
    ("predictions", {"outcome": "wrong"}),
    ("predictions", {"prediction": PREDICTION}),
    ("alerts", {"alert": FIRING}),
    ("alerts", {"section": "channels"}),
    ("alerts", {"section": "mails"}),
    ("logs", {"severity": "info"}),
    ("logs", {"live": "on"}),
    ("pipeline", {"section": "health"}),
    ("pipeline", {"section": "processes"}),
    ("pipeline", {"section": "map"}),
]


@pytest.fixture(autouse=True)
def every_run_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page's run ask again, also within the same second as the one before."""
    monkeypatch.setattr(log_search, "KEPT_SECONDS", 0.0)
    moments = itertools.count()
    monkeypatch.setattr(traces, "now", lambda: datetime.now(UTC) - timedelta(seconds=60 - next(moments)))


def content(page: AppTest) -> tuple[list[str], int, int, int]:
    """What a page shows besides the notice: its headings, and how many charts, tables and links."""
    charts = len(page.get("arrow_vega_lite_chart")) + len(page.get("vega_lite_chart"))
    return [item.value for item in page.subheader], charts, len(page.dataframe), len(page.main.page_link)


@pytest.mark.parametrize(
    ("name", "query"), PAGES, ids=lambda value: "-".join(value) if isinstance(value, dict) else value
)
def test_what_was_known_stays_with_its_age(
    open_page: Open, api: FakeMonitoringApi, name: str, query: dict[str, str]
) -> None:
    """One notice, from when it is, and all that was there; once the API is back, neither notice nor age."""
    api.mode = "alerting" if name == "alerts" else "full"
    mode = api.mode
    page = open_page(name, **query)
    assert not page.exception
    assert not AGE.search(said(page))
    before = content(page)
    assert before != ([], 0, 0, 0) or len(said(page)) > 200
    words = set(said(page).splitlines())
    # Alerts are known to a store of their own, which is away with the API only.
    away, title = ("gone", "not reachable") if name == "alerts" else ("store-down", "ClickHouse is not answering")
    api.mode = away
    for _ in range(2):
        time_passes()
        page.run()
        assert not page.exception
        (error,) = page.error
        assert title in error.value
        assert AGE.search(said(page))
        if name != "overview":  # it judges nothing by what is old
            assert content(page) == before
            assert len(words & set(said(page).splitlines())) >= 0.6 * len(words)
        assert "Live," not in said(page)
    api.mode = mode
    time_passes()
    page.run()
    assert not page.exception
    assert not page.error
    assert not AGE.search(said(page))


def test_another_state_shows_nothing_of_the_last(open_page: Open, api: FakeMonitoringApi) -> None:
    """What was known answers only the question that it answered."""
    page = open_page("traces", section="exceptions")
    api.mode = "store-down"
    time_passes()
    page.button_group(key="traces.section").set_value("search").run()
    assert "ClickHouse is not answering" in said(page)
    assert not AGE.search(said(page))


def test_what_is_refused_is_not_replaced(open_page: Open, api: FakeMonitoringApi) -> None:
    """Whoever may no longer look is shown nothing that was known."""
    page = open_page("traces", section="exceptions")
    assert "ConnectionError" in said(page)
    api.tokens = {}
    time_passes()
    page.run()
    assert not page.exception
    assert not AGE.search(said(page))
    assert "ConnectionError" not in said(page)
