"""A model's versions and variants side by side, and the way to let another version answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.charts.intervals import Measured, interval_bars
from dashboard.model_answers import Figure, Model, Performance
from dashboard.model_figures import apart, first_figures, interval_text, kind_of, value_text
from dashboard.model_questions import Chosen, performance
from dashboard.plain_text import one_line, plain
from dashboard.session import leave_when_denied
from dashboard.states.models import ModelsState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.asking import ask_lately
from dashboard.views.lines import draw
from dashboard.views.model_promotion import draw_promotion
from dashboard.views.notices import failure_notice
from dashboard.views.version_colours import colour_of

MOST_COMPARED: Final = 8


def draw_versions(model: Model, state: ModelsState, moment: datetime) -> None:
    """Draw the section.

    Args:
        model: whose versions.
        state: of the page.
        moment: the present.
    """
    _seen(model, state, moment)
    pairs = [(version.version, variant.variant) for version in model.versions for variant in model.variants]
    pairs = pairs[:MOST_COMPARED]
    wanted = list(dict.fromkeys([state.metric, *first_figures(model.task)]))
    questions = [
        performance(
            Chosen(model.name, version, variant, state.period, state.features, state.filters),
            tz=state.zone,
            step="90d",
            metrics=wanted,
        )
        for version, variant in pairs
    ]
    with st.spinner("Asking the monitoring API …"):
        answers = ask_lately(questions)
    failures = [answer for answer in answers if isinstance(answer, ApiError)]
    if failures:
        leave_when_denied(failures[0])
        failure_notice(failures[0])
    told = [
        (version, variant, answer)
        for (version, variant), answer in zip(pairs, answers, strict=True)
        if isinstance(answer, Performance) and answer.predictions
    ]
    if told:
        _compare(told, model, state, wanted)
    if len(model.versions) * len(model.variants) > MOST_COMPARED:
        st.caption(f"Compared are the {MOST_COMPARED} seen last.")
    draw_promotion(model)


def _seen(model: Model, state: ModelsState, moment: datetime) -> None:
    zone = zone_of(state.zone)
    rows = [
        (
            one_line(version.version, 64) or "(none)",
            f"{version.first_seen.astimezone(zone):%Y-%m-%d %H:%M}",
            f"{version.last_seen.astimezone(zone):%Y-%m-%d %H:%M}",
            f"{version.predictions:,}",
            f"{version.labels:,}",
            f"{version.label_coverage:.1%}",
            "yes" if version.reference else "none",
        )
        for version in model.versions
    ]
    columns = ["Version", "First seen", "Last seen", "Predictions", "Labels", "Labelled", "Reference"]
    with st.container(border=True):
        st.markdown("**Versions of this range**")
        frame = pd.DataFrame(rows, columns=columns)
        st.dataframe(frame, hide_index=True, key="models.versions.seen", alt="Every version and how much it predicted")
        st.caption(f"Times are {zone_name(zone, moment)}. The one seen last comes first.")


def _compare(
    told: Sequence[tuple[str, str, Performance]], model: Model, state: ModelsState, wanted: Sequence[str]
) -> None:
    kind = kind_of(state.metric)
    several = len(model.variants) > 1
    names = [
        f"{one_line(version, 40) or '(none)'}{f' · {one_line(variant, 24)}' if several else ''}"
        for version, variant, _ in told
    ]
    figures = [answer.metrics.get(state.metric) or Figure() for _, _, answer in told]
    parts = [
        Measured(
            name, one.value, one.low, one.high, one.n, answer.predictions, answer.mature, one_line(one.reason or "", 90)
        )
        for name, one, (_, _, answer) in zip(names, figures, told, strict=True)
    ]
    colours = {name: colour_of(version, model.name) for name, (version, _, _) in zip(names, told, strict=True)}
    with st.container(border=True):
        st.markdown(f"**{plain(kind.title, 60)} side by side**")
        words = _side_by_side(names, figures)
        chart = interval_bars(parts, unit=kind.unit, title=kind.title, colours=colours)
        draw(chart, key="models.versions", alternative=f"{kind.title} of {len(parts)} versions. {words}")
        st.caption(plain(words, 400))
        rows = [
            (
                name,
                *(_cell(metric, answer.metrics.get(metric) or Figure()) for metric in wanted),
                f"{answer.labels:,} of {answer.predictions:,}",
                "labels are in" if answer.mature else "labels still come",
            )
            for name, (_, _, answer) in zip(names, told, strict=True)
        ]
        columns = ["Version", *(kind_of(metric).title for metric in wanted), "Labelled", "Labels"]
        frame = pd.DataFrame(rows, columns=columns)
        st.dataframe(frame, hide_index=True, key="models.versions.table", alt="Figures of each version")


def _cell(metric: str, one: Figure) -> str:
    interval = interval_text(metric, one)
    return f"{value_text(metric, one.value)} ({interval})" if interval else value_text(metric, one.value)


def _side_by_side(names: Sequence[str], figures: Sequence[Figure]) -> str:
    if len(names) == 1:
        return "Only one version predicted in this range, so there is nothing to compare it with."
    pairs = [
        (names[one], names[other], apart(figures[one], figures[other]))
        for one in range(len(names))
        for other in range(one + 1, len(names))
    ]
    differing = [f"{one} and {other}" for one, other, differ in pairs if differ]
    if differing:
        return f"By more than chance differ: {'; '.join(differing[:4])}."
    return "No two of them differ by more than chance, as far as these labels tell."
