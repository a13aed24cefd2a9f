"""A real stack of its own: empty at first, then with texts of strangers, then without its ClickHouse."""

import json
import re
import secrets
import signal
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_hard_times import INJECTED
from tests.collector import otlp
from tests.dashboard.monitoring_api import HOSTILE
from tests.integration.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Open = Callable[..., Page]
PROCESSES = ("collector", "monitoring-api", "maintenance", "dashboard")
TRACE = secrets.token_bytes(16)
PREDICTION = "hostile-1"
SHOWN = "<script>document.title="
LONG = "x" * 1_000_000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything that a dashboard needs, and nobody who predicts."""
    env = {"SIGHTGLASS_DASHBOARD_REFRESH_SECONDS": "2"}
    with Stack(tmp_path_factory.mktemp("states"), processes=PROCESSES, env=env) as running:
        yield running


def test_an_empty_stack_teaches(open_page: Open, own: Stack) -> None:
    """Nothing has ever been sent: each page says what brings something there, and nothing looks like a failure."""
    page = open_page(f"{own.url('dashboard')}/predictions")
    expect(page.get_by_text("No data yet")).to_be_visible()
    for address, words in (
        ("history?metric=score_mean", "make demo"),
        ("predictions", "No prediction in this range"),
        ("traces?section=exceptions", "record_exception"),
        ("alerts", "No rule has said anything yet"),
    ):
        page.goto(f"{own.url('dashboard')}/{address}")
        expect(page.get_by_test_id("stMain")).to_contain_text(words)
        expect(page.get_by_text("keeps trying by itself")).to_have_count(0)


def test_texts_of_strangers_come_through_the_pipeline_as_texts(open_page: Open, own: Stack) -> None:
    """A span, its exception, a log record, a model, its features, decision and label, all named to do harm.

    They are sent to the Collector; a span's name, an attribute and a feature are a megabyte long.
    """
    now = time.time_ns()
    thrown = otlp.Span.Event(
        name="exception",
        time_unix_nano=now,
        attributes=otlp.key_values(
            {"exception.type": HOSTILE, "exception.message": HOSTILE, "exception.stacktrace": f"{HOSTILE}\n" * 50}
        ),
    )
    span = otlp.span(
        1, HOSTILE + LONG, attributes={"http.route": HOSTILE, HOSTILE: LONG}, events=[thrown], start=now - 10**9
    )
    span.trace_id = TRACE
    ids = {"trace_id": TRACE, "span_id": span.span_id}
    resource = {"service.name": HOSTILE}
    otlp.send(own.url("collector"), otlp.spans(span, resource=resource))
    features = {HOSTILE: HOSTILE, "a<b>": LONG, "n": 3}
    made = otlp.prediction(
        PREDICTION, json.dumps({"features": features}), ml__model__name=HOSTILE, ml__prediction__label=HOSTILE
    )
    labelled = otlp.label(PREDICTION, HOSTILE, now)
    made.trace_id, made.span_id = TRACE, span.span_id
    otlp.send(
        own.url("collector"), otlp.logs(otlp.log(HOSTILE, severity_number=17, **ids), made, labelled, resource=resource)
    )
    record = _wait_stored(own)
    page = open_page(own.url("dashboard"))
    for address in (
        f"traces?trace={TRACE.hex()}",
        "traces?section=exceptions",
        f"logs?trace={TRACE.hex()}&record={record}",
        f"predictions?prediction={PREDICTION}",
        "models",
        "models?section=versions",
        "pipeline?section=map",
        "",
    ):
        page.goto(f"{own.url('dashboard')}/{address}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        expect(page.locator("body"), address).to_contain_text(SHOWN, use_inner_text=True)
        assert page.locator(INJECTED).count() == 0, address
        assert page.title() != "owned", address
        assert len(page.content()) < 3_000_000, address


def test_without_clickhouse_a_page_shows_what_it_knew(open_page: Open, own: Stack) -> None:
    """It hangs: the page says so, keeps its figures with their age, and recovers by itself."""
    page = open_page(f"{own.url('dashboard')}/pipeline")
    lag = page.get_by_test_id("stMetric").first
    expect(lag).to_contain_text("Ingest lag")
    own.kill("clickhouse", signal.SIGSTOP)
    try:
        expect(page.get_by_text(re.compile("what was known .* ago"))).to_be_visible()
        expect(lag).to_contain_text("Ingest lag")
    finally:
        own.kill("clickhouse", signal.SIGCONT)
    expect(page.get_by_text(re.compile("what was known .* ago"))).to_have_count(0)


def _wait_stored(own: Stack) -> str:
    """The id of the trace's log record, once all is stored."""
    deadline = time.monotonic() + 60
    api = f"{own.url('monitoring-api')}/api/v1"
    for path in (f"traces/{TRACE.hex()}", f"predictions/{PREDICTION}"):
        while not _tells(f"{api}/{path}"):
            assert time.monotonic() < deadline, f"{path} did not arrive"
            time.sleep(0.5)
    logs = httpx.get(f"{api}/logs", params={"trace_id": TRACE.hex()}, timeout=10).raise_for_status().json()["logs"]
    return next(str(each["id"]) for each in logs if each["body"] == HOSTILE)


def _tells(url: str) -> bool:
    answer = httpx.get(url, timeout=10)
    if answer.status_code != httpx.codes.OK or HOSTILE[:20] not in str(answer.json()):
        return False
    return PREDICTION not in url or answer.json()["label_value"] == HOSTILE
