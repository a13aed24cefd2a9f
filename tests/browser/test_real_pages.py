"""Both pages on the real stack: real predictions in, real numbers on the screen."""

import asyncio
import concurrent.futures
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import charts, drawn_points, figures, number
from tests.integration.load import send
from tests.integration.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Open = Callable[..., Page]
REQUESTS = 120


@pytest.fixture(scope="module")
def counted(stack: Stack) -> float:
    """Predictions sent and visible in the monitoring API: their rate over the last 5 minutes."""
    # In a thread of its own: playwright's loop already runs in this one.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        answered = thread.submit(lambda: asyncio.run(send(stack.url("ml-api"), requests=REQUESTS))).result()
    assert not answered.failed
    deadline = time.monotonic() + 60
    while True:
        current = _current(stack, "prediction_rate")
        if current["count"] >= len(answered.prediction_ids):
            return float(current["value"])
        assert time.monotonic() < deadline, f"{current['count']} of {len(answered.prediction_ids)} arrived"
        time.sleep(0.5)


def _current(stack: Stack, metric: str, **more: str) -> dict[str, Any]:
    url = f"{stack.url('monitoring-api')}/api/v1/metrics/current"
    response = httpx.get(url, params={"metric": metric, "window": "5m", "filter": "service=ml-api", **more}, timeout=10)
    response.raise_for_status()
    return dict(response.json())


def test_the_overview_shows_what_was_predicted(open_page: Open, stack: Stack, counted: float) -> None:
    """The model's row shows the API's own number, and every figure that has data is one."""
    page = open_page(stack.url("dashboard"))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    shown = figures(page)
    # The window moves on while the page is drawn, so its number lies between what the API says before and after.
    afterwards = float(_current(stack, "prediction_rate")["value"])
    low, high = sorted((counted, afterwards))
    assert low * 0.99 <= number(shown["Predictions"]) <= high * 1.01
    assert number(shown["Requests"]) > 0
    assert number(shown["Latency p95"]) > 0
    assert 0 <= number(shown["Mean score"]) <= 1
    charts(page, 1)
    expect(page.get_by_text("Pipeline health")).to_be_visible()


def test_the_history_shows_them_by_version(open_page: Open, stack: Stack, counted: float) -> None:
    """Grouped by version: one line, named as the model that answered, over the last 24 hours by default."""
    (group,) = _current(stack, "prediction_rate", group_by="model_version")["series"]
    page = open_page(f"{stack.url('dashboard')}/history?metric=prediction_rate&group_by=model_version,service")
    chart = charts(page, 1).first
    assert drawn_points(chart) > 10
    expect(chart).to_contain_text(f"{group['labels']['model_version']} · ml-api")
    expect(page.get_by_role("combobox", name="Range")).to_have_value("Last 24 hours")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
