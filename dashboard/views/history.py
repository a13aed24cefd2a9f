"""Any metrics of the catalogue over any range, in groups and under filters, beside what happened meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import streamlit as st

from dashboard.answers import Catalogue, Point
from dashboard.api_client import Question
from dashboard.api_errors import ApiError
from dashboard.carried_filters import to_models, to_traces
from dashboard.charts.units import figure
from dashboard.history_answers import ComparedHistory, Markers
from dashboard.history_questions import compared_history, families, markers
from dashboard.history_table import csv_of, summary, width_in_words
from dashboard.navigation import page_link
from dashboard.pace import asked_every, lasts
from dashboard.plain_text import plain
from dashboard.session import arriving_state, known_catalogue, now, settings, write_query
from dashboard.states.history import HistoryState, RuleChoice
from dashboard.states.models import ModelsState
from dashboard.states.traces import TracesState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.asking import ask_lately, known_lately
from dashboard.views.history_chart import EARLIER, UnitChart, brushed, charts_of, draw_unit, title_of
from dashboard.views.history_marks import list_marks, marks_of
from dashboard.views.history_options import offer_zoom_out, pick_compare, pick_panel, pick_switches, zoom_in, zooms
from dashboard.views.history_rule import draw_rule, pick_rule
from dashboard.views.history_sql import draw_sql
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.left_out import note_left_out
from dashboard.views.lines import begun, thinned_note
from dashboard.views.notices import nothing_here, range_is_right, small_failure, tell_complaints
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.selection import (
    PAGE,
    load_selection,
    misread_filters,
    pick_filters,
    pick_groups,
    pick_metrics,
    pick_step,
    shared_shape,
)
from dashboard.views.waiting import waiting

_ZOOMED: Final = f"{PAGE}.zoomed"
_BEGINS: Final = f"{PAGE}.begins"
_HEIGHT: Final = 520
_OF_SPEED: Final = ("latency", "slow_ratio", "error_ratio", "concurrency")


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, HistoryState.read)
    if arrived is not None:
        load_range(PAGE, arrived.period, arrived.zone, moment)
        load_selection(arrived)
    try:
        catalogue = known_catalogue()
    except ApiError:
        catalogue = Catalogue()
    st.title("History", anchor=False)
    above, below = st.container(), st.container()
    # The browser draws in the order of arrival: a chart that is known need not wait for what it can be changed with.
    early = arrived if arrived is not None and _is_known(arrived, moment) else None
    if early is not None:
        with below:
            _draw_state(early, catalogue, moment)
    with above:
        state = _controls(catalogue, moment)
        tell_complaints(PAGE)
    if early is None:
        with below:
            _draw_state(state, catalogue, moment)
    elif state != early:
        # Not all of a link can be had from the widgets, which have the say from here on.
        st.rerun()


def _draw_state(state: HistoryState | None, catalogue: Catalogue, moment: datetime) -> None:
    """Draw what is chosen, and put it into the address."""
    if state is None:
        st.info("Choose a metric.", icon=":material/show_chart:")
        return
    if not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    if complaints := misread_filters(state.filters, shared_shape(state.metrics, catalogue)):
        st.warning("  \n".join(complaints), icon=":material/filter_alt_off:")
        return
    st.session_state[_BEGINS] = True
    every = asks_again_every(PAGE, _pace(state, moment))
    st.fragment(_answer, run_every=every)(state, catalogue)
    if state.panel == "sql":
        draw_sql(state)
    elif state.panel == "rule":
        draw_rule(state, catalogue)


def _pace(state: HistoryState, moment: datetime) -> float | None:
    return asked_every(state.period, state.step, moment, usual=settings().refresh_seconds)


def _is_known(state: HistoryState, moment: datetime) -> bool:
    """Whether all that a state shows was asked just now."""
    happened, figures = _questions(state)
    return known_lately([*happened, *figures]) and lasts(_pace(state, moment))


def _questions(state: HistoryState) -> tuple[list[Question[Markers]], list[Question[ComparedHistory]]]:
    """What is asked for a state: what happened, where that is shown, and each family of metrics."""
    figures = [compared_history(metrics, state) for metrics in families(state.metrics)]
    return ([markers(state)] if state.markers else []), figures


def _controls(catalogue: Catalogue, moment: datetime) -> HistoryState | None:
    """Draw what can be chosen; no state while no metric is."""
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    with st.container(border=True):
        first, second, third = st.columns([4, 2, 3])
        with first:
            metrics = pick_metrics(catalogue)
        shape = shared_shape(metrics, catalogue)
        with second:
            groups = pick_groups(shape)
        with third:
            filters = pick_filters(shape)
        lower = st.columns([3, *([2.4, 2.4] if custom else []), 1.6, 2.4, 2.4])
        with lower[-2]:
            zone = pick_zone(PAGE)
        with lower[-3]:
            step = pick_step()
        with lower[-1]:
            compare = pick_compare()
        with lower[0]:
            period = pick_range(PAGE, zone, moment, lower[1:-3])
        with st.container(horizontal=True, vertical_alignment="center"):
            log, bands, marks = pick_switches(metrics)
            panel = pick_panel()
            offer_zoom_out()
        threshold, rule = st.session_state[f"{PAGE}.threshold"], st.session_state[f"{PAGE}.rule"]
        if panel == "rule" and metrics:
            threshold, rule = pick_rule(metrics[0], catalogue)
    if not metrics:
        return None
    return HistoryState(
        metric=metrics[0],
        also=metrics[1:],
        period=period,
        zone=zone,
        step=step,
        group_by=groups,
        filters=filters,
        compare=compare,
        log=log,
        bands=bands,
        markers=marks,
        panel=panel,
        threshold=threshold,
        rule=rule,
    )


def _answer(state: HistoryState, catalogue: Catalogue) -> None:
    """Ask and draw, by itself again and again while the range moves on or the API is away."""
    if st.session_state.pop(_ZOOMED, False):
        # The whole page, for the widgets of the range are not in this part of it.
        st.rerun()
    draw_lasting(PAGE, _asked_of(state), lambda: _draw_answers(state, catalogue))


def _asked_of(state: HistoryState) -> HistoryState:
    """What of a state is asked for: a switch changes only what is drawn."""
    return replace(state, log=False, bands=False, panel="", threshold=None, rule=RuleChoice())


def _draw_answers(state: HistoryState, catalogue: Catalogue) -> ApiError | None:
    """Ask and draw; why not, where something was not answered."""
    happened, figures = _questions(state)
    # What happened changes seldom: another metric or group is not kept waiting for it. Nor does a long range, which is
    # asked for again in its own time, whoever comes meanwhile.
    begins = st.session_state.pop(_BEGINS, False) and lasts(_pace(state, now()))
    with waiting(PAGE, "charts", height=_HEIGHT, words="Asking the monitoring API …", of=_asked_of(state)):
        found = ask_lately([*happened, *figures]) if begins else ask_lately(happened, anew=figures)
    answers = found[len(happened) :]
    errors = [answer for answer in answers if isinstance(answer, ApiError)]
    moment = now()
    by_metric = {
        metric: begun(answer.of(metric), moment)
        for metrics, answer in zip(families(state.metrics), answers, strict=True)
        if isinstance(answer, ComparedHistory)
        for metric in metrics
    }
    if by_metric:
        told = found[0] if happened else None
        _draw([by_metric[metric] for metric in state.metrics if metric in by_metric], told, state, catalogue)
    return errors[0] if errors else None


def _draw(
    answers: Sequence[ComparedHistory], happened: Markers | ApiError | None, state: HistoryState, catalogue: Catalogue
) -> None:
    marks = marks_of(happened, state) if isinstance(happened, Markers) else []
    charts = charts_of(answers, catalogue)
    lines: list[tuple[str, ComparedHistory, Sequence[Point]]] = []
    shown = sum(len(answer.series) for chart in charts if not chart.empty for answer in chart.answers)
    tabled = shown > 1 or bool(state.group_by)
    for chart in charts:
        with st.container(border=True):
            _heading(chart, state, catalogue)
            if chart.empty:
                nothing_here(filtered=bool(state.filters))
                continue
            key = f"{chart.key}.{zooms()}"
            drawn = draw_unit(
                chart,
                state,
                marks,
                charts=len(charts),
                tabled=tabled,
                key=key,
                on_brush=partial(_zoom, key, state),
            )
            first = f"{title_of(chart)} · " if len(charts) > 1 else ""
            lines += [(f"{first}{name}", answer, points) for name, answer, points in drawn]
            st.caption(" ".join([*_remarks(chart.answers[0], state), thinned_note(chart.answers)]))
    if isinstance(happened, Markers):
        list_marks(happened, state)
    elif isinstance(happened, ApiError):
        small_failure(happened, "what happened in this range")
    if not lines:
        return
    if tabled:
        table = summary(lines)
        st.dataframe(table, hide_index=True, key="history.summary", alt="Each line's lowest, highest and last value")
    st.download_button(
        "Download as CSV",
        lambda: csv_of(answers),
        file_name=f"{'-'.join(state.metrics)[:100]}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="history.csv",
    )


def _heading(chart: UnitChart, state: HistoryState, catalogue: Catalogue) -> None:
    left_out: tuple[str, ...] = ()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(plain(title_of(chart), 200), anchor=False, width="content")
        if any(metric.startswith(_OF_SPEED) for metric in chart.metrics):
            slow = to_traces(state.filters, TracesState(section="slow", period=state.period, zone=state.zone))
            page_link("traces", "Why slow?", slow.state.query())
            left_out = slow.left_out
        elif any(_of_models(metric, catalogue) for metric in chart.metrics):
            wrong = to_models(state.filters, ModelsState(section="wrong", period=state.period, zone=state.zone))
            page_link("models", "Why wrong?", wrong.state.query())
            left_out = wrong.left_out
    note_left_out(left_out, "explainer", "looks at")
    metric = catalogue.named(chart.metrics[0])
    if len(chart.metrics) == 1 and metric and metric.description:
        st.caption(plain(metric.description))


def _of_models(metric: str, catalogue: Catalogue) -> bool:
    entry = catalogue.named(metric)
    return entry is not None and "model" in entry.group_by and "route" not in entry.group_by


def _zoom(key: str, state: HistoryState) -> None:
    """Show what was dragged over, and nothing else."""
    # A drag that a sign-out overtook is forgotten.
    chosen = brushed(st.session_state.get(key, {}).get("selection"), state, now())
    if chosen is not None:
        zoom_in(*chosen)
        st.session_state[_ZOOMED] = True


def _remarks(answer: ComparedHistory, state: HistoryState) -> list[str]:
    zone = zone_of(state.zone)
    start, end = answer.start.astimezone(zone), answer.end.astimezone(zone)
    source = f" (source: {plain(answer.source)})." if answer.source else "."
    remarks = [
        f"{start:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M}, {zone_name(zone, end)}.",
        f"One point is {width_in_words(answer.step_seconds)}{source}",
    ]
    until = answer.complete_until
    if not answer.complete and until is not None and until < answer.end:
        remarks.append(f"Data after {until.astimezone(zone):%H:%M:%S} is still arriving and drawn dashed.")
    if answer.mature_until is not None and answer.mature_until < answer.end:
        mature = answer.mature_until.astimezone(zone)
        remarks.append(f"Labels are still coming for what was predicted after {mature:%d %b %H:%M}.")
    if answer.approximate:
        bound = f" (off by at most {figure(answer.error_bound, 'ratio')})" if answer.error_bound else ""
        remarks.append(f"Values are approximate{bound}.")
    if state.compare in EARLIER and answer.compare is None:
        remarks.append("There is nothing to compare with.")
    return remarks
