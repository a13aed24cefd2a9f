"""One alert: what it is about, what it did, and what an operator can do about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from dashboard.alert_answers import AlertHistory
from dashboard.alert_questions import MOST_EVENTS, acknowledge, alert_history, notifications, rules
from dashboard.alert_spans import LOOKS, STATE, spans_of
from dashboard.alert_ways import page_of, ways_of
from dashboard.answers import Alert, Catalogue
from dashboard.api_client import Question
from dashboard.api_errors import ApiError
from dashboard.charts.bands import Band, state_bars
from dashboard.charts.units import figure, unit_of
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.session import client, leave_when_denied
from dashboard.states.alerts import AlertsState
from dashboard.time_range import age, epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.views.alert_figure import draw_figure
from dashboard.views.alert_list import marks, state_badge, summary_of, value_of
from dashboard.views.alert_silences import silence_form
from dashboard.views.alert_told import draw_told
from dashboard.views.lines import draw
from dashboard.views.notices import failure_notice
from dashboard.views.operating import confirm, do, hint_for_viewers, may_operate, say, settle, want, wanted
from dashboard.views.waiting import waiting

_LANES: Final = {STATE: "state", LOOKS: "evaluation"}
_TRACES_SHOWN: Final = 5
_HEIGHT: Final = 640


def draw_detail(alert: Alert, state: AlertsState, catalogue: Catalogue, now: datetime) -> None:
    """Draw one alert."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(alert)
            st.subheader(plain(alert.rule, 100), anchor=False, width="content")
        st.markdown(plain(summary_of(alert), 600))
        if noted := marks(alert):
            st.markdown(noted)
        if alert.acknowledgement:
            st.caption(f"They said: {plain(alert.acknowledgement, 600)}")
        _facts(alert, state, catalogue, now)
        _links(alert, now)
        left, right = st.columns(2)
        with left:
            _texts("Label", alert.labels)
        with right:
            _texts("Annotation", alert.annotations)
    questions: list[Question[Any]] = [
        alert_history(alert.fingerprint),
        rules(),
        notifications(fingerprint=alert.fingerprint),
    ]
    with waiting("alerts", "detail", height=_HEIGHT):
        past, known, told = client().ask_all(questions)
    for answer in (past, known, told):
        leave_when_denied(answer if isinstance(answer, ApiError) else None)
    draw_figure(alert, known, () if isinstance(past, ApiError) else past.events, state, now)
    _timeline(past, alert, state, catalogue, now)
    draw_told(told, state, now)
    _act(alert)


def safe_link(url: str) -> bool:
    """Whether an address may become a link: a web page, and nothing that runs."""
    try:
        return urlsplit(url).scheme in {"http", "https"} and one_line(url, 2_000) == url
    except ValueError:
        return False


def _facts(alert: Alert, state: AlertsState, catalogue: Catalogue, now: datetime) -> None:
    zone = zone_of(state.zone)
    since = alert.since
    facts = {
        "Value": value_of(alert, catalogue),
        "Bad when": f"{alert.metric} {alert.condition}".strip() or "–",
        "Since": f"{since.astimezone(zone):%d %b %H:%M:%S} ({age(since, now)})" if since else "–",
        "Last looked at": f"{age(alert.last_evaluated_at, now)} ago" if alert.last_evaluated_at else "–",
    }
    for place, (name, value) in zip(st.columns(len(facts)), facts.items(), strict=True):
        place.markdown(f":gray[{name}]  \n**{plain(value, 120)}**")


def _links(alert: Alert, now: datetime) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        watched = page_of(alert.url)
        if watched is not None and has_page(watched[0]):
            page_link(*_as_link(watched), icon=":material/show_chart:", icon_position="left")
        for way in ways_of(alert, now):
            if has_page(way.page):
                page_link(way.page, way.label, way.query, icon=way.icon, icon_position="left")
        if safe_link(alert.runbook):
            st.link_button("Runbook", alert.runbook, icon=":material/menu_book:")
        elif alert.runbook:
            st.markdown(f"Runbook: {plain(alert.runbook, 300)}", width="content")
    if alert.trace_ids:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Traces of it:", width="content")
            for trace in alert.trace_ids[:_TRACES_SHOWN]:
                query = {"trace": [trace]}
                page_link("traces", plain(trace, 32), query, icon=":material/account_tree:", icon_position="left")


