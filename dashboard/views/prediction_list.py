"""The predictions that meet a search, page by page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.navigation import go_to
from dashboard.plain_text import one_line
from dashboard.prediction_answers import FoundPrediction, PredictionPage
from dashboard.prediction_questions import found_predictions
from dashboard.session import client, now
from dashboard.states.predictions import PredictionsState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.listed import pick_listed
from dashboard.views.notices import nothing_yet
from dashboard.views.waiting import waiting

_BEFORE: Final = "predictions.before"
_NAME: Final = 40


def draw_list(state: PredictionsState) -> ApiError | None:
    """Draw a page, and the way to the next; why not, where there is none."""
    try:
        with waiting("predictions", "list", words="Searching …"):
            page = client().ask(found_predictions(state))
    except ApiError as error:
        return error
    if not page.predictions:
        _none(state)
        return None
    _table(page.predictions, state)
    _turn(page, state)
    return None


def _none(state: PredictionsState) -> None:
    if not state.narrowed:
        st.info("No prediction in this range. Choose a longer one.", icon=":material/search_off:")
        nothing_yet()
        return
    st.info(
        "**No prediction meets all of this.** Take a condition away, or choose a longer range. A feature is compared "
        'with its type: `x=1` asks for a number, `x="1"` for a text.',
        icon=":material/search_off:",
    )


def _table(found: Sequence[FoundPrediction], state: PredictionsState) -> None:
    zone = zone_of(state.zone)
    regression = all(one.task == "regression" for one in found)
    rows = [
        (
            f"{one.timestamp.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            _outcome(one),
            f"{one.value:.6g}" if one.value is not None else one_line(one.label or "–", _NAME),
            "–" if one.score is None else f"{one.score:.4f}",
            one_line(one.label_value, _NAME) if one.label_value is not None else "–",
            one_line(one.model, _NAME),
            one_line(one.version, _NAME),
            one_line(one.features_source, 20),
            one_line(one.prediction_id, 64),
        )
        for one in found
    ]
    decided = "Predicted" if regression else "Decided"
    columns = ["Time", "Became", decided, "Score", "Was true", "Model", "Version", "Features", "Prediction"]
    frame = pd.DataFrame(rows, columns=columns)
    event = st.dataframe(
        frame,
        hide_index=True,
        key="predictions.table",
        on_select="rerun",
        selection_mode="single-row",
        alt="Predictions, the newest first; choose a row to open one",
    )
    chosen = list(event.selection.rows) if event else []
    ids = [one.prediction_id for one in found]
    if chosen and chosen[0] < len(ids):
        _open(ids[chosen[0]], state)
    told = {name: f"{row[0]} · {row[2]} · {one_line(name, 40)}" for name, row in zip(ids, rows, strict=True)}
    if picked := pick_listed("predictions", told):
        _open(picked, state)
    st.caption(f"Times are {zone_name(zone, now())}. Tick a row to open it.")


def _open(prediction_id: str, state: PredictionsState) -> None:
    go_to("predictions", {**state.query(), "prediction": [prediction_id]})


def _outcome(one: FoundPrediction) -> str:
    if one.label_value is None:
        return "no label yet"
    return {True: "right", False: "wrong", None: "measured"}[one.correct]


def _turn(page: PredictionPage, state: PredictionsState) -> None:
    """The ways to older and newer pages; which pages came before is known where somebody turned them here."""
    search = replace(state, cursor="")
    asked, before = st.session_state.get(_BEFORE) or (search, [])
    before = before if asked == search and state.cursor else []
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.cursor and st.button(
            "Newer" if before else "First page", icon=":material/chevron_left:", key="predictions.newer"
        ):
            _show(search, before[:-1], before[-1] if before else "")
        number = f"Page {len(before) + 1}, " if before or not state.cursor else ""
        st.caption(f"{number}{len(page.predictions)} predictions, newest first.", width="content")
        if page.next_cursor and st.button("Older", icon=":material/chevron_right:", key="predictions.older"):
            _show(search, [*before, state.cursor], page.next_cursor)


def _show(search: PredictionsState, before: list[str], cursor: str) -> None:
    st.session_state[_BEFORE] = (search, before)
    st.session_state["predictions.state"] = replace(search, cursor=cursor)
    st.rerun()
