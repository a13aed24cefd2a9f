"""Finds a browser by itself, and drives it while it listens for anything that goes wrong."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from services.cli.bootstrap import BROWSERS

ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
LACKING = (
    "No browser was found for the browser tests: install one with `apt-get install chromium` "
    "or `python -m playwright install chromium`."
)
# Streamlit's page looks for its server first under the page's own path, then at the root. The first look is a 404.
_STREAMLIT_PROBE = re.compile(r"/[\w-]+/_stcore/(health|host-config)")


class NoBrowserError(RuntimeError):
    """There is no browser, and none could be had."""


def find_browser() -> Path:
    """The browser to drive: one on PATH, else playwright's own download, else Debian's package.

    Raises:
        NoBrowserError: none of these worked.
    """
    return _on_path() or _playwrights_own() or _debians() or _give_up()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless browser with a fresh profile."""
    executable = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What a page said or did that it should not have.

    Attributes:
        home: the address that the page may ask.
        others: further ones.
        heard: errors on the console, uncaught errors, requests that failed, and requests to anywhere else.
    """

    home: str
    others: tuple[str, ...] = ()
    heard: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Note everything from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: self.heard.append(f"dialog: {dialog.message}") or dialog.dismiss())
        page.on("request", self._request)

    @property
    def _allowed(self) -> set[str]:
        return {urlsplit(url).netloc for url in (self.home, *self.others)}

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _STREAMLIT_PROBE.fullmatch(urlsplit(message.location.get("url", "")).path):
            self.heard.append(f"console: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.netloc not in self._allowed:
            self.heard.append(f"asked elsewhere: {request.url}")


def _on_path() -> Path | None:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _playwrights_own() -> Path | None:
    with sync_playwright() as playwright:
        executable = Path(playwright.chromium.executable_path)
    if not executable.exists():
        _run([sys.executable, "-m", "playwright", "install", "chromium"])
    return executable if executable.exists() else None


def _debians() -> Path | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    return _on_path()


def _give_up() -> Path:
    raise NoBrowserError(LACKING)


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL, timeout=900)
