"""What the pages do not run, ask or stand in, in a real browser; that they need none of it, all other tests show."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import charts
from tests.dashboard.monitoring_api import FakeMonitoringApi

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may complain."""
    with browser.new_page() as opened:
        yield opened


@pytest.fixture
def elsewhere(dashboard: str) -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else's, whose page frames the dashboard; its address, and what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = f'<iframe src="{dashboard}"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.owned = 1'}))",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x: onerror=\"window.owned = 1\">')",
        "document.body.append(Object.assign(document.createElement('script'), {src: `${elsewhere}/script`}))",
        "document.body.append(Object.assign(document.createElement('img'), {src: `${elsewhere}/image`}))",
        "fetch(`${elsewhere}/fetch`).catch(() => 0)",
        "new WebSocket(`${elsewhere.replace('http', 'ws')}/socket`)",
    ],
)
def test_what_was_smuggled_in_neither_runs_nor_reports(
    page: Page, dashboard: str, api: FakeMonitoringApi, elsewhere: tuple[str, list[str]], attempt: str
) -> None:
    """Each attempt is refused by the browser, named as a violation, and nothing leaves the page."""
    address, asked = elsewhere
    page.goto(dashboard)
    charts(page, 1)
    violated = page.evaluate(
        f"""async elsewhere => {{
            const heard = new Promise(resolve => document.addEventListener(
                'securitypolicyviolation', event => resolve(event.effectiveDirective), {{once: true}}
            ));
            try {{ await ({attempt}); }} catch (error) {{}}
            return await heard;
        }}""",
        address,
    )
    assert violated in {"script-src-elem", "script-src-attr", "img-src", "connect-src"}
    assert page.evaluate("window.owned") is None
    assert asked == []


def test_another_page_cannot_frame_it(page: Page, dashboard: str, elsewhere: tuple[str, list[str]]) -> None:
    """So nobody's clicks are led onto it."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "frame" in message.text else None)
    page.goto(elsewhere[0])
    page.wait_for_load_state("networkidle")
    (frame,) = (frame for frame in page.frames if frame is not page.main_frame)
    assert frame.locator("#root").count() == 0
    assert any("frame-ancestors" in text for text in refused)
