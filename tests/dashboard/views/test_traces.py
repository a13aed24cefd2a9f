"""The traces page, run without a browser against a server that answers."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.brushed import Region
from dashboard.explain_answers import Finding
from dashboard.states.traces import KINDS, SECTIONS, SORTS, TracesState
from dashboard.time_range import TimeRange
from dashboard.trace_answers import Trace
from dashboard.trace_tree import TraceTree
from dashboard.views.trace_detail import picked, slow_query
from dashboard.views.trace_heatmap import explained, searched
from dashboard.views.trace_slow import link_of
from dashboard.views.trace_span import search_query
from tests.dashboard.explaining_api import finding
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.test_states import periods
from tests.dashboard.tracing_api import BARE, LARGE, TRACE, small_trace
from tests.dashboard.views.test_overview import text_of, url_of

Open = Callable[..., AppTest]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
words = st.text(max_size=60)
numbers = st.none() | st.floats(0, 1e12)
regions = st.builds(Region, periods.filter(lambda period: "now" not in period.end), numbers, numbers).filter(
    lambda region: region.min_ms is None or region.max_ms is None or region.min_ms < region.max_ms
)


def said(page: AppTest) -> str:
    """Everything written on the page, as the letters that markdown shows."""
    return re.sub(r"\\(.)", r"\1", text_of(page)).replace("\u2060", "")


def asked(api: FakeMonitoringApi, path: str) -> dict[str, list[str]]:
    """The parameters of the last question to a path."""
    return next(query for asked_path, query in reversed(api.asked) if asked_path == path)


@given(
    st.builds(
        TracesState,
        section=st.sampled_from(SECTIONS),
        trace=words,
        span=words,
        inside=words,
        page=st.integers(1, 1_000),
        service=words,
        route=words,
        name=words,
        kind=st.sampled_from(KINDS),
        status=words,
        min_duration_ms=numbers,
        max_duration_ms=numbers,
        attributes=st.lists(st.text(min_size=1, max_size=60), max_size=5, unique=True).map(tuple),
        sort=st.sampled_from(SORTS),
        cursor=words,
        region=st.none() | regions,
        zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    )
)
def test_its_state_survives_its_url(state: TracesState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert TracesState.read(state.query(), NOW) == (state, [])


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "inf", "1e300"])
def test_a_duration_that_is_none_is_reported(text: str) -> None:
    """The page opens without it."""
    state, (complaint,) = TracesState.read({"min_duration_ms": [text]}, NOW)
    assert state.min_duration_ms is None
    assert complaint.startswith("min_duration_ms: ")


@given(st.text(max_size=60) | st.lists(st.text(max_size=20), min_size=4, max_size=4).map("/".join))
def test_no_region_is_too_strange(text: str) -> None:
    """Any text is a region that the URL spells again, or none, which is reported."""
    state, complaints = TracesState.read({"region": [text]}, NOW)
    assert bool(complaints) == (state.region is None and bool(text))
    assert TracesState.read(state.query(), NOW) == (state, [])


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "now-1h/now/1",
        "now/now-1h//",
        "now-1h/now/5/2",
        "now-1h/now/-1/",
        "now-1h/now//nan",
        "0001-01-01T00:00:00Z/0001-01-02T00:00:00Z//",
        "9999-12-31T23:59:59.5Z/9999-12-31T23:59:59.9Z//",
    ],
)
def test_a_region_that_is_none_is_reported(text: str) -> None:
    """The page opens without it."""
    state, (complaint,) = TracesState.read({"region": [text]}, NOW)
    assert state.region is None
    assert complaint.startswith("region: ")


def test_a_region_of_the_map_is_in_the_link(open_page: Open, api: FakeMonitoringApi) -> None:
    """The link shows the panel and draws the brush; a region beside the map is named; other sections have none."""
    region = "2026-11-18T11:57:00Z/2026-11-18T12:06:00Z/33.0/"
    page = open_page("traces", section="heatmap", region=region, tz="Europe/Berlin")
    assert not page.exception
    assert "Chosen: 18 Nov 12:57:00 to 18 Nov 13:06:00, 33 ms to any." in said(page)
    assert url_of(page)["region"] == [region]
    brush = json.loads(page.get("vega_lite_chart")[0].proto.spec)["params"][0]
    start = datetime(2026, 11, 18, 12, 57, tzinfo=UTC).timestamp() * 1000
    assert brush["value"] == {"x": [start, start + 540_000], "y": [33.0, pytest.approx(158.49, abs=0.01)]}
    asked_before = len(api.asked)
    page.selectbox(key="traces.zone").select("UTC").run()
    assert "Chosen: 18 Nov 11:57:00 to 18 Nov 12:06:00" in said(page)
    assert len(api.asked) > asked_before
    page.segmented_control(key="traces.section").set_value("search").run()
    assert "region" not in url_of(page)
    beside = open_page("traces", section="heatmap", region="2026-11-17T11:57:00Z/2026-11-17T12:06:00Z//")
    assert not beside.exception
    assert "is not on this map" in said(beside)


def test_the_search_asks_what_its_url_says(open_page: Open, api: FakeMonitoringApi) -> None:
    """Every condition goes to the API and stays in the URL."""
    query = {
        "service": "ml-api",
        "route": "/v1/predict",
        "min_duration_ms": "250",
        "status": "error",
        "attr": ["ml.features.source=fallback", "a=b"],
        "from": "now-6h",
        "to": "now",
    }
    page = open_page("traces", **query)
    assert not page.exception
    sent = asked(api, "/api/v1/traces")
    for name, value in query.items():
        assert sent[name] == (value if isinstance(value, list) else [value])
    assert url_of(page)["attr"] == query["attr"]
    table = page.dataframe[0].value
    assert table["Trace"].iloc[0] == TRACE
    assert list(table["Status"]) == ["ok 200", "✕ error 503", "ok 200"]


def test_a_later_page_is_asked_by_its_cursor_and_left_when_the_question_changes(
    open_page: Open, api: FakeMonitoringApi
) -> None:
    """A cursor is a place in one list."""
    page = open_page("traces", cursor="page-2")
    assert asked(api, "/api/v1/traces")["cursor"] == ["page-2"]
    assert url_of(page)["cursor"] == ["page-2"]
    page.selectbox(key="traces.status").select("error").run()
    assert not page.exception
    assert "cursor" not in asked(api, "/api/v1/traces")
    assert "cursor" not in url_of(page)


def test_nothing_found_says_what_to_do(open_page: Open, api: FakeMonitoringApi) -> None:
    """In every section; and a trace that is not there is said by the API's own words."""
    api.mode = "empty"
    for section in ("search", "heatmap"):
        assert "No data for this question" in said(open_page("traces", section=section, service="x"))
    assert "No exceptions in this range" in said(open_page("traces", section="exceptions"))
    assert "Nothing stands out" in said(open_page("traces", section="slow"))
    assert f"There is no trace {TRACE}" in said(open_page("traces", trace=TRACE))
    api.mode = "full"
    assert "past their retention" in said(open_page("traces", trace=BARE))


