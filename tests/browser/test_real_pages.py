"""Every page on the real stack: real predictions in, real numbers on the screen, real mails out."""

import asyncio
import concurrent.futures
import csv
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import charts, choose, drawn_points, figures, finished, number, overflows, settle
from tests.browser.test_every_page import WALKS
from tests.integration.load import send
from tests.integration.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Open = Callable[..., Page]
REQUESTS = 500  # of which the slowest twentieth are enough to be compared with the others


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
    # Somebody may have looked within the last minute: then that is drawn first.
    expect(page.locator("[data-figure=Predictions]").first).to_be_visible()
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


def test_a_range_is_chosen_compared_zoomed_taken_away_and_made_a_rule(
    open_page: Open, stack: Stack, counted: float
) -> None:
    """As somebody does who looks into an hour: what it shows is what the API says, and its URL says all of it."""
    page = open_page(f"{stack.url('dashboard')}/history?metric=latency_p95&filter=service%3Dml-api")
    charts(page, 1)
    choose(page, "Range", "Last hour")
    choose(page, "Step", "1m")
    choose(page, "Compare with", "The time just before")
    page.wait_for_url(re.compile("from=now-1h.*step=1m.*compare=previous"))
    expect(page.get_by_text("One point is 1 minute").first).to_be_visible()
    settle(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download as CSV").last.click()
    rows = list(csv.DictReader(taken.value.path().read_text().splitlines()))
    answer = httpx.get(
        f"{stack.url('monitoring-api')}/api/v1/metrics/history",
        params={"metric": "latency_p95", "from": "now-1h", "to": "now", "step": "1m", "filter": "service=ml-api"},
        timeout=10,
    ).json()
    known = {float(at): value for at, value in answer["series"][0]["points"] if value is not None}
    taken_away = {instant(row["time"]): float(row["value"]) for row in rows if row["value"]}
    assert known
    assert taken_away == known

    _brush(page, charts(page, 1).first.locator("path.background").first)
    page.wait_for_url(re.compile(r"from=20\d\d-"))
    start, end = (instant(parse_qs(urlsplit(page.url).query)[name][0]) for name in ("from", "to"))
    assert 20 * 60 < end - start < 40 * 60
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_url(re.compile("from=now-1h"))

    page.get_by_role("radio", name="Show the SQL").click()
    expect(page.get_by_test_id("stCode").first).to_contain_text("SELECT")
    page.get_by_role("radio", name="Make a rule").click()
    field = page.get_by_role("spinbutton", name="Threshold in s")
    field.fill("0.0001")
    field.press("Enter")
    expect(page.get_by_test_id("stCode").last).to_contain_text("condition: '> 0.0001'")
    page.get_by_role("button", name="Backtest it over this range").click()
    expect(page.get_by_text(re.compile("in 60 looks at 1 alert"))).to_be_visible()
    url = page.url
    other = open_page(url)
    expect(other.get_by_test_id("stCode").last).to_contain_text("condition: '> 0.0001'")
    assert other.url == url


def test_from_a_prediction_to_the_cause(open_page: Open, stack: Stack, counted: float) -> None:
    """Its model, itself, its trace and its logs; a brushed part of the heat map, and what is said of the slow ones."""
    page = open_page(f"{stack.url('dashboard')}/models?from=now-1h")
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()
    expect(page.get_by_text("over time").first).to_be_visible()
    page.goto(f"{stack.url('dashboard')}/predictions?from=now-1h")
    page.get_by_role("button", name="Open this one").click()
    expect(page.get_by_role("heading", name=re.compile("with a score of 0"))).to_be_visible()
    charts(page, 3)  # its features, each against the reference
    page.get_by_role("link", name="Its trace").click()
    expect(page.get_by_text("What the answer waited for")).to_be_visible()
    waterfall = charts(page, 1).first
    expect(waterfall).to_contain_text("POST /v1/predict")
    expect(waterfall).to_contain_text("ml-api")
    trace = page.evaluate("new URLSearchParams(location.search).get('trace')")
    page.get_by_role("link", name="Its logs").click()
    expect(page.get_by_text(re.compile(r"\d+ records, the newest first"))).to_be_visible()
    page.goto(f"{stack.url('dashboard')}/traces?section=heatmap&from=now-1h&service=ml-api&kind=server")
    chart = charts(page, 1).first
    settle(page)
    _brush(page, chart.locator("path.background").first)
    expect(page.get_by_text(re.compile(r"The cells that this touches hold [1-9][\d,]* spans"))).to_be_visible()
    page.get_by_role("link", name="Why slow?").click()
    expect(page.get_by_text("Possible causes looked at")).to_be_visible()
    page.goto(f"{stack.url('dashboard')}/traces?section=slow&from=now-1h&service=ml-api")
    expect(page.get_by_text("Possible causes looked at")).to_be_visible()
    told = page.get_by_text("Nothing stands out").or_(page.get_by_role("strong").filter(has_text=re.compile(r"^1\. ")))
    expect(told.first).to_be_visible()
    expect(page.get_by_text(re.compile(r"[Aa]mong [1-9][\d,]* slow requests"))).to_be_visible()
    page.goto(f"{stack.url('dashboard')}/pipeline?section=processes")
    expect(page.get_by_role("heading", name="Pipeline", exact=True)).to_be_visible()
    box = page.get_by_label("Find by id")
    box.fill(trace)
    box.press("Enter")
    page.wait_for_url(re.compile(f"trace={trace}"))
    expect(charts(page, 1).first).to_contain_text("POST /v1/predict")


def test_no_section_fails_on_real_data(open_page: Open, stack: Stack, counted: float) -> None:
    """Each section of each page, with what model and pipeline say of themselves; the console is silent."""
    page = open_page(stack.url("dashboard"))
    for address in (
        address for walk in WALKS for address in walk if not re.search("prediction=|trace=|alert=", address)
    ):
        page.goto(f"{stack.url('dashboard')}/{address}")
        finished(page)
        assert page.get_by_test_id("stException").count() == 0, address
        expect(page.get_by_text("keeps trying by itself"), address).to_have_count(0)
        assert not overflows(page), address


def test_what_an_operator_does_is_done_and_written_down(open_page: Open, stack: Stack) -> None:
    """A silence made and ended, a channel tested by a real mail, which is shown; the audit log has all three."""
    dashboard = stack.url("dashboard")
    page = open_page(f"{dashboard}/alerts?section=silences")
    page.get_by_role("textbox", name=re.compile("Matchers")).fill("alertname=NobodyHasThisName")
    comment = f"a try at {time.time()}"
    page.get_by_role("textbox", name="Comment").fill(comment)
    page.get_by_role("button", name=re.compile("Silence …")).click()
    page.get_by_role("button", name="Yes, silence").click()
    expect(page.get_by_text("Silenced for 2 hours")).to_be_visible()
    expect(page.get_by_text(comment)).to_be_visible()
    page.get_by_role("button", name="End now …").click()
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.get_by_text(re.compile("The silence of .* has ended"))).to_be_visible()
    page.get_by_role("radio", name="Channels").click()
    page.get_by_role("button", name="Test …").last.click()
    page.get_by_role("button", name="Yes, send it").click()
    expect(page.get_by_text("A test message was delivered")).to_be_visible()
    page.get_by_role("radio", name="Mails").click()
    expect(page.get_by_text(re.compile("A test of the channel demo-mail.* ago")).first).to_be_visible()
    mail = page.frame_locator("iframe").first.frame_locator("iframe[title='The mail']")
    expect(mail.get_by_text(re.compile("demo-mail")).first).to_be_visible()
    page.goto(f"{dashboard}/pipeline?section=audit")
    written = page.get_by_test_id("stDataFrame")
    for action in ("made a silence", "ended a silence", "tested a channel"):
        expect(written).to_contain_text(action)


def instant(text: str) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def _brush(page: Page, plot: Locator) -> None:
    """Drag over the younger half of a plot."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    left, top = box["x"] + 0.5 * box["width"], box["y"] + 3
    right, bottom = box["x"] + 0.995 * box["width"], box["y"] + box["height"] - 3
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=4)
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
