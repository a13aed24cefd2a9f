"""Where an alert leads: to its traces, to why requests were slow or failed, or to the model that was wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from dashboard.answers import Alert
from dashboard.filter_text import attribute_filter
from dashboard.states.traces import TracesState
from dashboard.time_range import TimeRange, instant, rfc3339

_SLOW: Final = re.compile(r"latency_p\d+")
_ABOVE: Final = re.compile(r">=? (\d+(?:\.\d+)?)")
_LIST: Final = re.compile(r"in\(.*\)", re.DOTALL)
# Conditions of a rule on requests that a search for spans asks for by an attribute.
_ATTRIBUTES: Final = {
    "service": "resource.service.name",
    "route": "http.route",
    "model": "ml.model.name",
    "model_version": "ml.model.version",
    "status_code": "http.response.status_code",
}
# An alert without a metric is a statement's: what it calls a model is one.
_NOT_OF_MODELS: Final = frozenset(
    {"request_rate", "concurrency_mean", "prediction_rate", "ingest_lag_p95", "completeness"}
)


@dataclass(frozen=True)
class Way:
    """A link to a page in a state of it.

    Attributes:
        page: its name.
        label: what the link says.
        query: the state.
        icon: a Material symbol.
    """

    page: str
    label: str
    query: Mapping[str, Sequence[str]]
    icon: str


def page_of(url: str) -> tuple[str, Mapping[str, Sequence[str]]] | None:
    """The dashboard's page that a link of an alert leads to, with its state; None for a link without one."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    name = split.path.rstrip("/").rpartition("/")[2]
    return (name, parse_qs(split.query)) if name and split.query else None


def ways_of(alert: Alert, now: datetime) -> list[Way]:
    """The ways from an alert to its cause.

    Args:
        alert: the alert.
        now: the present, for what has no other end.
    """
    period = _when(alert, now)
    filters = _filters(alert)
    if _SLOW.fullmatch(alert.metric):
        above = _ABOVE.fullmatch(alert.condition)
        least = float(above[1]) * 1000 if above else None
        slow = _requests(filters, period, section="slow", min_duration_ms=least)
        found = _requests(filters, period, section="search", min_duration_ms=least, kind="server", sort="duration")
        return [
            Way("traces", "Why slow?", slow.query(), ":material/troubleshoot:"),
            Way("traces", "The slow traces", found.query(), ":material/search:"),
        ]
    if alert.metric == "error_ratio":
        failed = _requests(filters, period, section="search", kind="server", status="error")
        exceptions = TracesState(section="exceptions", service=filters.get("service", ""), period=period)
        return [
            Way("traces", "The failed traces", failed.query(), ":material/search:"),
            Way("traces", "The exceptions", exceptions.query(), ":material/bug_report:"),
        ]
    if "model" in filters and alert.metric not in _NOT_OF_MODELS and not _shows_why_wrong(alert):
        query = {"section": ["wrong"], "model": [filters["model"]], "from": [period.start], "to": [period.end]}
        if "model_version" in filters:
            query["version"] = [filters["model_version"]]
        return [Way("models", "Why wrong?", query, ":material/troubleshoot:")]
    return []


def _shows_why_wrong(alert: Alert) -> bool:
    """Whether the alert's own link leads there already."""
    name, query = page_of(alert.url) or ("", {})
    return name == "models" and query.get("section") == ["wrong"]


def _when(alert: Alert, now: datetime) -> TimeRange:
    """From the beginning of the window that first was bad, to the end of what the alert's link shows.

    A link to a history shows as much before that window as after the event; here it would be taken for a part of it.
    """
    began = alert.active_since or alert.fired_at
    linked = page_of(alert.url)
    query = linked[1] if linked else {}
    try:
        start, end = instant(query["from"][-1], now), instant(query["to"][-1], now)
    except (KeyError, ValueError):
        return TimeRange(rfc3339(began), rfc3339(max(began, now))) if began and began < now else TimeRange("now-1h")
    if began is not None and linked is not None and linked[0] == "history" and start < began < end:
        start = max(start, min(start + (end - began), began))
    if alert.resolved_at is not None and start < alert.resolved_at < end:
        end = alert.resolved_at
    return TimeRange(rfc3339(start), rfc3339(end))


def _filters(alert: Alert) -> dict[str, str]:
    """What the rule's figure is of: the conditions in its link, and the alert's own labels, which are narrower."""
    linked = page_of(alert.url)
    texts = linked[1].get("filter", ()) if linked else ()
    pairs = (text.partition("=") for text in texts)
    keys = {*_ATTRIBUTES, "status_class"}
    found = {key: value for key, sign, value in pairs if sign and key in keys}
    return {**found, **{key: value for key, value in alert.labels.items() if key in keys and value}}


def _requests(filters: Mapping[str, str], period: TimeRange, **other: object) -> TracesState:
    """The state of the traces page that is about the requests with these filters."""
    named = {key: value for key, value in filters.items() if key in {"service", "route"} and not _LIST.fullmatch(value)}
    if "status_class" in filters and not other.get("status"):
        named["status"] = filters["status_class"]
    attributes = tuple(
        # A list of values stays one.
        f"{name}={filters[key]}" if _LIST.fullmatch(filters[key]) else attribute_filter(name, filters[key])
        for key, name in _ATTRIBUTES.items()
        if key in filters and key not in named
    )
    return TracesState(**{"attributes": attributes, "period": period, **named, **other})  # type: ignore[arg-type]
