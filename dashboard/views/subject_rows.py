"""The overview's rows: a service or a model each, with a verdict, its figures as they are and were, and ways deeper."""

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import streamlit as st

from dashboard.charts import palette
from dashboard.charts.rows import until_now
from dashboard.charts.sparkline import sparkline
from dashboard.charts.units import figure, unit_of
from dashboard.navigation import page_link
from dashboard.overview_snapshot import FIGURE_WINDOWS, Snapshot
from dashboard.overview_subjects import MODEL_METRICS, SERVICE_METRICS, Subject, subject_verdict
from dashboard.plain_text import one_line, plain
from dashboard.session import is_dark, now
from dashboard.states.history import HistoryState
from dashboard.states.overview import OverviewState
from dashboard.verdict import Level, Verdict

LOOKS: Final = {
    Level.GOOD: ("green", ":material/check_circle:"),
    Level.ATTENTION: ("orange", ":material/visibility:"),
    Level.BAD: ("red", ":material/error:"),
    Level.EMPTY: ("blue", ":material/hourglass_empty:"),
    Level.UNKNOWN: ("gray", ":material/help:"),
}
_TITLES: Final = {
    "request_rate": "Requests",
    "error_ratio": "Errors",
    "latency_p95": "Latency p95",
    "concurrency_mean": "In flight",
    "prediction_rate": "Predictions",
    "score_mean": "Mean score",
    "fallback_ratio": "Fallbacks",
    "label_coverage": "Label coverage",
}
_UNITS: Final = {"request_rate": "1/s", "prediction_rate": "1/s", "latency_p95": "s"}
_COLOURS: Final = {
    "request_rate": palette.REQUESTS,
    "error_ratio": palette.ERRORS,
    "latency_p95": palette.PERCENTILES["p95"],
    "concurrency_mean": palette.SKY,
    "prediction_rate": palette.PREDICTIONS,
    "score_mean": palette.SCORE,
    "fallback_ratio": palette.BROWN,
    "label_coverage": palette.LABELS,
}
_MOST_ROWS: Final = 12
_ORDER: Final = (Level.BAD, Level.ATTENTION, Level.UNKNOWN, Level.GOOD, Level.EMPTY)


def draw_subjects(snapshot: Snapshot, state: OverviewState, service: str) -> None:
    """Draw the rows: services, then models; what needs somebody first.

    Args:
        snapshot: what is known.
        state: range and zone.
        service: only this one and its models; empty: all.
    """
    everything = snapshot.subjects(service)
    for kind, title in (("service", "Services"), ("model", "Models")):
        judged = [
            (one, subject_verdict(one, snapshot.health, snapshot.alerts)) for one in everything if one.kind == kind
        ]
        if not judged:
            continue
        judged.sort(key=lambda pair: _ORDER.index(pair[1].level))
        st.markdown(f"**{title}** :gray[Figures of the last 5 minutes, lines of the range above]")
        for place, (subject, verdict) in enumerate(judged[:_MOST_ROWS]):
            _row(subject, verdict, snapshot, state, f"overview.{kind}.{place}")
        if len(judged) > _MOST_ROWS:
            st.caption(f"{len(judged) - _MOST_ROWS} more are not shown; choose one above.")


def _row(subject: Subject, verdict: Verdict, snapshot: Snapshot, state: OverviewState, key: str) -> None:
    colour, icon = LOOKS[verdict.level]
    with st.container(border=True, gap="xsmall", key=key):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{plain(subject.name, 80)}** :{colour}[{icon} {verdict.headline}]", width="content")
            with st.container(horizontal=True, gap="small", width="content"):
                _links(subject, state)
        dark = is_dark()
        name = ("tiles", subject.kind, subject.name, dark)
        st.html(snapshot.once(name, partial(tiles, subject, snapshot, dark=dark)))
        if verdict.level is not Level.GOOD:
            st.caption("  \n".join(plain(reason) for reason in verdict.reasons))


def _links(subject: Subject, state: OverviewState) -> None:
    span = {"from": [state.period.start], "to": [state.period.end], "tz": [state.zone]}
    metrics = SERVICE_METRICS if subject.kind == "service" else MODEL_METRICS
    chart = HistoryState(
        metric=metrics[0],
        also=metrics[1:],
        period=state.period,
        zone=state.zone,
        filters=(f"{subject.kind}={subject.name}",),
    )
    page_link("history", "History", chart.query())
    if subject.kind == "service":
        page_link("traces", "Traces", {"service": [subject.name], **span})
    else:
        page_link("models", "How good", {"model": [subject.name], **span})
        page_link("predictions", "Predictions", {"model": [subject.name], **span})


def tiles(subject: Subject, snapshot: Snapshot, *, dark: bool) -> str:
    """The figures of one row as HTML: each with its title and a small line. Every text from data is escaped."""
    cells = "".join(
        _tile(metric, subject, snapshot, dark=dark)
        for metric in (SERVICE_METRICS if subject.kind == "service" else MODEL_METRICS)
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.4rem 2rem">{cells}</div>'


def _tile(metric: str, subject: Subject, snapshot: Snapshot, *, dark: bool) -> str:
    title, colours = _TITLES[metric], palette.DARK if dark else _AS_THEY_ARE
    muted, colour = (colours.get(one, one) for one in (palette.MUTED, _COLOURS[metric]))
    value = "–"
    if metric in subject.figures:
        value = _figure(metric, subject.figures[metric])
    line = _line(metric, subject, snapshot, colour)
    window = " 24 h" if FIGURE_WINDOWS.get(metric) else ""
    shown = f'<span data-figure="{title}" style="font-size:1.15rem;min-width:4.6rem">{html.escape(value)}</span>'
    return (
        f'<div style="min-width:8.5rem"><div style="font-size:0.8rem;color:{muted}">{title}{window}</div>'
        f'<div style="display:flex;align-items:center;gap:0.6rem">{shown}{line}</div></div>'
    )


def _figure(metric: str, value: float | None) -> str:
    return figure(value, unit_of(metric, _UNITS.get(metric, "1")))


def _line(metric: str, subject: Subject, snapshot: Snapshot, colour: str) -> str:
    points: Sequence[tuple[float, float | None]] = subject.lines.get(metric, ())
    history = snapshot.lines.get(metric)
    if not points or history is None or isinstance(history, Exception):
        return ""
    return sparkline(
        until_now(points, now().timestamp()),
        start=history.start.timestamp(),
        end=history.end.timestamp(),
        colour=colour,
        label=f"{_TITLES[metric]} of {one_line(subject.name, 80)} over the range",
        words=lambda value: _figure(metric, value),
        zero=metric != "score_mean",
    )


_AS_THEY_ARE: Final[Mapping[str, str]] = {}
