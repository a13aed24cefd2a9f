"""The overview, run without a browser against a server that answers."""

import re
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.dashboard.alerting_api import FIRING
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.views.passing import time_passes
from tests.dashboard.views.words import links_of, said

Open = Callable[..., AppTest]


def text_of(page: AppTest) -> str:
    """Everything written on the page."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "metric")
    return "\n".join(f"{getattr(item, 'label', '')} {item.value}" for kind in kinds for item in getattr(page, kind))


def url_of(page: AppTest) -> dict[str, list[str]]:
    """The page's parameters, each as a list."""
    return {
        name: list(value) if isinstance(value, list) else [value] for name, value in dict(page.query_params).items()
    }


SERVICE = ["Requests", "Errors", "Latency p95", "In flight"]
MODEL = ["Predictions", "Mean score", "Fallbacks", "Label coverage"]


def figures_of(page: AppTest) -> list[dict[str, str]]:
    """The rows' figures by title."""
    rows = [str(item.proto.body) for item in page.get("html")]
    found = [dict(re.findall(r'data-figure="([^"]+)"[^>]*>([^<]*)<', row)) for row in rows]
    return [row for row in found if row]


def test_it_says_how_things_are(open_page: Open) -> None:
    """A verdict on the whole, one on each service and model with its figures, the pipeline and the alerts."""
    page = open_page("overview")
    assert not page.exception
    assert "All is well" in page.subheader[0].value
    verdicts = [re.sub(r"\\", "", item.value) for item in page.markdown if ":green[" in item.value]
    assert [re.match(r"\*\*(.*?)\*\*", text)[1] for text in verdicts[:3]] == [
        "ml-api",
        "monitoring-api",
        "flight-delay",
    ]
    assert all("Fine" in text for text in verdicts[:3])
    rows = figures_of(page)
    assert [list(row) for row in rows] == [SERVICE, SERVICE, MODEL]
    assert all(re.search(r"\d", value) for row in rows for value in row.values())
    assert "The alert worker is running" in text_of(page)


def test_as_few_questions_for_many_services_as_for_one(open_page: Open, api: FakeMonitoringApi) -> None:
    """Everything is asked once, grouped; who looks at one service shares the answers, and asks nothing more."""
    page = open_page("overview")
    assert len(api.asked) == 19
    page.selectbox(key="overview.service").select("ml-api").run()
    assert len(api.asked) == 19
    assert len(figures_of(page)) == 2
    assert url_of(page)["service"] == ["ml-api"]


def test_its_state_is_its_url(open_page: Open, api: FakeMonitoringApi) -> None:
    """What the URL says is asked for, and stays in the URL."""
    page = open_page("overview", **{"from": "now-7d", "to": "now", "tz": "Europe/Berlin"})
    assert url_of(page)["from"] == ["now-7d"]
    assert url_of(page)["tz"] == ["Europe/Berlin"]
    asked = [query for path, query in api.asked if path.endswith("/history")]
    assert {query["from"][0] for query in asked} == {"now-7d"}
    # No more points than the small lines have pixels.
    assert {query["step"][0] for query in asked} == {"2h"}
    assert not any("filter" in query for query in asked)
    assert "Europe/Berlin, UTC+" in text_of(page)


def test_without_a_choice_the_sentence_is_about_the_service_that_predicts(open_page: Open) -> None:
    """The monitoring's own traffic does not dilute the model's."""
    page = open_page("overview")
    assert "service" not in url_of(page)
    requests = figures_of(page)[0]["Requests"]
    assert f"{requests.removesuffix(' /s')} requests per second" in text_of(page).replace("\\", "")


def test_a_changed_range_is_asked_for(open_page: Open, api: FakeMonitoringApi) -> None:
    """Choosing a preset changes the questions and the URL."""
    page = open_page("overview")
    api.asked.clear()
    page.selectbox(key="overview.range").select("now-1h").run()
    assert url_of(page)["from"] == ["now-1h"]
    assert {query["from"][0] for path, query in api.asked if path.endswith("/history")} == {"now-1h"}


def test_an_empty_store_teaches(open_page: Open, api: FakeMonitoringApi) -> None:
    """No data: what to do to get some, and no empty charts."""
    api.mode = "empty"
    page = open_page("overview")
    assert not page.exception
    assert "Nothing has arrived" in page.subheader[0].value
    assert "make demo" in text_of(page)
    assert "instrument(app" in page.code[0].value
    assert not figures_of(page)


def test_clickhouse_down_is_said_and_alerts_are_still_shown(open_page: Open, api: FakeMonitoringApi) -> None:
    """503: which part is away, and what is known without it."""
    api.mode = "store-down"
    page = open_page("overview")
    assert not page.exception
    assert "ClickHouse is not answering" in page.error[0].value
    assert "The alert worker is running" in text_of(page)
    assert "All is well" not in text_of(page)


def test_what_was_known_stays_with_its_age(open_page: Open, api: FakeMonitoringApi) -> None:
    """When ClickHouse goes away, the last figures remain, called old; when it returns, they are new."""
    page = open_page("overview")
    time_passes()
    api.mode = "store-down"
    page.run()
    assert "ClickHouse is not answering" in page.error[0].value
    assert re.search(r"Below is what was known \d+ s ago", text_of(page))
    assert figures_of(page)
    assert "All is well" not in text_of(page)
    time_passes()
    api.mode = "full"
    page.run()
    assert not page.error
    assert "All is well" in page.subheader[0].value


def test_an_api_that_is_away_is_said(open_page: Open, api: FakeMonitoringApi) -> None:
    """No connection: said, with the command that shows more."""
    api.close()
    page = open_page("overview")
    assert not page.exception
    assert "not reachable" in page.error[0].value
    assert "sightglass status" in page.error[0].value


def test_something_else_at_the_address_is_said(open_page: Open, api: FakeMonitoringApi) -> None:
    """An unexpected shape is no crash."""
    api.mode = "broken"
    page = open_page("overview")
    assert not page.exception
    assert "unexpected" in page.warning[0].value


def test_hostile_text_is_escaped(open_page: Open, api: FakeMonitoringApi) -> None:
    """Names from data never reach markdown as they are."""
    api.mode = "hostile"
    page = open_page("overview")
    assert not page.exception
    assert "Something is wrong" in page.subheader[0].value
    assert HOSTILE not in text_of(page)
    assert "\\*\\*bold\\*\\*" in text_of(page)


def test_an_unreadable_link_opens_and_says_so(open_page: Open) -> None:
    """A bad parameter is replaced by its default and named."""
    page = open_page("overview", **{"from": "whenever"})
    assert "from and to" in page.warning[0].value.replace("\\", "")
    assert url_of(page)["from"] == ["now-24h"]


def test_each_alert_leads_to_its_own_page_and_has_its_unit(open_page: Open, api: FakeMonitoringApi) -> None:
    """With the range and the zone shown; an error ratio is a share, no bare number."""
    api.mode = "alerting"
    page = open_page("overview", tz="Europe/Berlin", **{"from": "now-7d"})
    assert not page.exception
    firing = links_of(page)[":red[firing] **TooManyErrors**"]
    assert firing == {
        "section": ["alerts"],
        "alert": [FIRING],
        "from": ["now-7d"],
        "to": ["now"],
        "tz": ["Europe/Berlin"],
    }
    assert "**6.1 %** ·" in said(page)
    assert "error ratio 6.1 %" in said(page)
