"""The overview's cards: one question each, as a figure, a line over the range, and a way deeper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboard.answers import History
from dashboard.api_errors import ApiError
from dashboard.charts import palette
from dashboard.charts.units import figure, unit_of
from dashboard.navigation import page_link
from dashboard.overview_snapshot import Snapshot
from dashboard.states.history import HistoryState
from dashboard.states.overview import OverviewState
from dashboard.views.lines import Line, chart_of, draw
from dashboard.views.notices import small_failure

CHART_HEIGHT: Final = 150


@dataclass(frozen=True)
class Card:
    """What one card shows.

    Attributes:
        title: in plain words.
        metric: whose current value is the figure, and which the history page opens.
        lines: metric -> name of its line.
        colours: name of the line -> colour.
        note: what the figure means.
        zero: whether the value axis begins at 0.
    """

    title: str
    metric: str
    lines: Mapping[str, str]
    colours: Mapping[str, str]
    note: str
    zero: bool = True


CARDS: Final = (
    Card(
        "Requests",
        "request_rate",
        {"request_rate": "requests"},
        {"requests": palette.REQUESTS},
        "last 5 minutes",
    ),
    Card("Errors", "error_ratio", {"error_ratio": "errors"}, {"errors": palette.ERRORS}, "of requests, last 5 minutes"),
    Card(
        "Latency",
        "latency_p95",
        {"latency_p50": "p50", "latency_p95": "p95", "latency_p99": "p99"},
        palette.PERCENTILES,
        "p95, last 5 minutes",
    ),
    Card(
        "Predictions",
        "prediction_rate",
        {"prediction_rate": "predictions"},
        {"predictions": palette.PREDICTIONS},
        "last 5 minutes",
    ),
    Card(
        "Score",
        "score_mean",
        {"score_mean": "mean", "score_p50": "median", "score_p95": "p95"},
        palette.SCORES,
        "mean, last 5 minutes",
    ),
    Card(
        "Label coverage",
        "label_coverage",
        {"label_coverage": "labelled"},
        {"labelled": palette.LABELS},
        "of predictions, last 24 hours",
    ),
)


def draw_card(card: Card, snapshot: Snapshot, state: OverviewState) -> None:
    """Draw one card from a snapshot."""
    with st.container(border=True, height="stretch", gap="small"):
        current = snapshot.figures[card.metric]
        with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute", wrap=False):
            value = None if isinstance(current, ApiError) else figure(current.value, unit_of(card.metric, current.unit))
            st.metric(f"**{card.title}** :gray[{card.note}]", value or "–")
            link = HistoryState(metric=card.metric, period=state.period, zone=state.zone, filters=_filters(state))
            page_link("history", "History", link.query(), help=f"{card.title} on the history page, with this range")
        if isinstance(current, ApiError):
            small_failure(current, f"{card.title.lower()} here")
        _lines(card, snapshot, state)


def _lines(card: Card, snapshot: Snapshot, state: OverviewState) -> None:
    answers = [(name, snapshot.lines[metric]) for metric, name in card.lines.items()]
    drawn = [Line(answer, name) for name, answer in answers if isinstance(answer, History) and not answer.empty]
    if drawn:
        colours = {line.name: card.colours[line.name] for line in drawn}
        chart = chart_of(
            drawn,
            zone=state.zone,
            height=CHART_HEIGHT,
            colours=colours,
            zero=card.zero,
        )
        draw(chart, key=f"overview.{card.metric}", alternative=_alternative(card, drawn))
        return
    errors = [answer for _, answer in answers if isinstance(answer, ApiError)]
    if errors and not isinstance(snapshot.figures[card.metric], ApiError):
        small_failure(errors[0], f"a history of {card.title.lower()}")
    elif not errors:
        st.caption("No data in this range.")


def _alternative(card: Card, drawn: Sequence[Line]) -> str:
    """The chart in a sentence. It holds no figures, for a text that changes makes the browser draw all anew."""
    return f"{card.title} over the chosen range, one line each for {', '.join(line.name for line in drawn)}."


def _filters(state: OverviewState) -> tuple[str, ...]:
    return (f"service={state.service}",) if state.service not in {"", "*"} else ()
