"""Takes the pictures that docs/guides/incidents.md shows, from a demo in which the incident is planted.

    python -m tests.browser.incident_pictures NAME [--folder FOLDER]

plants it in a live demo of its own, waits until its alert fires and the explainer names its cause, then takes what the
alert's link opens, and the page that shows the cause.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, expect

from services.cli.demo.incidents.incident import Incident
from services.cli.demo.incidents.registry import INCIDENTS
from tests.browser.browser import open_browser
from tests.browser.screenshot import DESK, FOLDER
from tests.integration.live_incident import LiveDemo, Witnessed, witness
from tests.integration.stack import Stack

_HIGHEST: Final = 2_400
_DRAWN_MS: Final = 90_000
_STILL_MS: Final = 3_000
# Streamlit shows the first while a page is worked out, and the second where a part of it will be.
_TRIES_AGAIN: Final = "keeps trying by itself"
_WORKING: Final = "[data-testid=stStatusWidget], [data-testid=stSkeleton]"


def main() -> None:
    """Plant, wait, take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(INCIDENTS))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="Where the pictures go.")
    given = parser.parse_args()
    incident = INCIDENTS[given.name]
    with (
        tempfile.TemporaryDirectory(prefix="sightglass-pictures-") as root,
        LiveDemo(Stack(Path(root)), days=0.1, incident=given.name) as demo,
    ):
        seen = witness(demo, incident)
        for path in take_pictures(demo, incident, seen, given.folder):
            print(path)


def take_pictures(demo: LiveDemo, incident: Incident, seen: Witnessed, folder: Path) -> list[Path]:
    """Take the alert's own page, what its link opens, and the page that the incident's story names.

    Args:
        demo: Runs still, with the incident planted.
        incident: What is planted.
        seen: What was seen of it so far.
        folder: Where the pictures go.
    """
    name, dashboard = incident.story.name, demo.stack.url("dashboard")
    alert = demo.firing().get(incident.story.alert)
    asked = incident.story.question
    start = float(demo.planted["since"]) - (asked.before_seconds if asked else 900.0)
    joined = "&" if "?" in incident.story.page else "?"
    own = f"{dashboard}/{incident.story.page}{joined}{urlencode({'from': f'{start:.0f}', 'to': 'now'})}"
    addresses = {f"incident-{name}-cause": own}
    if alert is not None:
        addresses = {f"incident-{name}-alert": alert["links"]["alert"], **addresses}
    if seen.link.startswith("http"):
        addresses[f"incident-{name}-link"] = seen.link
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        return [take(browser, url, folder / f"{picture}.png") for picture, url in addresses.items()]


def take(browser: Browser, url: str, target: Path) -> Path:
    """Open a page, wait until it is drawn, and keep all of its height."""
    page = browser.new_page(viewport={"width": DESK, "height": 900}, device_scale_factor=1.0)
    page.goto(url, timeout=_DRAWN_MS)
    _wait_until_drawn(page)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": DESK, "height": min(int(height), _HIGHEST)})
    _wait_until_drawn(page)
    page.screenshot(path=target)
    page.close()
    return target


def _wait_until_drawn(page: Page) -> None:
    page.locator("[data-testid=stMain] h1, [data-testid=stMain] h2").first.wait_for(timeout=_DRAWN_MS)
    page.wait_for_timeout(_STILL_MS)
    # What is worked out anew meanwhile is faded: the picture is taken at once when nothing is.
    expect(page.locator(_WORKING)).to_have_count(0, timeout=_DRAWN_MS)
    # What a busy machine did not answer in time is asked again by the page itself.
    expect(page.get_by_text(_TRIES_AGAIN)).to_have_count(0, timeout=_DRAWN_MS)


if __name__ == "__main__":
    main()
