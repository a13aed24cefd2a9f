"""The logs page, run without a browser against a server that answers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.log_answers import written_at
from dashboard.plain_text import one_line
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.pipeline_api import TRACE
from tests.dashboard.views.test_alerts import said
from tests.dashboard.views.test_overview import url_of

Open = Callable[..., AppTest]
LOGS = "/api/v1/logs"


def asked(api: FakeMonitoringApi, path: str = LOGS) -> list[dict[str, list[str]]]:
    """The parameters of every question of a route."""
    return [query for route, query in api.asked if route == path]


def test_the_newest_records_are_listed_and_the_link_says_what_is_shown(open_page: Open, api: FakeMonitoringApi) -> None:
    """With time, severity, service, message and the way to the trace."""
    page = open_page("logs")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table) == ["Time", "Severity", "Service", "Message", "Trace"]
    assert len(table) == 100
    assert f"traces?trace={TRACE}" in set(table["Trace"])
    assert url_of(page) == {"from": ["now-1h"], "to": ["now"], "tz": ["UTC"]}
    assert page.selectbox(key="logs.service").options == ["ml-api", "worker"]


def test_a_search_asks_the_api_and_stands_in_the_link(open_page: Open, api: FakeMonitoringApi) -> None:
    """Each condition as the API names it, for the records and for their number over time."""
    page = open_page("logs", q="done", severity="error", service="ml-api", **{"from": "now-6h", "to": "now"})
    assert not page.exception
    assert set(page.dataframe[0].value["Severity"]) == {"ERROR"}
    wanted = {"service": ["ml-api"], "severity": ["error"], "q": ["done"], "from": ["now-6h"], "to": ["now"]}
    assert asked(api)[-1] == {**wanted, "limit": ["100"]}
    assert asked(api, f"{LOGS}/volume")[-1] == wanted
    page.text_input(key="logs.text").set_value("nowhere").run()
    assert "No record meets this search" in said(page)
    assert url_of(page)["q"] == ["nowhere"]


def test_older_records_come_on_demand(open_page: Open, api: FakeMonitoringApi) -> None:
    """The next page follows the first, and nothing else is asked again."""
    page = open_page("logs")
    before = len(asked(api))
    page.button(key="logs.older").click().run()
    assert not page.exception
    assert len(page.dataframe[0].value) == 200
    assert len(asked(api)) == before + 1
    assert "cursor" in asked(api)[-1]


def test_the_chosen_record_is_in_the_link(open_page: Open, api: FakeMonitoringApi) -> None:
    """The link opens it again; one that is not found is named, stays in the link, and can be left."""
    body = open_page("logs").dataframe[0].value["Message"][3]
    number = int(body.split()[1])
    page = open_page("logs", record=str(number))
    assert not page.exception
    assert page.code[0].value == body
    assert url_of(page)["record"] == [str(number)]
    at = number - 150
    page = open_page("logs", record=str(at))
    assert not page.code
    assert "is not among these" in said(page)
    page.button(key="logs.older").click().run()
    assert page.code[0].value == f"request {at} done"
    page = open_page("logs", record="1795003600000000000-12", service="ml-api")
    assert not page.exception
    assert "is not among these" in said(page)
    assert url_of(page)["record"] == ["1795003600000000000-12"]
    page.button(key="logs.leave").click().run()
    assert "record" not in url_of(page)
    assert "is not among these" not in said(page)


def test_a_record_is_opened_from_a_list(open_page: Open, api: FakeMonitoringApi) -> None:
    """By the keyboard, which reaches no row of the table: it is drawn whole, in the link, and another follows it."""
    page = open_page("logs")
    bodies = list(page.dataframe[0].value["Message"])
    for place in (3, 5):
        listed = page.selectbox(key="logs.pick")
        assert bodies[place] in listed.options[place]
        listed.set_value(bodies[place].split()[1]).run()
        page.button(key="logs.open").click().run()
        assert not page.exception
        assert [code.value for code in page.code] == [bodies[place]]
        assert url_of(page)["record"] == [bodies[place].split()[1]]


def test_a_records_id_says_when_it_was_written() -> None:
    """As the API spells it; any other says nothing."""
    assert written_at("1795003600999999999-12") == datetime(2026, 11, 18, 12, 6, 40, tzinfo=UTC)
    assert [written_at(text) for text in ("", "17", "1795003600-12", "x" * 19 + "-1", "1" * 19)] == [None] * 5


def test_a_traces_logs_are_shown_whenever_it_was(open_page: Open, api: FakeMonitoringApi) -> None:
    """The range is the trace's own, and the way back to all records is a click."""
    page = open_page("logs", trace=TRACE)
    assert not page.exception
    assert asked(api)[0] == {"trace_id": [TRACE], "limit": ["100"]}
    assert "whenever it was" in said(page)
    page.button(key="logs.untrace").click().run()
    assert "trace" not in url_of(page)


def test_the_tail_asks_only_for_what_is_newer(open_page: Open, api: FakeMonitoringApi) -> None:
    """The first look goes back some minutes, later ones only to the newest known; paused, nothing is asked."""
    page = open_page("logs", live="on")
    assert not page.exception
    assert "Live" in said(page)
    page.run()
    first, second = (query["from"][0] for query in asked(api)[-2:])
    assert second > first
    assert "cursor" not in asked(api)[-1]
    count = len(asked(api))
    page.toggle(key="logs.paused").set_value(True).run()
    assert "Paused" in said(page)
    assert len(asked(api)) == count


@pytest.mark.parametrize("live", ["off", "on"])
def test_hostile_records_are_letters(open_page: Open, api: FakeMonitoringApi, live: str) -> None:
    """Markup in bodies and names of services is shown, not obeyed."""
    api.mode = "hostile"
    page = open_page("logs", live=live)
    assert not page.exception
    if live == "on":
        assert '<script>document.title="owned"</script> **bold** [x](http' in said(page)
    else:
        assert page.dataframe[0].value["Message"][0] == one_line(HOSTILE)


@pytest.mark.parametrize("mode", ["empty", "store-down", "broken"])
@pytest.mark.parametrize("live", ["off", "on"])
def test_without_data_the_page_says_why(open_page: Open, api: FakeMonitoringApi, mode: str, live: str) -> None:
    """Nothing there, ClickHouse away, or something else answering."""
    api.mode = mode
    page = open_page("logs", live=live)
    assert not page.exception
    words = {
        "empty": "Nothing in the last 15 minutes" if live == "on" else "No record in this range",
        "store-down": "ClickHouse is not answering",
        "broken": "something unexpected",
    }
    assert words[mode] in said(page)


def test_a_link_that_cannot_be_read_says_so(open_page: Open, api: FakeMonitoringApi) -> None:
    """And opens all the same."""
    page = open_page("logs", trace="<b>", severity="loud")
    assert not page.exception
    assert said(page).count("could not be read") == 2
