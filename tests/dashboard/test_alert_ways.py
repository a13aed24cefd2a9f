"""Where an alert leads."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dashboard.alert_ways import page_of, ways_of
from dashboard.answers import Alert
from dashboard.states.traces import TracesState

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=20)


def alert(metric: str, condition: str = "> 1", *, filters: tuple[str, ...] = (), **other: Any) -> Alert:
    """An alert whose link shows half an hour on both sides of a window of five minutes."""
    window = [("from", "2026-11-26T11:05:00Z"), ("to", "2026-11-26T12:10:00Z")]
    query = urlencode([("metric", metric), *window, *(("filter", text) for text in filters)])
    known = {"rule": "r", "state": "firing", "metric": metric, "condition": condition, "active_since": BEGAN}
    return Alert.model_validate({**known, "url": f"http://dash:8501/history?{query}", **other})


def state(query: Any) -> TracesState:
    """What the traces page makes of a link."""
    read, complaints = TracesState.read(query, NOW)
    assert not complaints
    return read


def test_slow_requests_lead_to_why_they_are_slow() -> None:
    """With the rule's filters, the alert's labels, its threshold, and from its window on: what was before is left out.

    The link's range ends thirty minutes after the alert began, and begins as long before its window of five minutes.
    """
    slow, found = ways_of(
        alert(
            "latency_p95", "> 0.25", filters=("service=ml-api",), labels={"route": "/v1/predict", "severity": "page"}
        ),
        NOW,
    )
    why = state(slow.query)
    assert (slow.page, why.section, why.service, why.route) == ("traces", "slow", "ml-api", "/v1/predict")
    assert (why.min_duration_ms, why.attributes) == (250, ())
    assert (why.period.start, why.period.end) == ("2026-11-26T11:35:00Z", "2026-11-26T12:10:00Z")
    search = state(found.query)
    assert (search.section, search.sort, search.min_duration_ms) == ("search", "duration", 250)


def test_failed_requests_lead_to_their_traces_and_exceptions() -> None:
    """Of several services or of a model, by attributes; until the alert was resolved."""
    failed, exceptions = ways_of(
        alert(
            "error_ratio",
            filters=("service=in(a,b)", "model=flight-delay", "unknown=x"),
            resolved_at=NOW - timedelta(minutes=5),
            state="resolved",
        ),
        NOW,
    )
    found = state(failed.query)
    assert (found.section, found.status, found.kind, found.service) == ("search", "error", "server", "")
    assert found.attributes == ("resource.service.name=in(a,b)", "ml.model.name=flight-delay")
    assert found.period.end == "2026-11-26T11:55:00Z"
    assert state(exceptions.query).section == "exceptions"


def test_wrong_predictions_lead_to_why_they_are_wrong() -> None:
    """Of the model and the version that the alert is about."""
    (wrong,) = ways_of(alert("roc_auc", "< 0.58", labels={"model": "flight-delay", "model_version": "b7"}), NOW)
    assert (wrong.page, wrong.query["section"], wrong.query["version"]) == ("models", ["wrong"], ["b7"])


def test_a_statement_about_a_model_leads_to_why_it_is_wrong() -> None:
    """It has no metric, but says of which model it is; a link that leads there already is not repeated."""
    at = "from=2026-11-26T11:35:00Z&to=2026-11-26T12:10:00Z"
    versions = f"http://dash:8501/models?section=versions&model=m&{at}"
    (wrong,) = ways_of(alert("", labels={"model": "m"}, url=versions), NOW)
    assert (wrong.page, wrong.query["section"], wrong.query["model"]) == ("models", ["wrong"], ["m"])
    assert wrong.query["from"] == ["2026-11-26T11:35:00Z"]
    assert ways_of(alert("", labels={"model": "m"}, url=versions.replace("versions", "wrong")), NOW) == []


def test_what_is_no_business_of_requests_or_models_leads_nowhere() -> None:
    """Late telemetry has no traces to blame, nor has a statement about a service."""
    assert ways_of(alert("ingest_lag_p95"), NOW) == []
    assert ways_of(alert("", labels={"service": "s"}), NOW) == []
    assert ways_of(alert("positive_ratio"), NOW) == []


def test_an_alert_without_a_readable_link_leads_on_all_the_same() -> None:
    """Its range is then from its beginning on; a change that is no threshold asks for the slowest of each route."""
    slow, _ = ways_of(alert("latency_p99", "ratio change to last week > 2", url="http://["), NOW)
    why = state(slow.query)
    assert (why.period.start, why.period.end, why.min_duration_ms) == (
        "2026-11-26T11:40:00Z",
        "2026-11-26T12:00:00Z",
        None,
    )


def test_a_link_is_a_page_and_its_state() -> None:
    """A link without a state is none."""
    assert page_of("http://d:1/x/history?metric=a&filter=b%3Dc&filter=d") == (
        "history",
        {"metric": ["a"], "filter": ["b=c", "d"]},
    )
    assert [page_of(url) for url in ("http://d:1", "http://d:1/history", "", "http://[")] == [None] * 4
