"""The Models and Predictions pages in a real browser, served by the real process, before an API with one model."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.pages import charts, choose
from tests.dashboard.modelling_api import MODEL, PREDICTION, FakeModelling
from tests.dashboard.monitoring_api import FakeMonitoringApi

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def modelling(api: FakeMonitoringApi) -> Iterator[FakeModelling]:
    """What the API knows of models."""
    api.modelling = FakeModelling()
    yield api.modelling
    api.modelling = FakeModelling()


def test_from_a_verdict_to_one_wrong_prediction_and_its_features(
    open_page: Open, dashboard: str, modelling: FakeModelling
) -> None:
    """Figures over time, a segment that differs, why it is wrong, its predictions, and one against the reference."""
    modelling.worse = True
    page = open_page(f"{dashboard}/models?from=now-7d")
    expect(page.get_by_role("heading", name="Worse than before")).to_be_visible()
    drawn = charts(page, 1).first
    expect(drawn).to_contain_text("labels still come")
    assert drawn.locator("g.mark-symbol path").count() >= 24
    page.get_by_role("radio", name="Segments").click()
    choose(page, "By", "carrier")
    expect(page.get_by_text("By more than chance differ from the whole: EV")).to_be_visible()
    assert "segment=carrier" in page.url
    expect(page.get_by_text("The figures")).to_be_visible()  # the last thing drawn
    _choose(page, "Look closer at", "EV")
    page.get_by_role("button", name="Why wrong?").last.click()
    expect(page.get_by_text("Only predictions where carrier=EV")).to_be_visible()
    assert "section=wrong" in page.url
    page.get_by_role("link", name=re.compile("Wrong predictions")).click()
    expect(page.get_by_role("heading", name="Predictions")).to_be_visible()
    for part in ("outcome=wrong", "feature=carrier%3DEV", f"model={MODEL}"):
        assert part in page.url
    page.get_by_role("button", name="Open this one").click()
    expect(page.get_by_role("heading", name="Decided late with a score of 0.8100")).to_be_visible()
    expect(page.get_by_text("Unusual: distance, carrier.")).to_be_visible()
    marks = charts(page, 3)
    assert marks.nth(0).locator("g.mark-rule.role-mark line").count() == 1
    assert marks.nth(0).locator("g.mark-rect.role-mark path").count() == 30
    page.reload()
    expect(page.get_by_role("heading", name="Decided late with a score of 0.8100")).to_be_visible()
    assert f"prediction={PREDICTION}" in page.url


def test_a_threshold_is_moved_by_the_keyboard(open_page: Open, dashboard: str, modelling: FakeModelling) -> None:
    """The matrix follows, and the link says which one it is."""
    page = open_page(f"{dashboard}/models?section=reliability&threshold=0.3")
    expect(page.get_by_text("by the threshold 0.3.")).to_be_visible()
    matrix = charts(page, 3).nth(1)
    expect(matrix).to_contain_text("700")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(page.get_by_text("by the threshold 0.31.")).to_be_visible()
    expect(matrix).to_contain_text("690")
    assert "threshold=0.31" in page.url


def test_hostile_texts_do_nothing(
    open_page: Open, dashboard: str, api: FakeMonitoringApi, modelling: FakeModelling
) -> None:
    """A megabyte, scripts, emoji and marks that turn the text around: letters on the page, and no complaint."""
    # The dashboard keeps what it was answered for others: these ask for something else.
    api.mode = "hostile"
    modelling.task = "multiclass"
    for address in ("/models?section=reliability&from=now-6h", "/models?section=segments&segment=carrier&from=now-6h"):
        page = open_page(f"{dashboard}{address}")
        charts(page, 1)
        assert page.title() != "owned"
        assert page.get_by_text("<script>").count() > 0
    modelling.task = "binary"
    page = open_page(f"{dashboard}/predictions?prediction={PREDICTION[:-1]}9")
    charts(page, 3)
    expect(page.get_by_text("<script>").first).to_be_visible()
    assert page.title() != "owned"
    assert page.locator("a[href^='http://example.org']").count() == 0
    assert len(page.content()) < 3_000_000


def _choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select box that a page which is still being laid out may close again."""
    box, wanted = page.get_by_role("combobox", name=label), page.get_by_role("option", name=option, exact=True)
    for _ in range(10):
        box.click()
        try:
            wanted.click(timeout=4_000)
        except Error:
            continue
        return
    raise AssertionError(f"{label} did not open")
