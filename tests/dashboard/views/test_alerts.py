"""The alerts page, run without a browser against a server that answers and does things."""

import html
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.alert_detail import matchers_of, safe_link
from dashboard.views.alert_mails import frame_of
from tests.dashboard.alerting_api import EVIL, FIRING
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.views.test_overview import text_of, url_of

Open = Callable[..., AppTest]


@pytest.fixture
def alerting(api: FakeMonitoringApi) -> FakeMonitoringApi:
    """The API, while something fires."""
    api.mode = "alerting"
    return api


def said(page: AppTest) -> str:
    """Everything written on the page, as the letters that markdown shows."""
    text = text_of(page) + "\n".join(item.value for item in page.success)
    return re.sub(r"\\(.)", r"\1", text).replace("\u2060", "")


def test_what_fires_comes_first_with_its_figure(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """State, name, summary, value with its unit, condition and age; the quiet ones can be looked at."""
    page = open_page("alerts")
    assert not page.exception
    text = said(page)
    assert text.index("TooManyErrors") < text.index("SlowAnswers")
    assert "error ratio 6.1 %" in text
    assert "**6.1 %**" in text
    assert "> 0.05" in text
    assert "held back while TooManyErrors fires" in text
    assert page.selectbox(key="alerts.other").options == ["NoTraffic"]
    assert url_of(page)["section"] == ["alerts"]


def test_an_alert_opens_from_the_list_and_from_its_link(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Both show the same: labels, annotations, the way to its figure, its runbook, and what it did."""
    page = open_page("alerts")
    page.button(key=f"alerts.open.{FIRING}").click().run()
    assert not page.exception
    assert url_of(page)["alert"] == [FIRING]
    linked = open_page("alerts", alert=FIRING)
    assert "error ratio 6.1 %" in said(linked)
    assert [item.label for item in linked.button] == [item.label for item in page.button]
    assert list(linked.dataframe[0].value["What"]) == ["fired", "pending", "resolved", "fired", "pending"]
    assert list(linked.table[0].value["Label"]) == ["alertname", "severity", "route"]
    assert [link.url for link in linked.link_button] == ["https://runbooks.test/errors"]
    asked = [query for path, query in alerting.asked if path == "/api/v1/notifications"]
    assert {query["fingerprint"][0] for query in asked} == {FIRING}
    told = linked.dataframe[1].value
    assert list(told["Channel"]) == ["demo", "ops-mail", "ops-mail"]
    assert list(told["Delivery"]) == ["Delivered", "Waiting", "Given up"]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", told["When"][0])
    assert told["When"][1].startswith("next try ")
    quiet = open_page("alerts", alert="00000000000000b2")
    assert "No channel has been told of it" in said(quiet)
    linked.button(key="alerts.back").click().run()
    assert "alert" not in url_of(linked)


def test_an_alert_that_is_gone_is_said(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """An old link opens, and explains."""
    page = open_page("alerts", alert="dead")
    assert "There is no alert dead any more" in said(page)


def test_an_operator_takes_an_alert_on(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """The API does it under the caller's name, and the page shows who is on it."""
    page = open_page("alerts", alert=FIRING)
    page.text_input(key="alerts.acknowledge.comment").input("on it")
    next(button for button in page.button if button.label == "Acknowledge …").click().run()
    assert "done under the name **anonymous**" in said(page)
    page.button(key=f"alerts.acknowledge.{FIRING}.no").click().run()
    next(button for button in page.button if button.label == "Acknowledge …").click().run()
    assert alerting.alerting.done == []
    page.button(key=f"alerts.acknowledge.{FIRING}.yes").click().run()
    assert not page.exception
    assert alerting.alerting.done == [
        ("POST", f"/api/v1/alerts/{FIRING}/acknowledge", {"comment": "on it"}, None),
    ]
    assert "anonymous has taken on TooManyErrors" in said(page)
    assert "anonymous is on it" in said(page)


def test_a_silence_is_prefilled_confirmed_listed_and_ended(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Nothing is silenced before it is confirmed; the quotes of a value survive."""
    page = open_page("alerts", alert=FIRING)
    form = f"alerts.silence.alert.{FIRING}"
    matchers = ['alertname="TooManyErrors"', 'severity="page"', r'route="/v1/\"x\""']
    assert page.text_area(key=f"{form}.matchers").value == "\n".join(matchers)
    page.text_input(key=f"{form}.comment").input("deploying")
    next(button for button in page.button if button.label == "Silence …").click().run()
    assert alerting.alerting.done == []
    page.button(key=f"{form}.no").click().run()
    assert alerting.alerting.done == []
    next(button for button in page.button if button.label == "Silence …").click().run()
    page.button(key=f"{form}.yes").click().run()
    assert not page.exception
    ((method, path, body, _),) = alerting.alerting.done
    assert (method, path) == ("POST", "/api/v1/silences")
    assert body == {"matchers": matchers, "duration": "2h", "comment": "deploying"}
    assert "it holds back 1 alert now" in said(page)
    page.button_group(key="alerts.section").set_value("silences").run()
    assert "deploying" in said(page)
    page.button(key="alerts.expire.1").click().run()
    assert len(alerting.alerting.done) == 1
    page.button(key="alerts.expire.1.yes").click().run()
    assert not page.exception
    assert alerting.alerting.done[-1][:2] == ("DELETE", "/api/v1/silences/1")
    assert "has ended" in said(page)


def test_what_the_api_refuses_is_said(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """The reason and the field stand on the page, and the question stays open."""
    alerting.alerting.refuses = 422
    page = open_page("alerts", section="silences")
    page.text_area(key="alerts.silence.new.matchers").input("nonsense")
    next(button for button in page.button if button.label == "Silence …").click().run()
    page.button(key="alerts.silence.new.yes").click().run()
    assert not page.exception
    assert "Not today." in said(page)
    assert "comment: not acceptable today" in said(page)


def test_rules_show_their_health_and_a_backtest_its_picture(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """A rule and a range lead to the spans and transitions that would have been, with what labels said."""
    page = open_page("alerts", section="rules", rule="TooManyErrors")
    assert not page.exception
    assert list(page.dataframe[0].value["Health"]) == ["ok", "error: no such metric"]
    assert alerting.alerting.done == []
    page.button(key="alerts.backtest.run").click().run()
    assert not page.exception
    assert alerting.alerting.done == [
        ("POST", "/api/v1/rules/TooManyErrors/backtest", {"from": "now-24h", "to": "now"}, None)
    ]
    assert "It would have fired **once**" in said(page)
    assert "accuracy was below 0.6" in said(page)
    assert [metric.value for metric in page.metric] == ["100 %", "50 %", "10 min"]
    assert list(page.dataframe[1].value["What"]) == ["pending", "fired", "resolved"]
    assert list(page.dataframe[1].value["Labels said"]) == ["–", "right", "–"]
    page.selectbox(key="alerts.range").select("now-7d").run()
    assert len(page.dataframe) == 1


def test_dead_letters_are_listed_and_sent_again(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Messages by channel and state; what was given up has a button, and its reason."""
    page = open_page("alerts", section="notifications", channel="ops-mail")
    assert not page.exception
    assert list(page.dataframe[0].value["Delivery"]) == ["waiting", "given up"]
    assert "535 authentication failed" in said(page)
    ways = [parse_qs(link.proto.query_string) for link in page.main.page_link]
    # Of what was given up, and of the message that is chosen below.
    assert [(way["section"], way["alert"]) for way in ways] == [(["alerts"], [FIRING])] * 2
    page.button(key="alerts.resend.7").click().run()
    assert alerting.alerting.done == []
    page.button(key="alerts.resend.7.yes").click().run()
    assert alerting.alerting.done == [("POST", "/api/v1/notifications/7/resend", None, None)]
    assert "waits to be sent again" in said(page)
    assert list(page.dataframe[0].value["Delivery"]) == ["waiting", "waiting"]
    page.selectbox(key="alerts.delivery").select("delivered").run()
    assert url_of(page)["delivery"] == ["delivered"]
    assert "There is no such message" in said(page)


def test_a_channel_is_tested_and_its_verdict_said(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Delivered or not, with what to do; a channel that fails says since when and why."""
    page = open_page("alerts", section="channels")
    assert not page.exception
    assert re.search(r"Failing for \d+ min: 535 authentication failed", said(page))
    page.button(key="alerts.test.ops-mail").click().run()
    assert "A real test message goes to smtp://localhost" in said(page)
    assert alerting.alerting.done == []
    page.button(key="alerts.test.ops-mail.yes").click().run()
    assert not page.exception
    assert "was not delivered: 535 authentication failed" in said(page)
    assert "check the password" in said(page)
    page.button(key="alerts.test.demo").click().run()
    page.button(key="alerts.test.demo.yes").click().run()
    assert "A test message was delivered: 250 kept" in said(page)


def test_mails_are_shown_as_text_and_as_a_page(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """The newest as its receiver would see it, with its subject and time; its text at a click."""
    page = open_page("alerts", section="mails")
    assert not page.exception
    assert "[FIRING] error ratio 6.1 %" in re.sub(r"\\(.)", r"\1", page.expander[0].label)
    page.toggle(key="alerts.mail.m1").set_value(False).run()
    assert page.code[0].value.startswith("Firing: error ratio 6.1 %\n")


def test_a_mails_links_are_followed_beside_its_frame(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Those to the dashboard's pages lead there with their state, also while its text is shown; others are text."""
    page = open_page("alerts", section="mails")
    for _ in range(2):
        dashboard, silence = page.main.page_link
        assert (dashboard.proto.label, dashboard.proto.page) == ("Open the dashboard", "traces")
        query = parse_qs(dashboard.proto.query_string)
        assert (query["section"], query["service"]) == (["exceptions"], ["ml-api"])
        assert {"from", "to"} <= set(query)
        # The page that a test opens is its first, whose address is bare.
        assert (silence.proto.label, silence.proto.page) == ("Silence", "")
        assert parse_qs(silence.proto.query_string) == {"alert": [FIRING]}
        assert "Runbook: https://runbooks.test/errors" in said(page)
        page.toggle(key="alerts.mail.m1").set_value(False).run()
    assert not page.exception


@pytest.mark.parametrize("section", ["silences", "rules", "notifications", "channels", "mails"])
def test_nothing_there_is_said(open_page: Open, api: FakeMonitoringApi, section: str) -> None:
    """Each section explains itself when it is empty."""
    api.mode = "empty"
    page = open_page("alerts", section=section)
    assert not page.exception
    assert page.info


@pytest.mark.parametrize("scopes", [{"read"}, {"read", "operate"}])
def test_who_may_only_look_gets_no_buttons(
    open_page: Open, alerting: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch, scopes: set[str]
) -> None:
    """A viewer sees everything and can do nothing, which the page says; an operator has the buttons."""
    alerting.tokens = {"token": scopes}
    alerting.alerting.silences = []
    monkeypatch.setenv("SIGHTGLASS_DASHBOARD_API_TOKEN", "token")
    may = "operate" in scopes
    for query, labels in (
        ({"alert": FIRING}, {"Acknowledge …", "Silence …"}),
        ({"section": "notifications"}, {"Send again …"}),
        ({"section": "channels"}, {"Test …"}),
    ):
        page = open_page("alerts", **query)
        assert not page.exception
        assert labels & {button.label for button in page.button} == (labels if may else set()), query
        assert ("Only operators" in said(page)) is not may
    assert {token for token, _, _ in alerting.heard} == {"Bearer token"}


@pytest.mark.parametrize("section", ["alerts", "silences", "rules", "notifications", "channels", "mails"])
def test_hostile_texts_are_shown_as_text(open_page: Open, api: FakeMonitoringApi, section: str) -> None:
    """Markup, links, emoji codes and formulas from labels, files, receivers and mails stay letters."""
    api.mode = "hostile"
    api.alerting.silences = []
    page = open_page("alerts", section=section, **({"alert": FIRING} if section == "alerts" else {}))
    assert not page.exception
    for kind in ("markdown", "caption", "warning", "error", "info", "success", "subheader"):
        for item in getattr(page, kind):
            assert not re.search(r"(?<!\\)<script|(?<!\\)\[x(?<!\\)\]\(", item.value), (kind, item.value[:200])
    for item in page.expander:
        assert not re.search(r"(?<!\\)<script|(?<!\\)\[x(?<!\\)\]\(", item.label)
    assert not page.link_button


def test_links_and_matchers_of_whatever_an_alert_holds() -> None:
    """Only web pages become links; quotes are escaped, line breaks left out."""
    assert safe_link("https://example.org/a?b=c")
    assert not any(safe_link(url) for url in ("javascript:alert(1)", "data:text/html,x", "", "//x", "http://[", "x\ny"))
    assert matchers_of({"a": 'x"\\', "b": "one\ntwo"}) == [r'a="x\"\\"']


def test_a_mails_page_is_framed_so_that_it_cant_act() -> None:
    """Its text can't end the frame, which allows nothing."""
    frame = frame_of(EVIL)
    assert frame.count("<iframe") == frame.count("</iframe>") == 1
    assert "<iframe sandbox title" in frame
    assert html.escape(EVIL) in frame
    assert "<script" not in frame
    assert HOSTILE not in frame_of(HOSTILE)


def test_empty_sections_say_what_brings_something_here(open_page: Open, api: FakeMonitoringApi) -> None:
    """How a rule is made, how a message is sent; and of a narrowed list, how to widen it."""
    api.mode = "empty"
    listed = said(open_page("alerts"))
    assert "sightglass rules check FILE" in listed
    assert "SIGHTGLASS_WORKER_RULES_FILE" in listed
    assert "sightglass channels test NAME" in said(open_page("alerts", section="notifications"))
    assert "Choose every channel" in said(open_page("alerts", section="notifications", delivery="abandoned"))


def test_the_list_shows_what_alerts_did(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """A row for each over the chosen range, told in words too; the range is part of the link."""
    page = open_page("alerts", **{"from": "now-7d"})
    assert not page.exception
    (chart,) = page.get("vega_lite_chart")
    spec = json.loads(chart.proto.spec)
    (domain,) = {tuple(layer["encoding"]["y"]["scale"]["domain"]) for layer in spec["layer"]}
    assert domain == ("SlowAnswers", "TooManyErrors · route=/v1/predict")
    assert "TooManyErrors · route=/v1/predict: firing 2 times and pending 2 times, last firing from" in chart.proto.alt
    assert "(UTC) until now: it lasts" in chart.proto.alt
    assert ("/api/v1/alerts/timeline", {"from": ["now-7d"], "to": ["now"]}) in alerting.asked
    page.selectbox(key="alerts.range").select("now-1h").run()
    assert url_of(page)["from"] == ["now-1h"]


def test_without_stretches_the_timeline_says_what_it_would_show(open_page: Open, api: FakeMonitoringApi) -> None:
    """And how to see earlier ones."""
    api.mode = "empty"
    assert "No alert was pending or firing in this range" in said(open_page("alerts"))


def test_an_alert_draws_the_figure_that_its_rule_judges(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Its metric with the rule's filters and the alert's group, a point a window; threshold and stretches with it."""
    page = open_page("alerts", alert=FIRING)
    assert not page.exception
    figure, states = page.get("vega_lite_chart")
    kinds = [layer["mark"]["type"] for layer in json.loads(figure.proto.spec)["layer"]]
    assert {"rect", "rule", "line"} <= set(kinds)
    assert "the threshold 5 % as a dashed line" in figure.proto.alt
    assert "1 stretch in which the alert fired" in figure.proto.alt
    (asked,) = [query for path, query in alerting.asked if path == "/api/v1/metrics/history"]
    assert (asked["metric"], asked["step"]) == (["error_ratio"], ["300s"])
    assert asked["filter"] == ['route=/v1/"x"', "service=ml-api"]
    assert "Windows with fewer than 20 events are not judged" in said(page)
    closer = next(link for link in page.main.page_link if link.proto.label == "Look closer in History")
    assert parse_qs(closer.proto.query_string)["filter"] == asked["filter"]
    assert "firing" in states.proto.alt


def test_what_no_line_shows_is_named_with_the_ways_to_see_it(open_page: Open, alerting: FakeMonitoringApi) -> None:
    """Nothing wrong is drawn: the text says what is judged, and links to History and to the backtest."""
    alerting.alerting.definition = {"metric": "error_ratio", "change": {"to": "week", "as": "ratio"}}
    page = open_page("alerts", alert=FIRING)
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 1
    assert "It judges how error_ratio over 5m changed against that of the same window a week before" in said(page)
    links = {link.proto.label: parse_qs(link.proto.query_string) for link in page.main.page_link}
    assert links["Error ratio in History"]["compare"] == ["week"]
    assert links["Its backtest draws it"]["rule"] == ["TooManyErrors"]
