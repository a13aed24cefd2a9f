"""A responder's way in a browser: from an alert's mail to where the cause is named, counted in clicks."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page, expect

from services.cli.demo.incidents.incident import Incident, Question
from tests.browser.browser import open_browser
from tests.browser.screenshot import DESK
from tests.integration.live_incident import LiveDemo

MOST_CLICKS: Final = 5
_PATIENCE_MS: Final = 90_000
_MAIL_SECONDS: Final = 180.0
_LOOK_AGAIN_SECONDS: Final = 2.0
# The section to choose on the page that the mail opens, where that one does not name the cause itself.
_SECTIONS: Final[Mapping[str, str]] = {"bad-version": "Why wrong"}
# Where the explainer has no question: what on the page names the cause.
_NAMED: Final[Mapping[str, str]] = {
    "missing-weather": r"WeatherStoreError",
    "traffic-drop": r"^Request rate over time, compared with the time before",
    "collector-outage": r"no process's telemetry arrives",
}


@dataclass(frozen=True)
class Walked:
    """A way that was walked.

    Attributes:
        clicks: from the list of mails on.
        seconds: from the first click until the cause stood there.
        words: what names it.
    """

    clicks: int
    seconds: float
    words: str


def walk(demo: LiveDemo, incident: Incident) -> Walked:
    """Walk from the alert's mail to its cause, by clicks alone.

    Args:
        demo: Runs still, with the incident planted.
        incident: Whose alert has fired; its mail comes within three minutes.

    Raises:
        AssertionError: A click leads nowhere, or the cause is not named in the end.
    """
    name = incident.story.name
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": DESK, "height": 1200})
        page.set_default_timeout(_PATIENCE_MS)
        subject = _subject(demo, incident.story.alert)
        page.goto(f"{demo.stack.url('dashboard')}/alerts?section=mails")
        mail = page.get_by_test_id("stExpander").filter(has_text=subject).first
        mail.wait_for()
        begun, clicks = time.monotonic(), 0
        if mail.locator("details[open]").count() == 0:
            mail.locator("summary").click()
            clicks += 1
        mail.get_by_role("link", name="Open the dashboard").click()
        clicks += 1
        if section := _SECTIONS.get(name):
            page.get_by_role("radio", name=section, exact=True).click()
            clicks += 1
        question = incident.story.question
        named = _named_on(page, name) if question is None or name in _NAMED else _first_finding(page, question)
        try:
            expect(named.first).to_be_visible(timeout=_PATIENCE_MS)
        except AssertionError as error:
            shown = page.locator("[data-testid=stMain]").inner_text()
            raise AssertionError(
                f"{name}: after {clicks} clicks nothing names the cause at {page.url}:\n{shown}"
            ) from error
        words = named.first.get_attribute("aria-label") or named.first.inner_text()
        return Walked(clicks, time.monotonic() - begun, words.splitlines()[0])


def _subject(demo: LiveDemo, rule: str) -> str:
    """What the subject of the newest mail about a rule says, once it was delivered."""
    deadline = time.monotonic() + _MAIL_SECONDS
    while True:
        answer = demo.get("notifications") or {"notifications": []}
        for each in answer["notifications"]:
            about = [alert["alertname"] for alert in each["alerts"]]
            if each["channel"] == "demo-mail" and each["state"] == "delivered" and about == [rule]:
                return str(each["headline"])
        assert time.monotonic() < deadline, f"no mail about {rule} came"
        time.sleep(_LOOK_AGAIN_SECONDS)


def _named_on(page: Page, name: str) -> Locator:
    words = re.compile(_NAMED[name])
    main = page.get_by_test_id("stMain")
    return main.get_by_text(words).or_(main.get_by_label(words))


def _first_finding(page: Page, question: Question) -> Locator:
    """The explainer's first finding, if it names the cause itself or by another name for the same cases."""
    fields = "|".join(question.fields)
    value = f" = {re.escape(question.value)}" if question.value is not None else ""
    first = page.locator("[data-testid=stVerticalBlock]").filter(
        has=page.locator(":scope > * strong").filter(has_text=re.compile(r"^1\. "))
    )
    return first.filter(has_text=re.compile(rf"\b({fields})\b{value}")).last
