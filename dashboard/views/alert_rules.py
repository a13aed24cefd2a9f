"""Rules with their health, and what one of them would have done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.alert_answers import Backtest, Backtests, BacktestSeries, Event, Grade, Rule, Rules
from dashboard.alert_questions import backtest, rules
from dashboard.alert_spans import spans_of
from dashboard.answers import Catalogue, Point
from dashboard.api_errors import ApiError
from dashboard.charts.bands import Band, Overlay
from dashboard.charts.rows import rows_of, series_name
from dashboard.charts.timeline import timeline
from dashboard.charts.units import figure, unit_of
from dashboard.plain_text import one_line, plain
from dashboard.session import client, known_catalogue
from dashboard.states.alerts import AlertsState
from dashboard.time_range import age, epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import draw
from dashboard.views.operating import do
from dashboard.views.waiting import waiting

_KEPT: Final = "alerts.backtest"
_HEIGHT: Final = 260
_MOST_CHARTS: Final = 6
_PLACE: Final = 560


def draw_rules(state: AlertsState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say which rules there are.
    """
    with waiting("alerts", "rules", height=_PLACE):
        known = client().ask(rules())
    try:
        catalogue = known_catalogue()
    except ApiError:
        catalogue = Catalogue()
    if known.error:
        st.warning(f"The rules file is wrong, and what was in force stays so: {plain(known.error, 900)}")
    if not known.rules:
        st.info("There is no rule. docs/guides/alerting.md shows how to write one.", icon=":material/rule:")
        return
    _table(known, now)
    with st.container(border=True):
        st.markdown("**What a rule would have done**")
        _backtest(known, state, catalogue)


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


def _backtest(known: Rules, state: AlertsState, catalogue: Catalogue) -> None:
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
    kept: tuple[object, Backtests] | None = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == asked:
        for place, one in enumerate(kept[1].backtests):
            draw_backtest(one, state.zone, catalogue, f"alerts.backtest.{place}")


def draw_backtest(answer: Backtest, zone: str, catalogue: Catalogue, key: str) -> None:
    """Draw what one rule would have done.

    Args:
        answer: what the API says.
        zone: IANA name of the time zone shown.
        catalogue: knows units.
        key: under which its charts stand on the page.
    """
    own = ", ".join(f"{key}={value}" for key, value in answer.labels.items())
    times = "once" if answer.fired == 1 else f"{answer.fired} times"
    looks = f"{answer.looks:,} looks at {answer.alerts} alert{'s' if answer.alerts != 1 else ''}"
    st.markdown(
        f"**{plain(answer.alert, 80)}** {plain(own, 200)}  \n"
        f"It would have fired **{times if answer.fired else 'never'}**, in {looks}."
    )
    if answer.grade is not None:
        _grade(answer.grade)
    elif answer.ungraded:
        st.caption(f"Not judged by labels: {plain(answer.ungraded, 300)}")
    metric = catalogue.named(answer.metric or "")
    unit = unit_of(metric.name, metric.unit, metric.kind) if metric else ""
    for number, series in enumerate(answer.series[:_MOST_CHARTS]):
        _chart(answer, series, zone, unit, f"{key}.{number}")
    if answer.alerts > _MOST_CHARTS:
        st.caption(f"{answer.alerts - _MOST_CHARTS} more alerts are not drawn.")
    _transitions(answer, zone, unit, f"{key}.transitions")


def _grade(grade: Grade) -> None:
    figures = {
        "Precision": figure(grade.precision, "ratio"),
        "Recall": figure(grade.recall, "ratio"),
        "Lead time": figure(grade.lead_seconds, "s"),
    }
    for place, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        place.metric(name, value)
    if grade.bad_when:
        st.caption(f"By labels that came later it was bad when {plain(grade.bad_when, 600)}.")


def _chart(answer: Backtest, series: BacktestSeries, zone: str, unit: str, key: str) -> None:
    offset = utc_offset_seconds(zone, answer.end)
    own = {name: value for name, value in series.labels.items() if name != "alertname" and name not in answer.labels}
    name = one_line(series_name(own, answer.metric or answer.alert), 80)
    step = _step_of(series.points) or answer.interval_seconds
    rows = rows_of(name, series.points, step_seconds=step, complete_until=None, offset_seconds=offset)
    bands = [
        Band(span.state, epoch_milliseconds(span.start, offset), epoch_milliseconds(span.end, offset))
        for span in spans_of(series.transitions, answer.start, answer.end, answer.end)
    ]
    chart = timeline(
        rows,
        unit=unit,
        start=epoch_milliseconds(answer.start, offset),
        end=epoch_milliseconds(answer.end, offset),
        height=_HEIGHT,
        time_title=f"Time ({zone_name(zone_of(zone), answer.end)})",
        named=True,
        overlay=Overlay(bands, answer.threshold),
    )
    draw(
        chart,
        key=key,
        alternative=f"{name} over the range, with {len(series.firing)} stretches in which the rule would have fired.",
    )


def _step_of(points: Sequence[Point]) -> float | None:
    """The distance of the first two points; a long series comes thinned."""
    return points[1][0] - points[0][0] if len(points) > 1 else None


def _transitions(answer: Backtest, zone: str, unit: str, key: str) -> None:
    shown = zone_of(zone)
    rows = [
        (
            f"{event.at.astimezone(shown):%Y-%m-%d %H:%M:%S}",
            one_line(event.kind, 20),
            figure(event.value, unit),
            one_line(series_name(series.labels, ""), 160),
            one_line(_verdict(series, event) or "–", 40),
        )
        for series in answer.series
        for event in series.transitions
    ]
    if rows:
        table = pd.DataFrame(sorted(rows), columns=["Time", "What", "Value", "Alert", "Labels said"])
        st.dataframe(table, hide_index=True, key=key, alt="What would have happened, in order")


def _verdict(series: BacktestSeries, event: Event) -> str | None:
    """What labels later said of the firing that an event begins."""
    begun = [firing for firing in series.firing if event.kind == "fired" and firing.start == event.at]
    return begun[0].verdict if begun else None
