"""Takes the pictures that the documents show: `python -m tests.browser.screenshot DASHBOARD_URL [FOLDER]`."""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect

from tests.browser.browser import open_browser

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
WIDTH: Final = 1360
PICTURES: Final = {
    "overview": ("/?from=now-24h&to=now&tz=UTC", 1),
    "history": ("/history?metric=prediction_rate&from=now-24h&to=now&step=auto&tz=UTC&group_by=features_source", 1),
}


def main() -> None:
    """Write overview.png and history.png."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for name, (path, least_charts) in PICTURES.items():
            print(_take(browser, sys.argv[1].rstrip("/") + path, least_charts, folder / f"{name}.png"))


def _take(browser: Browser, url: str, least_charts: int, target: Path) -> Path:
    """Open a page, wait until it is drawn, and keep all of its height."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=1.5)
    page.goto(url)
    expect(page.locator("[data-testid=stVegaLiteChart] svg").nth(least_charts - 1)).to_be_visible(timeout=60_000)
    page.wait_for_timeout(2000)  # a still picture: the last chart's lines and fonts
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": int(height)})
    page.wait_for_timeout(1000)
    page.screenshot(path=target)
    page.close()
    return target


if __name__ == "__main__":
    main()
