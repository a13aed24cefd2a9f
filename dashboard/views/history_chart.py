"""One chart of the history page: the metrics of one unit, what they are compared with, and what happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboard.answers import Catalogue, Point
from dashboard.charts.bands import Overlay
from dashboard.charts.marks import Mark
from dashboard.charts.percentiles import in_order, percentile_colours
from dashboard.charts.rows import Row, rows_of
from dashboard.charts.units import unit_of
from dashboard.history_answers import ComparedHistory, GroupSeries
from dashboard.plain_text import plain
from dashboard.states.history import HistoryState
from dashboard.time_range import instant, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import Line, chart_of, draw, series_names
from dashboard.views.selection import metric_title
from dashboard.views.version_colours import VERSION, colour_of, line_colours

MOST_LINES: Final = 12
BRUSH: Final = "zoom"
EARLIER: Final = {"previous": "time before", "week": "week before"}
_HEIGHTS: Final = (380, 270, 220)
_ZERO_UNITS: Final = frozenset({"1", "score", "probability", ""})


@dataclass(frozen=True)
class UnitChart:
    """The metrics of one chart.

    Attributes:
        unit: of all of them, as charts name it.
        answers: one of each metric.
    """

    unit: str
    answers: tuple[ComparedHistory, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(answer.metric for answer in self.answers)

    @property
    def key(self) -> str:
        """Its identity on the page: the first metric's, so that a refresh finds it again."""
        return f"history.chart.{self.metrics[0]}"

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return all(answer.empty for answer in self.answers)


def charts_of(answers: Sequence[ComparedHistory], catalogue: Catalogue) -> list[UnitChart]:
    """The answers by unit, in their order."""
    found: dict[str, list[ComparedHistory]] = {}
    for answer in answers:
        metric = catalogue.named(answer.metric)
        unit = unit_of(answer.metric, answer.unit, metric.kind if metric else "")
        found.setdefault(unit, []).append(answer)
    return [UnitChart(unit, tuple(each)) for unit, each in found.items()]


def draw_unit(
    chart: UnitChart,
    state: HistoryState,
    marks: Sequence[Mark],
    *,
    charts: int,
    tabled: bool,
    key: str,
    on_brush: Callable[[], None],
) -> list[tuple[str, ComparedHistory, Sequence[Point]]]:
    """Draw it.

    Args:
        chart: what to draw.
        state: how.
        marks: what happened in its range.
        charts: how many there are on the page; of several each is lower.
        tabled: whether a table below has the figures.
        key: its identity in the browser; another one forgets what was brushed.
        on_brush: called when somebody has dragged over a range.

    Returns:
        The lines drawn, by name.
    """
    named = [_named(answer, chart, state) for answer in chart.answers]
    shown = _largest(named)
    lines: list[tuple[str, ComparedHistory, Sequence[Point]]] = [
        (name, answer, series.points)
        for answer in shown
        for name, series in zip(series_names(answer, answer.metric), answer.series, strict=True)
    ]
    names = [name for name, _, _ in lines]
    percentiles = in_order(names) if state.bands and len(names) > 1 else []
    earlier = _earlier_rows(shown, state)
    zone = zone_of(state.zone)
    colours = percentile_colours(percentiles) if percentiles else _version_colours(shown, state)
    picture = chart_of(
        [Line(answer) for answer in shown],
        zone=state.zone,
        height=_HEIGHTS[min(charts, len(_HEIGHTS)) - 1],
        colours=colours,
        zero=chart.unit not in _ZERO_UNITS,
        time_title=f"Time ({zone_name(zone, shown[0].end)})",
        named=bool(state.group_by) or len(chart.answers) > 1,
        overlay=Overlay(
            threshold=state.threshold if state.metric in chart.metrics else None,
            marks=marks,
            earlier=earlier,
            earlier_title=EARLIER.get(state.compare, ""),
            earlier_moved=next((_moved(answer, state) for answer in shown if answer.compare is not None), 0),
            percentiles=percentiles,
        ),
        log=state.log,
        brush=BRUSH,
    )
    with st.container(border=False, gap="xsmall"):
        draw(
            picture,
            key=key,
            alternative=_alternative(chart, names, state, tabled=tabled),
            on_select=on_brush,
            selection_mode=BRUSH,
        )
    many = sum(len(answer.series) for answer in named)
    if many > len(lines):
        st.caption(f"Shown are the {len(lines)} lines with the highest values of {many}.")
    return lines