def _as_link(watched: tuple[str, Mapping[str, Sequence[str]]]) -> tuple[str, str, Mapping[str, Sequence[str]]]:
    page, query = watched
    return page, "What it watches, then" if page == "history" else "What it is about", query


def _texts(kind: str, texts: Mapping[str, str]) -> None:
    if texts:
        rows = [(plain(name, 80), plain(text, 600)) for name, text in texts.items()]
        table = pd.DataFrame(rows, columns=[kind, "Text"])
        st.table(table, border="horizontal", hide_index=True, alt=f"Every {kind.lower()} of the alert")


def _timeline(
    answer: AlertHistory | ApiError, alert: Alert, state: AlertsState, catalogue: Catalogue, now: datetime
) -> None:
    with st.container(border=True):
        st.markdown("**What it did**")
        if isinstance(answer, ApiError):
            failure_notice(answer)
            return
        start, end = state.period.bounds(now)
        offset = utc_offset_seconds(state.zone, end)
        bands = [
            Band(
                span.state,
                epoch_milliseconds(span.start, offset),
                epoch_milliseconds(span.end, offset),
                _LANES[span.lane],
            )
            for span in spans_of(answer.events, start, end, now)
        ]
        chart = state_bars(
            bands,
            lanes=list(_LANES.values()),
            start=epoch_milliseconds(start, offset),
            end=epoch_milliseconds(end, offset),
            time_title=f"Time ({zone_name(zone_of(state.zone), end)})",
        )
        draw(chart, key="alerts.timeline", alternative=f"When the alert was pending or firing: {len(bands)} stretches.")
        _events(answer, alert, state, catalogue)


def _events(answer: AlertHistory, alert: Alert, state: AlertsState, catalogue: Catalogue) -> None:
    if not answer.events:
        st.caption("Nothing has ever happened to it.")
        return
    zone = zone_of(state.zone)
    metric = catalogue.named(alert.metric)
    unit = unit_of(metric.name, metric.unit, metric.kind) if metric else ""
    rows = [
        (
            f"{event.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            one_line(event.kind, 20),
            figure(event.value, unit),
            one_line(event.error or event.cause.replace("_", " "), 200),
        )
        for event in answer.events
    ]
    table = pd.DataFrame(rows, columns=["Time", "What", "Value", "Why"])
    st.dataframe(table, hide_index=True, key="alerts.events", alt="What happened to the alert, the newest first")
    newest = f" Shown are the newest {MOST_EVENTS} events." if answer.next_cursor is not None else ""
    st.caption(f"Times are {zone_name(zone, answer.events[0].at)}.{newest}")


def _act(alert: Alert) -> None:
    with st.container(border=True):
        st.markdown("**What to do**")
        if not may_operate():
            hint_for_viewers()
            return
        left, right = st.columns(2)
        with left:
            if alert.state == "firing":
                _acknowledge_form(alert)
            else:
                st.caption("It does not fire, so there is nothing to take on.")
        with right:
            silence_form(matchers_of(alert.labels), key=f"alert.{alert.fingerprint}")


def matchers_of(labels: Mapping[str, str]) -> list[str]:
    """Matchers that mean just the alerts with these labels; a value stands in quotes, as the API reads it."""

    def quoted(text: str) -> str:
        return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))

    # A line break would end the matcher in a field of lines: such a label is left out.
    return [f"{name}={quoted(value)}" for name, value in labels.items() if "\n" not in value and "\r" not in value]


def _acknowledge_form(alert: Alert) -> None:
    key = f"alerts.acknowledge.{alert.fingerprint}"
    with st.form(key):
        st.markdown("Take it on: nobody is reminded of it until it ends.")
        comment = st.text_input("Comment", key="alerts.acknowledge.comment", max_chars=2_000)
        label = "Take it over …" if alert.acknowledged_by else "Acknowledge …"
        if st.form_submit_button(label, icon=":material/person_check:"):
            want(key, comment)
    if wanted(key) is None:
        return
    said = f", with the comment: {plain(wanted(key), 600)}" if wanted(key) else ""
    after = f" in place of {plain(alert.acknowledged_by, 80)}" if alert.acknowledged_by else ""
    what = f"{plain(alert.rule, 80)} is yours{after}{said}. Nobody is reminded of it until it ends."
    if confirm(key, what, "Yes, take it on"):
        given = do(acknowledge(alert.fingerprint, wanted(key)))
        if given is not None:
            settle(key)
            say(f"{plain(given.author, 80)} has taken on {plain(alert.rule, 80)}.")
            st.rerun()