def test_the_heat_map_is_of_requests(open_page: Open, api: FakeMonitoringApi) -> None:
    """Unless another kind or a span's name is asked for."""
    page = open_page("traces", section="heatmap")
    assert not page.exception
    assert asked(api, "/api/v1/traces/heatmap")["kind"] == ["server"]
    open_page("traces", section="heatmap", name="weather.lookup")
    assert "kind" not in asked(api, "/api/v1/traces/heatmap")


def test_a_brushed_region_narrows_what_was_asked() -> None:
    """It never asks for more than before: of two bounds the tighter holds."""
    state = TracesState(section="heatmap", service="ml-api", min_duration_ms=50, max_duration_ms=500, cursor="c")
    found = searched(state, Region(TimeRange("a", "b"), 20.0, 100.0))
    assert (found.section, found.service, found.kind) == ("search", "ml-api", "server")
    assert (found.min_duration_ms, found.max_duration_ms, found.period.start) == (50, 100.0, "a")


def test_why_slow_asks_by_the_least_duration(open_page: Open, api: FakeMonitoringApi) -> None:
    """The threshold, the route and the range go to the explainer; its findings are shown."""
    page = open_page("traces", section="slow", service="ml-api", route="/v1/predict", min_duration_ms="250")
    assert not page.exception
    sent = asked(api, "/api/v1/traces/slow/explain")
    assert (sent["min_duration_ms"], sent["route"], sent["from"]) == (["250"], ["/v1/predict"], ["now-24h"])
    assert "1. attribute enduser.airport = JFK" in said(page)
    assert "longer than 250 ms" in said(page)
    assert "max_duration_ms" not in sent


