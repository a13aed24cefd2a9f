"""A browser that notes how long a page takes until what it is for can be seen."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

CHART: Final = "[data-testid=stVegaLiteChart] svg g.mark-line path"
_PATIENCE_MS: Final = 120_000
# A line that is drawn, and is not the one that was there before.
_NEW_LINE: Final = """old => {
    const lines = [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg g.mark-line path')];
    const drawn = lines.map(each => each.getAttribute('d')).join('|');
    return drawn.length > 0 && drawn !== old;
}"""
_LINES: Final = """() => [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg g.mark-line path')]
    .map(each => each.getAttribute('d')).join('|')"""


@dataclass(frozen=True)
class Target:
    """A page to load.

    Attributes:
        url: with its whole state.
        ready: a selector of what a person waits for.
        text: that must be on the page too.
    """

    url: str
    ready: str = CHART
    text: str = ""


@contextlib.contextmanager
def person(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody with a browser of their own, who keeps what was loaded before."""
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(_PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


def load_seconds(context: BrowserContext, target: Target) -> float:
    """Open a page in a tab of its own; return the time until it can be read."""
    page = context.new_page()
    try:
        begun = time.perf_counter()
        page.goto(target.url, wait_until="commit")
        _wait(page, target)
        return time.perf_counter() - begun
    finally:
        page.close()


def opened(context: BrowserContext, target: Target) -> Page:
    """Open a page, and leave it open."""
    page = context.new_page()
    page.goto(target.url, wait_until="commit")
    _wait(page, target)
    return page


def choice_seconds(page: Page, label: str, option: str) -> float:
    """Choose an option; return the time from the click until other lines are drawn."""
    page.get_by_role("combobox", name=label).click()
    choice = page.get_by_role("option", name=option, exact=True)
    choice.wait_for()
    return _until_other_lines(page, choice.click)


def filter_seconds(page: Page, condition: str) -> float:
    """Add a filter; return the time from the key until other lines are drawn; then take it out again."""
    box = page.get_by_role("combobox", name="Filters")
    box.fill(condition)
    took = _until_other_lines(page, lambda: box.press("Enter"))
    _until_other_lines(page, lambda: box.press("Backspace"))
    box.press("Escape")
    return took


def _until_other_lines(page: Page, act: Callable[[], None]) -> float:
    before = page.evaluate(_LINES)
    begun = time.perf_counter()
    act()
    page.wait_for_function(_NEW_LINE, arg=before)
    return time.perf_counter() - begun


def _wait(page: Page, target: Target) -> None:
    if target.text:
        page.get_by_text(target.text).first.wait_for(state="visible")
    page.locator(target.ready).first.wait_for(state="attached")
