"""One round: asked, judged and recorded, with traces of what fires."""

import asyncio
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from dashboard.states.history import HistoryState
from services.monitoring_api.alerting.links import dashboard_link
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import AlertState, AlertStatus
from services.monitoring_api.alerting.rules import Rule, RuleGroup
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.rounds import Round
from services.monitoring_api.worker.store import Store

BAD = {"condition": "> 0.5"}
TIMES = "1 = 1 OR {from:DateTime64(9)} < {to:DateTime64(9)}"
FILTERS = ["model_version=v1", "route=/v1/a b", "service=ml-api"]
GROUP = RuleGroup.model_validate(
    {
        "name": "g",
        "rules": [
            {
                "alert": "A",
                "metric": "error_ratio",
                "group_by": ["route"],
                "filter": {"service": "ml-api"},
                "condition": "> 0.5",
                "for": "15s",
                "runbook": "https://example.org/errors",
                "annotations": {"summary": "{{ trace_ids | join(' ') }} {{ runbook }} {{ dashboard }}"},
            }
        ],
    }
)


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    store = Store(f"sqlite:///{tmp_path / 'alerts.sqlite'}")
    store.create()
    yield store
    store.close()


def test_traces_are_asked_for_once_when_an_alert_fires(store):
    """Neither before nor after; they stay with the alert, and its texts may name them."""
    values, asked = {"/a": 0.9, "/b": 0.1}, []

    async def measure(questions, _slot):
        return {key: [Reading({"route": route}, value, 100) for route, value in values.items()] for key in questions}

    async def exemplars(firing, slot):
        asked.append(([alert.labels["route"] for _, alert in firing], slot))
        return {alert.fingerprint: ("t1", "t2") for _, alert in firing}

    round_ = Round(store, measure, 5.0, exemplars, clock=lambda: 0.0)
    recorder = Recorder(NotificationFile(), "http://dashboard/")

    async def looks():
        for slot in (1000.0, 1015.0, 1030.0):
            await round_.run(GROUP, 15.0, recorder, [slot])
        return {alert.labels["route"]: alert for alert in await store(read_alerts)}

    alerts = asyncio.run(looks())
    assert asked == [(["/a"], 1015.0)]
    assert (alerts["/a"].trace_ids, alerts["/b"].trace_ids) == (("t1", "t2"), ())
    # From the window before it began to breach to as long after, in absolute times.
    url = (
        "http://dashboard/history?metric=error_ratio&from=1970-01-01T00%3A00%3A00Z&to=1970-01-01T00%3A31%3A40Z"
        "&filter=route%3D%2Fa&filter=service%3Dml-api"
    )
    assert alerts["/a"].url == url
    assert alerts["/a"].annotations["summary"] == f"t1 t2 https://example.org/errors {url}"
    assert (alerts["/a"].metric, alerts["/a"].condition, alerts["/a"].runbook) == (
        "error_ratio",
        "> 0.5",
        "https://example.org/errors",
    )


def test_the_dashboard_reads_its_link():
    """What the link says is what the history page shows: figure, filters with their lists, and range."""
    rule = Rule.model_validate(
        {"alert": "A", "metric": "accuracy", "filter": {"model": ["a,b", "c"]}, "window": "6h", "offset": "1d", **BAD}
    )
    state = AlertState(AlertStatus.FIRING, active_since=1_772_445_600.0)
    link = dashboard_link("http://dashboard", rule, {"model_version": "=3&x"}, state, 1_772_449_200.0)
    query = parse_qs(urlsplit(link).query)
    shown, complaints = HistoryState.read(query, datetime.now(UTC))
    assert complaints == []
    assert (shown.metric, shown.filters) == ("accuracy", ("model=in(a\\,b,c)", "model_version==3&x"))
    assert parse_filters(list(shown.filters))[0].values == ("a,b", "c")
    start, end = (moment.timestamp() for moment in shown.period.bounds(datetime.now(UTC)))
    assert start < 1_772_445_600.0 - 86_400 - 6 * 3_600 < 1_772_445_600.0 - 86_400 < end
    assert dashboard_link("", rule, {}, state, 0.0) == ""


@pytest.mark.parametrize(
    ("view", "leads"),
    [
        (
            "traces?section=slow&service=other",
            {"section": ["slow"], "service": ["other"], "route": ["/v1/a b"], "version": ["v1"]},
        ),
        ("models", {"service": ["ml-api"], "route": ["/v1/a b"], "version": ["v1"]}),
        ("history?metric=request_rate", {"metric": ["request_rate"], "filter": FILTERS}),
    ],
)
def test_a_rule_says_which_page_its_link_opens(view, leads):
    """The page has what the rule says, what the alert's labels narrow it to, and the time of the event."""
    rule = Rule.model_validate({"alert": "A", "sql": f"SELECT 1 AS value WHERE {TIMES}", "view": view, **BAD})
    labels = {"service": "ml-api", "route": "/v1/a b", "model_version": "v1", "alertname": "A"}
    state = AlertState(AlertStatus.FIRING, active_since=1_772_445_600.0)
    parts = urlsplit(dashboard_link("http://dashboard/", rule, labels, state, 1_772_449_200.0))
    query = parse_qs(parts.query)
    assert parts.path == f"/{view.partition('?')[0]}"
    assert query.pop("from") < ["2026-03-02T10:00:00Z"] < query.pop("to")
    assert query == leads


@pytest.mark.parametrize("view", ["http://elsewhere/", "//elsewhere", "traces#x", "../x", "a b", ""])
def test_a_link_leads_nowhere_else(view):
    """A view is a page of the dashboard."""
    with pytest.raises(ValidationError):
        Rule.model_validate({"alert": "A", "metric": "accuracy", "view": view, **BAD})