def test_why_slow_asks_about_just_what_was_brushed(open_page: Open, api: FakeMonitoringApi) -> None:
    """Both edges go to the explainer and are in the question; a span's name has no field, and what was one is told."""
    page = open_page("traces", section="slow", min_duration_ms="200", max_duration_ms="500", name="weather.lookup")
    assert not page.exception
    sent = asked(api, "/api/v1/traces/slow/explain")
    assert (sent["min_duration_ms"], sent["max_duration_ms"]) == (["200"], ["500"])
    assert not {"name", "kind"} & set(sent)
    assert "requests that took 200 ms to 500 ms have more often than quicker ones?" in said(page)
    assert "of requests of 200 ms to 500 ms, 6.6% of quicker requests have it" in said(page)
    assert "neither the kind nor the name of a span" in said(page)
    assert not [field for field in page.text_input if field.label == "Span"]
    page.segmented_control(key="traces.section").set_value("search").run()
    assert page.text_input(key="traces.name").value == "weather.lookup"


def test_why_slow_needs_something_quicker(open_page: Open, api: FakeMonitoringApi) -> None:
    """With an upper bound alone nothing is asked: the page says what is missing, and offers each route's slowest."""
    page = open_page("traces", section="slow", max_duration_ms="500")
    assert not page.exception
    assert "say also how long they took **at least**" in said(page)
    assert "/api/v1/traces/slow/explain" not in [path for path, _ in api.asked]
    (link,) = [link.proto for link in page.get("page_link") if "slowest twentieth" in link.proto.label]
    assert "duration_ms" not in link.query_string


def test_a_brush_is_explained_by_both_its_edges() -> None:
    """Of client spans it is about requests; with nothing below it there is no explanation."""
    period = TimeRange("2026-11-18T11:57:00Z", "2026-11-18T12:06:00Z")
    state = TracesState(section="heatmap", service="ml-api", kind="client", name="weather.lookup")
    found = explained(state, Region(period, 200.0, 500.0))
    assert found == TracesState(
        section="slow", service="ml-api", kind="server", min_duration_ms=200, max_duration_ms=500, period=period
    )
    assert explained(state, Region(period, None, 500.0)) is explained(state, Region(period, 0.0, 500.0)) is None
    at_least = explained(TracesState(min_duration_ms=100), Region(period, None, 500.0))
    assert at_least is not None
    assert (at_least.min_duration_ms, at_least.max_duration_ms) == (100, 500.0)


def test_what_a_brush_explains_is_said_beside_its_links(open_page: Open) -> None:
    """A brush from the bottom has no 'Why slow?' and says why; one of other spans says that requests are explained."""

    def panel(durations: str, **query: str) -> tuple[set[str], str]:
        region = f"2026-11-18T11:57:00Z/2026-11-18T12:06:00Z/{durations}"
        page = open_page("traces", section="heatmap", region=region, **query)
        assert not page.exception
        return {link.proto.label for link in page.get("page_link")}, said(page)

    links, words = panel("/33.0")
    assert "Why slow?" not in links
    assert {"Its traces", "Zoom in"} <= links
    assert "Nothing is quicker than what you chose" in words
    links, words = panel("10.0/33.0", kind="client")
    assert "Why slow?" in links
    assert "*Why slow?* explains requests" in words
    links, words = panel("10.0/33.0")
    assert "Why slow?" in links
    assert "explains requests" not in words


def test_a_trace_is_opened_from_a_list(open_page: Open) -> None:
    """By the keyboard, which reaches no row of the table: the second one, told by when, how long and what."""
    page = open_page("traces", service="ml-api")
    table, listed = page.dataframe[0].value, page.selectbox(key="traces.pick")
    assert len(listed.options) == len(table)
    row = table.iloc[1]
    assert listed.options[1] == " · ".join(
        row[name] for name in ("Start", "Duration", "Service", "Operation", "Status", "Trace")
    )
    listed.set_value(row["Trace"]).run()
    assert not page.exception
    page.button(key="traces.open").click().run()
    assert not page.exception
    assert url_of(page)["trace"] == [row["Trace"]]


