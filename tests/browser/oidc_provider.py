"""A real OpenID provider as a process of its own, which signs in whoever is chosen on its page."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from playwright.sync_api import Page

from tests.dashboard.process import free_port

READY_SECONDS = 60
STYLES = "https://cdn.jsdelivr.net"
"""From where the provider's page wants a style sheet."""


class OidcProvider:
    """A provider on a free port.

    Args:
        folder: where it writes its log.
        people: the claims of everybody whom it knows; each has a `sub`.
    """

    def __init__(self, folder: Path, people: Sequence[Mapping[str, Any]]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.metadata_url = f"{self.url}/.well-known/openid-configuration"
        self._log = folder / "provider.log"
        known = [word for person in people for word in ("--user-claims", json.dumps(person))]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *known],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            try:
                if httpx.get(self.metadata_url, timeout=2).is_success:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def oidc_file(folder: Path, port: int, metadata_url: str) -> Path:
    """The file with which a dashboard on this port sends people to the provider."""
    path = folder / "oidc.toml"
    path.touch(mode=0o600)
    path.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "canary-{"c" * 40}"
client_id = "sightglass"
client_secret = "canary-client"
server_metadata_url = "{metadata_url}"
"""
    )
    return path


def sign_in(page: Page, who: str) -> Page:
    """Go from the dashboard to the provider, and come back as somebody."""
    # An empty style sheet is enough, and nothing leaves the machine.
    page.context.route(f"{STYLES}/**", lambda route: route.fulfill(content_type="text/css", body=""))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=who, exact=True).click()
    return page
