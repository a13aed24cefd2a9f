"""Rules with their health, and what one of them would have done."""

import re
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.alert_answers import Backtest, BacktestAlert, Rule, Rules
from dashboard.alert_questions import backtest, rules
from dashboard.charts.bands import Band, Overlay
from dashboard.charts.rows import rows_of, series_name
from dashboard.charts.timeline import timeline
from dashboard.charts.units import figure, unit_of
from dashboard.page_state import AlertsState
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.time_range import age, epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import draw
from dashboard.views.operating import do

_KEPT: Final = "alerts.backtest"
_HEIGHT: Final = 260
_MOST_CHARTS: Final = 6
_THRESHOLD: Final = re.compile(r"\s*(?:>=?|<=?)\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*(%?)\s*", re.IGNORECASE)


def draw_rules(state: AlertsState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say which rules there are.
    """
    known = client().ask(rules())
    if known.error:
        st.warning(f"The rules file is wrong, and what was in force stays so: {plain(known.error, 900)}")
    if not known.rules:
        st.info("There is no rule. docs/guides/alerting.md shows how to write one.", icon=":material/rule:")
        return
    _table(known, now)
    with st.container(border=True):
        st.markdown("**What a rule would have done**")
        _backtest(known, state)


def threshold_of(condition: str) -> float | None:
    """The value that decides, where a condition is that simple."""
    found = _THRESHOLD.fullmatch(condition)
    return None if found is None else float(found[1]) / (100 if found[2] else 1)


def _table(known: Rules, now: datetime) -> None:
    rows = [
        (
            one_line(rule.name, 80),
            _health(rule),
            f"{rule.firing} firing, {rule.pending} pending" if rule.firing or rule.pending else "–",
            one_line(f"{rule.metric or 'statement'} {rule.condition}", 80),
            f"{age(rule.last_evaluated_at, now)} ago" if rule.last_evaluated_at else "never",
            one_line(rule.group, 60),
        )
        for rule in known.rules
    ]
    table = pd.DataFrame(rows, columns=["Rule", "Health", "Alerts", "Bad when", "Last looked at", "Group"])
    st.dataframe(table, hide_index=True, key="alerts.rules", alt="Every rule, its health and its alerts")


def _health(rule: Rule) -> str:
    return one_line(f"error: {rule.error}" if rule.error else (rule.health.replace("_", " ") or "–"), 160)


def _backtest(known: Rules, state: AlertsState) -> None:
    names = list(dict.fromkeys(rule.name for rule in known.rules))
    if state.rule not in names:
        st.caption("Choose a rule above.")
        return
    asked = (state.rule, state.period)
    with st.container(horizontal=True, vertical_alignment="center"):
        run = st.button("Run the backtest", icon=":material/history:", type="primary", key="alerts.backtest.run")
        st.caption(
            f"{plain(state.rule, 80)} is judged by the worker's own evaluator over the range above.", width="content"
        )
    if run:
        answer = do(backtest(state.rule, start=state.period.start, end=state.period.end))
        if answer is not None:
            st.session_state[_KEPT] = (asked, answer)
    kept: tuple[object, Backtest] | None = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == asked:
        _draw(kept[1], state)


def _draw(answer: Backtest, state: AlertsState) -> None:
    if answer.message:
        st.caption(plain(answer.message, 600))
    fired = sum(event.kind == "fired" for alert in answer.alerts for event in alert.transitions)
    times = "once" if fired == 1 else f"{fired} times"
    looked_at = f"{len(answer.alerts)} alerts" if len(answer.alerts) != 1 else "one alert"
    st.markdown(f"It would have fired **{times if fired else 'never'}**, of {looked_at} looked at.")
    if answer.grade is not None:
        _grade(answer)
    busiest = sorted(answer.alerts, key=lambda alert: (-len(alert.spans), sorted(alert.labels.items())))
    for place, alert in enumerate(busiest[:_MOST_CHARTS]):
        _chart(answer, alert, state, place)
    if len(busiest) > _MOST_CHARTS:
        st.caption(f"{len(busiest) - _MOST_CHARTS} more alerts are not drawn.")
    _transitions(answer, state)


def _grade(answer: Backtest) -> None:
    grade = answer.grade
    if grade is None:
        return
    figures = {
        "Precision": figure(grade.precision, "ratio"),
        "Recall": figure(grade.recall, "ratio"),
        "Lead time": figure(grade.lead_time_seconds, "s"),
    }
    for place, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        place.metric(name, value)
    if grade.definition:
        st.caption(f"Judged by labels: {plain(grade.definition, 600)}")


def _chart(answer: Backtest, alert: BacktestAlert, state: AlertsState, place: int) -> None:
    offset = utc_offset_seconds(state.zone, answer.end)
    name = one_line(series_name(alert.labels, answer.metric or answer.rule), 80)
    rows = rows_of(name, alert.points, step_seconds=answer.step_seconds, complete_until=None, offset_seconds=offset)
    bands = [
        Band(
            span.state,
            epoch_milliseconds(span.start, offset),
            epoch_milliseconds(span.end or answer.end, offset),
        )
        for span in alert.spans
    ]
    chart = timeline(
        rows,
        unit=unit_of(answer.metric or "", answer.unit),
        start=epoch_milliseconds(answer.start, offset),
        end=epoch_milliseconds(answer.end, offset),
        height=_HEIGHT,
        time_title=f"Time ({zone_name(zone_of(state.zone), answer.end)})",
        named=True,
        overlay=Overlay(bands, threshold_of(answer.condition)),
    )
    firing = sum(span.state == "firing" for span in alert.spans)
    draw(
        chart,
        key=f"alerts.backtest.{place}",
        alternative=f"{name} over the range, with {firing} stretches in which the rule would have fired.",
    )


def _transitions(answer: Backtest, state: AlertsState) -> None:
    zone = zone_of(state.zone)
    unit = unit_of(answer.metric or "", answer.unit)
    rows = [
        (
            f"{event.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            one_line(event.kind, 20),
            figure(event.value, unit),
            one_line(series_name(alert.labels, ""), 160),
        )
        for alert in answer.alerts
        for event in alert.transitions
    ]
    if rows:
        table = pd.DataFrame(sorted(rows), columns=["Time", "What", "Value", "Alert"])
        st.dataframe(table, hide_index=True, key="alerts.transitions", alt="What would have happened, in order")
