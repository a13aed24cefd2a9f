"""What an alert's rule judges, drawn around the time that it fired; or in words, where no line would show it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.alert_answers import Event, Rules
from dashboard.alert_figures import Judged, NotOneLine, judged_by, length
from dashboard.alert_spans import STATE, spans_of
from dashboard.answers import Alert, History
from dashboard.api_errors import ApiError
from dashboard.charts.bands import Band, Overlay
from dashboard.charts.units import figure, unit_of
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.session import client, leave_when_denied
from dashboard.states.alerts import AlertsState
from dashboard.states.history import HistoryState
from dashboard.time_range import TimeRange, epoch_milliseconds, rfc3339, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import Line, chart_of, draw
from dashboard.views.notices import small_failure
from dashboard.views.selection import metric_title

_HEIGHT: Final = 240


def draw_figure(
    alert: Alert, rules: Rules | ApiError, events: Sequence[Event], state: AlertsState, now: datetime
) -> None:
    """Draw it.

    Args:
        alert: the alert.
        rules: those in force, or why they are not known.
        events: what happened to the alert.
        state: of the page.
        now: the time.
    """
    with st.container(border=True):
        st.markdown("**What its rule judges**")
        if isinstance(rules, ApiError):
            small_failure(rules, "its rules")
            return
        judged = judged_by(alert, rules.rules)
        if isinstance(judged, NotOneLine):
            _say(judged, alert, state, now)
            return
        period = judged.period(alert, now)
        (answer,) = client().ask_all([judged.question(period, state.zone, now)])
        if isinstance(answer, ApiError):
            leave_when_denied(answer)
            small_failure(answer, "the history of this metric")
        elif answer.empty:
            st.caption(f"There is no data of {plain(judged.metric, 80)} in this range: nothing to draw.")
        else:
            _chart(judged, answer, events, state, now)
        shown = HistoryState(metric=judged.metric, period=period, filters=judged.filters, zone=state.zone)
        _to_history("Look closer in History", shown)


def _chart(judged: Judged, answer: History, events: Sequence[Event], state: AlertsState, now: datetime) -> None:
    offset = utc_offset_seconds(state.zone, answer.end)
    bands = [
        Band(span.state, epoch_milliseconds(span.start, offset), epoch_milliseconds(span.end, offset))
        for span in spans_of(events, answer.start, answer.end, now)
        if span.lane == STATE
    ]
    of = f" ({', '.join(judged.filters)})" if judged.filters else ""
    name = one_line(f"{metric_title(judged.metric)}{of}", 90)
    chart = chart_of(
        [Line(answer, name)],
        zone=state.zone,
        height=_HEIGHT,
        time_title=f"Time ({zone_name(zone_of(state.zone), answer.end)})",
        named=True,
        overlay=Overlay(bands, judged.threshold),
    )
    limit = figure(judged.threshold, unit_of(answer.metric, answer.unit))
    firing = sum(band.state == "firing" for band in bands)
    draw(
        chart,
        key="alerts.figure",
        alternative=f"{name} over time, the threshold {limit} as a dashed line, and behind it "
        f"{firing} stretch{'es' * (firing != 1)} in which the alert fired.",
    )
    step = length(answer.step_seconds)
    if step == judged.window:
        looked = (
            f"Each point is the figure over the {step} from there on; the rule looks at the last {step} at each look."
        )
    else:
        looked = (
            f"Each point is the figure over the {step} from there on. The rule judges {judged.window} at once, so the "
            "line may lie above or below what it saw."
        )
    st.caption(plain(" ".join([looked, f"The dashed line is its threshold, {limit}.", *judged.notes]), 600))


def _say(judged: NotOneLine, alert: Alert, state: AlertsState, now: datetime) -> None:
    st.markdown(plain(judged.why, 600))
    began = alert.active_since or alert.fired_at
    start, end = state.period.bounds(now)
    period = TimeRange(rfc3339(min(start, began) if began else start), rfc3339(end))
    with st.container(horizontal=True, vertical_alignment="center"):
        if judged.metric:
            _to_history(f"{plain(metric_title(judged.metric), 80)} in History", judged.history(period, state.zone))
        if judged.drawn_by_backtest:
            there = AlertsState(section="rules", rule=alert.rule, period=state.period, zone=state.zone)
            page_link("alerts", "Its backtest draws it", there.query(), icon=":material/history:", icon_position="left")


def _to_history(label: str, shown: HistoryState) -> None:
    if has_page("history"):
        page_link("history", label, shown.query(), icon=":material/show_chart:", icon_position="left")