def test_a_finding_becomes_a_filter() -> None:
    """Attributes join the conditions; an operation is looked for by its name; features are predictions'.

    What was asked of requests, and cannot be asked there, is told beside the link.
    """
    state = TracesState(section="slow", service="ml-api", min_duration_ms=250, attributes=("a=b",))

    without: list[list[str]] = []

    def query(**other: object) -> tuple[str, dict[str, list[str]]]:
        link = link_of(Finding.model_validate({**finding("attribute", "airport"), **other}), state)
        assert link is not None
        without.append(list(link.without))
        return link.page, {name: list(values) for name, values in link.query.items()}

    page, attribute = query(value="JFK")
    assert (page, attribute["attr"], attribute["min_duration_ms"]) == ("traces", ["a=b", "airport=JFK"], ["250"])
    page, operation = query(kind="child_operation", field="ml-api", value="weather.lookup")
    assert (page, operation["service"], operation["name"]) == ("traces", ["ml-api"], ["weather.lookup"])
    assert "min_duration_ms" not in operation
    page, feature = query(kind="feature", field="hour", range=[10, None])
    assert (page, feature["feature"]) == ("predictions", ["hour>=10"])
    assert without == [[], *[["service = ml-api", "longer than 250 ms", "a=b"]] * 2]


def test_one_trace_shows_its_spans_and_the_ways_on(open_page: Open, api: FakeMonitoringApi) -> None:
    """The span that the link names, its failure, its event, its log, and where the time went."""
    page = open_page("traces", trace=TRACE, span=f"{2:016x}", tz="Europe/Berlin")
    assert not page.exception
    text = said(page)
    assert "ml-api: POST /v1/predict" in text
    assert "It failed. refused" in text
    assert "**exception**" in text
    assert "no weather" in text
    assert "Europe/Berlin" in text
    attributes = next(table.value for table in page.dataframe if "Attribute" in table.value)
    assert list(attributes["Attribute"]) == ["weather.origin", "resource.service.name"]
    path = next(table.value for table in page.dataframe if "Share" in table.value)
    assert list(path["Operation"]) == ["weather.lookup", "POST /v1/predict", "model.predict"]
    assert url_of(page)["span"] == [f"{2:016x}"]


def test_times_in_a_trace_are_of_the_pages_zone(open_page: Open) -> None:
    """Those of events and logs as those of the head; none is left in UTC."""
    page = open_page("traces", trace=TRACE, span=f"{2:016x}", tz="Asia/Kolkata")
    at = datetime.fromtimestamp(1_795_000_000.02, UTC).astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"**exception** {at:%H:%M:%S.%f}" in said(page)
    log = at + timedelta(milliseconds=10)
    assert f"● **WARN** {log:%H:%M:%S.%f}" in said(page)
    loose = next(table.value for table in page.dataframe if "Severity" in table.value)
    assert loose["Time"].iloc[0].startswith(f"{at:%H:%M}")


def test_a_span_is_chosen_from_a_list(open_page: Open) -> None:
    """By the keyboard as by a click: the span's part, the mark in the picture and the address follow."""
    page = open_page("traces", trace=TRACE)
    names = page.selectbox(key="traces.list").options
    assert [name.strip().partition(" · ")[2] for name in names] == [
        "POST /v1/predict · 100 ms",
        "weather.lookup · 40 ms",
        "model.predict · 30 ms",
    ]
    page.selectbox(key="traces.list").set_value(f"{2:016x}").run()
    assert not page.exception
    assert "It failed. refused" in said(page)
    assert url_of(page)["span"] == [f"{2:016x}"]
    page.selectbox(key="traces.list").set_value(f"{3:016x}").run()
    assert "It failed. refused" not in said(page)
    assert url_of(page)["span"] == [f"{3:016x}"]
    assert page.selectbox(key="traces.list").value == f"{3:016x}"


