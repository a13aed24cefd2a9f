"""Takes the pictures that the documents show.

`python -m tests.browser.screenshot DASHBOARD_URL MONITORING_API_URL [FOLDER]`, with a demo that has run for a while.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.sync_api import Browser, expect

from tests.browser.browser import open_browser

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
DESK: Final = 1360
PHONE: Final = 390
_TALLEST: Final = 1600
_CHART: Final = "[data-testid=stVegaLiteChart] svg"
# A demo in which nothing was ever pending has no chart of it.
_NOTHING_DID: Final = "strong:text('No alert was pending or firing in this range')"


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: of the file.
        path: of the page, with its state.
        ready: a selector of what is drawn last.
        width: of the window.
        look: light or dark.
    """

    name: str
    path: str
    ready: str = _CHART
    width: int = DESK
    look: Literal["light", "dark"] = "light"


def main() -> None:
    """Write them all."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for picture in _pictures(sys.argv[2].rstrip("/")):
            print(_take(browser, sys.argv[1].rstrip("/"), picture, folder))


def _pictures(api: str) -> Iterator[Picture]:
    found = httpx.get(f"{api}/api/v1/predictions", params={"from": "now-30m", "to": "now", "limit": 1}, timeout=60)
    (prediction,) = found.raise_for_status().json()["predictions"]
    day = "from=now-24h&to=now&tz=UTC"
    yield Picture("overview", f"/?{day}")
    yield Picture("overview-dark", f"/?{day}", look="dark")
    yield Picture("overview-phone", f"/?{day}", width=PHONE)
    yield Picture(
        "history", f"/history?metric=latency_p50&metric=latency_p95&metric=latency_p99&{day}&compare=previous"
    )
    yield Picture("models", f"/models?{day}")
    yield Picture("prediction", f"/predictions?prediction={prediction['prediction_id']}")
    yield Picture("traces", "/traces?section=heatmap&from=now-3h&to=now&tz=UTC")
    yield Picture("trace-dark", f"/traces?trace={prediction['trace_id']}", look="dark")
    yield Picture("logs", "/logs?from=now-1h&to=now&tz=UTC")
    yield Picture("alerts", "/alerts?from=now-24h&to=now&tz=UTC", ready=f"{_CHART}, {_NOTHING_DID}")
    yield Picture("pipeline", "/pipeline?section=health")


def _take(browser: Browser, home: str, picture: Picture, folder: Path) -> Path:
    """Open a page, wait until it is drawn, and keep its height as far as it is bearable."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": 900}, device_scale_factor=1.25, color_scheme=picture.look
    )
    page.goto(f"{home}{picture.path}")
    expect(page.locator(picture.ready).first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(4000)  # a still picture: the last chart's lines and fonts
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": picture.width, "height": min(int(height), _TALLEST)})
    page.wait_for_timeout(1500)
    target = folder / f"{picture.name}.png"
    page.screenshot(path=target)
    page.close()
    return target


if __name__ == "__main__":
    main()
