"""For which predictions a model is worse: a figure by any feature, with intervals."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.carried_filters import predictions_of
from dashboard.charts.intervals import Measured, interval_bars
from dashboard.model_answers import Figure, Performance, Segment
from dashboard.model_figures import apart, interval_text, kind_of, value_text
from dashboard.model_questions import performance
from dashboard.navigation import go_to, has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.segment_filters import Narrowed, is_feature, narrowed_to, segment_title
from dashboard.session import leave_when_denied
from dashboard.states.models import ModelsState
from dashboard.views.asking import ask_lately
from dashboard.views.left_out import note_left_out
from dashboard.views.lines import draw
from dashboard.views.notices import failure_notice

_LONGEST = 48


def draw_segments(answer: Performance, state: ModelsState) -> None:
    """Draw the section."""
    if not state.segment:
        st.info("Choose above by what to tell predictions apart: any feature, or a column such as features\\_source.")
        return
    with st.spinner("Asking the monitoring API …"):
        (told,) = ask_lately(
            [performance(state.chosen, tz=state.zone, step="90d", metrics=[state.metric], segment=state.segment)]
        )
    if isinstance(told, ApiError):
        leave_when_denied(told)
        failure_notice(told)
        return
    segments: Sequence[Segment] = told.segments or ()
    if not segments:
        st.info("No prediction of this range can be told apart by this.")
        return
    whole = answer.metrics.get(state.metric) or Figure()
    kind = kind_of(state.metric)
    with st.container(border=True):
        st.markdown(f"**{plain(kind.title, 60)} by {plain(segments[0].segment.field, 60)}**")
        names = segment_names(segments)
        parts = [
            Measured(
                name,
                one.value,
                one.low,
                one.high,
                one.n,
                segment.predictions,
                segment.mature,
                one_line(one.reason or "", 90),
            )
            for name, segment in zip(names, segments, strict=True)
            for one in [segment.metrics.get(state.metric) or Figure()]
        ]
        chart = interval_bars(parts, unit=kind.unit, title=kind.title, whole=whole.value)
        words = _odd_ones(segments, names, state.metric, whole)
        draw(chart, key="models.segments", alternative=f"{kind.title} of {len(parts)} segments. {words}")
        st.caption(f"{plain(words, 600)} The dashed line is all of them together. Hollow dots still wait for labels.")
    _one_segment(segments, names, state)
    with st.expander("The figures"):
        st.dataframe(
            _table(segments, names, state.metric), hide_index=True, key="models.segments.table", alt="Each segment"
        )


def segment_names(segments: Sequence[Segment]) -> list[str]:
    """A distinct name for each segment."""
    names: list[str] = []
    for segment in segments:
        name = segment_title(segment.segment, _LONGEST)
        names.append(name if name not in names else f"{name} ({names.count(name) + 1}, {segment.segment.kind})")
    return names


def _odd_ones(segments: Sequence[Segment], names: Sequence[str], metric: str, whole: Figure) -> str:
    """Which segments differ from the whole by more than chance."""
    differing = [
        name
        for name, segment in zip(names, segments, strict=True)
        if segment.mature and apart(segment.metrics.get(metric) or Figure(), whole)
    ]
    if not differing:
        return "No segment differs from the whole by more than chance."
    more = f" and {len(differing) - 8} more" if len(differing) > 8 else ""  # noqa: PLR2004 - what a sentence bears
    return f"By more than chance differ from the whole: {', '.join(differing[:8])}{more}."


def _one_segment(segments: Sequence[Segment], names: Sequence[str], state: ModelsState) -> None:
    """The way from a segment to its predictions and to why it is wrong."""
    reached = {
        name: narrowed
        for name, segment in zip(names, segments, strict=True)
        if (narrowed := narrowed_to(segment.segment, of_feature=is_feature(state.segment))) is not None
    }
    if not reached:
        return
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Look closer at", list(reached), key="models.segment.chosen", width=320)
        narrowed = reached[str(chosen)] if chosen in reached else next(iter(reached.values()))
        if st.button("Why wrong?", icon=":material/help:", key="models.segment.why"):
            go_to("models", replace(_only(narrowed, state), section="wrong").query())
        if st.button("Only these", icon=":material/filter_alt:", key="models.segment.only"):
            go_to("models", replace(_only(narrowed, state), section="performance").query())
        if narrowed.search is not None and has_page("predictions"):
            for outcome in ("wrong", ""):
                label = "Its wrong predictions" if outcome else "All its predictions"
                found = predictions_of(_only(narrowed, state), outcome=outcome)
                page_link("predictions", label, found.state.query())
            note_left_out(found.left_out)


def _only(narrowed: Narrowed, state: ModelsState) -> ModelsState:
    return replace(
        state,
        features=tuple(dict.fromkeys((*state.features, *narrowed.features))),
        filters=tuple(dict.fromkeys((*state.filters, *narrowed.filters))),
    )


def _table(segments: Sequence[Segment], names: Sequence[str], metric: str) -> pd.DataFrame:
    rows = []
    for name, segment in zip(names, segments, strict=True):
        one = segment.metrics.get(metric) or Figure()
        state = "labels are in" if segment.mature else one_line(segment.immature_because or "labels still come", 120)
        told = (value_text(metric, one.value), interval_text(metric, one) or "–", f"{one.n:,}")
        rows.append((name, *told, f"{segment.predictions:,}", one_line(one.reason or state, 160)))
    columns = ["Segment", kind_of(metric).title, "95 % interval", "Labelled", "Predictions", "Labels"]
    return pd.DataFrame(rows, columns=columns)
