"""How the tests read the dashboard's pages."""

import re
import time

from playwright.sync_api import Locator, Page, expect

from dashboard.session import UNDER_WAY_SECONDS

CHARTS = "[data-testid=stVegaLiteChart] svg"


def figures(page: Page) -> dict[str, str]:
    """The overview's figures, of the first row that has each: title and value."""
    expect(page.get_by_text(re.compile(r"as of \d\d:\d\d:\d\d"))).to_be_visible()  # the last thing drawn
    shown = [
        (cell.get_attribute("data-figure") or "", cell.inner_text()) for cell in page.locator("[data-figure]").all()
    ]
    return dict(reversed(shown))


def number(text: str) -> float:
    """The number at the start of a figure, with its SI prefix."""
    match = re.match(r"(-?\d+(?:\.\d+)?)([kM]?)", text)
    assert match, text
    return float(match[1]) * {"": 1.0, "k": 1e3, "M": 1e6}[match[2]]


def charts(page: Page, least: int) -> Locator:
    """The charts drawn, once there are enough."""
    found = page.locator(CHARTS)
    expect(found.nth(least - 1)).to_be_visible()
    return found


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select box."""
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def drawn_points(chart: Locator) -> int:
    """How many points the lines of a chart have."""
    paths = chart.locator("g.mark-line path").all()
    return sum(len(re.findall(r"[ML]", path.get_attribute("d") or "")) for path in paths)


def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    script = "document.documentElement.scrollWidth > window.innerWidth"
    main = "document.querySelector('[data-testid=stMain]')"
    return bool(page.evaluate(f"{script} || {main}.scrollWidth > {main}.clientWidth"))


def settle(page: Page) -> None:
    """Wait until the layout has stood still for a moment."""
    deadline = time.monotonic() + 20
    last = None
    while time.monotonic() < deadline:
        now = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        if now == last:
            return
        last = now
        page.wait_for_timeout(700)


def finished(page: Page) -> None:
    """Wait until all of a page is drawn."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    for unfinished in ("stSpinner", "stSkeleton"):
        expect(page.get_by_test_id(unfinished), page.url).to_have_count(0)
    settle(page)


def go_back(page: Page) -> None:
    """Go back, as late as people do: sooner, it would be taken for a change that was under way."""
    page.wait_for_timeout(1_000 * UNDER_WAY_SECONDS + 100)
    page.go_back()