def brushed(selection: Any, state: HistoryState, now: datetime) -> tuple[float, float] | None:
    """The range that was dragged over, in epoch seconds; None where nothing was, or only a click.

    Args:
        selection: what the chart says is selected.
        state: of the page, for its zone.
        now: the time.
    """
    ends = (selection or {}).get(BRUSH, {}).get("time")
    if not ends or len(ends) < 2:  # noqa: PLR2004 - both ends
        return None
    offset = utc_offset_seconds(state.zone, instant(state.period.end, now))
    start, end = sorted(float(end) / 1000 - offset for end in (ends[0], ends[-1]))
    return (start, end) if end - start >= 1 else None


def title_of(chart: UnitChart) -> str:
    """Its metrics, for people."""
    return ", ".join(metric_title(metric) for metric in chart.metrics)


def _version_colours(answers: Sequence[ComparedHistory], state: HistoryState) -> dict[str, str] | None:
    """Where lines are of versions each has its version's colour; so has a line alone that a filter made one's."""
    named = [
        pair for answer in answers for pair in zip(series_names(answer, answer.metric), answer.series, strict=True)
    ]
    model, version = state.filtered("model"), state.filtered(VERSION)
    if version and len(named) == 1:
        return {named[0][0]: colour_of(version, model)}
    return line_colours(named, model=model)


def _named(answer: ComparedHistory, chart: UnitChart, state: HistoryState) -> ComparedHistory:
    """With the metric's name before each line's, where a chart has several, and all other groups called that."""
    if len(chart.answers) == 1 and not state.group_by:
        return answer
    stems = {metric.rpartition("_")[0] for metric in chart.metrics}
    family = len(stems) == 1 and bool(in_order([metric.rpartition("_")[2] for metric in chart.metrics]))
    short = answer.metric.rpartition("_")[2] if family else metric_title(answer.metric)
    first = {"": short} if len(chart.answers) > 1 else {}

    def named(series: GroupSeries) -> GroupSeries:
        rest = {" ": "all others"} if series.other else series.labels
        return series.model_copy(update={"labels": {**first, **rest}})

    earlier = answer.compare
    if earlier is not None:
        earlier = earlier.model_copy(update={"series": tuple(named(one) for one in earlier.series)})
    return answer.model_copy(update={"series": tuple(named(one) for one in answer.series), "compare": earlier})


def _largest(answers: Sequence[ComparedHistory]) -> list[ComparedHistory]:
    """The answers with no more lines than a chart can tell apart: of each those with the highest values."""
    each = max(1, MOST_LINES // len(answers))
    return [answer if len(answer.series) <= each else _cut(answer, each) for answer in answers]


def _cut(answer: ComparedHistory, most: int) -> ComparedHistory:
    def highest(series: GroupSeries) -> float:
        return max((value for _, value in series.points if value is not None), default=float("-inf"))

    kept = tuple(sorted(answer.series, key=highest, reverse=True)[:most])
    labels = [series.labels for series in kept]
    earlier = answer.compare
    if earlier is not None:
        same = tuple(series for series in earlier.series if series.labels in labels)
        earlier = earlier.model_copy(update={"series": same})
    return answer.model_copy(update={"series": kept, "compare": earlier})


def _earlier_rows(answers: Sequence[ComparedHistory], state: HistoryState) -> list[Row]:
    """The earlier range's rows under the names of the lines they belong to, moved to these lines' time."""
    rows: list[Row] = []
    for answer in answers:
        earlier = answer.compare
        if earlier is None:
            continue
        names = series_names(answer, answer.metric)
        by_labels = [(series.labels, name) for name, series in zip(names, answer.series, strict=True)]
        shift = (answer.start - earlier.start).total_seconds()
        offset = utc_offset_seconds(state.zone, answer.end) + shift
        for series in earlier.series:
            name = next((name for labels, name in by_labels if labels == series.labels), None)
            if name is not None:
                rows += rows_of(
                    name,
                    series.points,
                    step_seconds=answer.step_seconds,
                    complete_until=None,
                    offset_seconds=offset,
                )
    return rows


def _moved(answer: ComparedHistory, state: HistoryState) -> int:
    """By how many milliseconds the earlier range's rows are moved from the wall clock of their own time."""
    earlier = answer.compare
    if earlier is None:
        return 0
    clocks = utc_offset_seconds(state.zone, answer.end) - utc_offset_seconds(state.zone, earlier.end)
    return round(((answer.start - earlier.start).total_seconds() + clocks) * 1000)


def _alternative(chart: UnitChart, names: Sequence[str], state: HistoryState, *, tabled: bool) -> str:
    """The chart in a sentence. It holds no figures, for a text that changes makes the browser draw all anew."""
    compared = f", compared with the {EARLIER[state.compare]}" if state.compare in EARLIER else ""
    listed = f" One line each for {plain(', '.join(names[:MOST_LINES]), 400)}." if len(names) > 1 else ""
    where = "are in the table below" if tabled else "can be downloaded below"
    return f"{title_of(chart)} over time{compared}.{listed} The figures {where}."