def test_links_are_shown_both_ways(open_page: Open) -> None:
    """A span that links has a mark in the waterfall; spans of other traces that link here lead there."""
    page = open_page("traces", trace=TRACE)
    spec = json.loads(page.get("vega_lite_chart")[0].proto.spec)
    assert any(layer["mark"].get("shape") == "square" for layer in spec["layer"])
    assert "labels: join labels, to model.predict" in said(page)
    there = [link.proto for link in page.get("page_link") if link.proto.label == "Linking span 1"]
    assert parse_qs(there[0].query_string)["trace"] == ["2" * 32]


def test_why_this_trace_was_slow_is_asked_of_its_route_with_its_duration() -> None:
    """In half a day around it, so that there is something to compare with."""
    query = slow_query(TraceTree.of(Trace.model_validate(small_trace()).spans), "UTC")
    assert query is not None
    assert (query["section"], query["route"], query["min_duration_ms"]) == (["slow"], ["/v1/predict"], ["100.0"])
    state, complaints = TracesState.read(query, NOW)
    assert not complaints
    start, end = state.period.bounds(NOW)
    assert (end - start).total_seconds() == 24 * 3600


def test_an_attribute_becomes_a_search_around_its_span() -> None:
    """A value that is too long for an address is asked for by its beginning."""
    root = Trace.model_validate(small_trace(HOSTILE)).spans[0]
    assert search_query(root, "k", "in(a)", TracesState())["attr"] == ["k=in(in(a))"]
    (text,) = search_query(root, "big", root.attributes["big"], TracesState())["attr"]
    assert text == f"big^={'x' * 300}"


def test_a_trace_of_5000_spans_is_shown_in_short_and_page_by_page(open_page: Open, api: FakeMonitoringApi) -> None:
    """What is not drawn is counted; within a span all are shown."""
    page = open_page("traces", trace=LARGE)
    assert not page.exception
    assert re.search(r"Shown are \d+ of 5,000 spans", said(page))
    inside = open_page("traces", trace=LARGE, inside=f"{2:016x}")
    assert not inside.exception
    assert "Inside **group 0**, page 1 of 1" in said(inside)


def test_what_was_clicked_is_read_from_the_event() -> None:
    """And nothing else is."""
    assert picked({"selection": {"pick": [{"key": "a"}, {"key": "b"}]}}) == "b"
    nothing: list[Any] = [None, {}, {"selection": {}}, {"selection": {"pick": []}}, {"selection": {"pick": ["x"]}}]
    assert [picked(event) for event in nothing] == [""] * 5


def test_exceptions_say_how_often_where_and_since_when(open_page: Open, api: FakeMonitoringApi) -> None:
    """With the stack, and an example."""
    page = open_page("traces", section="exceptions", service="ml-api")
    assert not page.exception
    assert asked(api, "/api/v1/traces/exceptions")["service"] == ["ml-api"]
    text = said(page)
    assert "**ConnectionError**" in text
    assert "41 times in 40 traces of ml-api" in text
    assert any("line 3, in lookup" in code.value for code in page.code)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"section": "heatmap"},
        {"section": "slow"},
        {"section": "exceptions"},
        {"trace": TRACE},
        {"trace": TRACE, "span": f"{2:016x}"},
        {"service": HOSTILE, "route": HOSTILE, "name": HOSTILE, "attr": f"a={HOSTILE}", "trace": ""},
    ],
)
def test_hostile_text_is_text(open_page: Open, api: FakeMonitoringApi, query: dict[str, str]) -> None:
    """In names, attributes, events, logs, exceptions and findings, a value of a megabyte among them."""
    api.mode = "hostile"
    page = open_page("traces", **query)
    assert not page.exception
    for item in (*page.markdown, *page.caption, *page.title, *page.subheader, *page.error, *page.info):
        assert "<script>" not in item.value
        assert not re.search(r"(?<!\\)\[x\]", item.value)
        assert "\u202e" not in item.value
        assert len(item.value) < 10_000
    assert all(len(code.value) <= 20_000 for code in page.code)


def test_the_page_waits_for_a_store_that_is_away(open_page: Open, api: FakeMonitoringApi) -> None:
    """It says so, and asks again by itself."""
    api.mode = "store-down"
    page = open_page("traces")
    assert not page.exception
    assert "ClickHouse does not answer" in said(page)
