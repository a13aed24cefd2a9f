"""Predictions: a search for them, and one of them whole."""

from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.session import arriving_query, now, write_query
from dashboard.states.predictions import PredictionsState
from dashboard.views.last_known import draw_lasting
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.prediction_detail import draw_detail
from dashboard.views.prediction_list import draw_list
from dashboard.views.prediction_search import PAGE, draw_search, load_search

RETRY_SECONDS: Final = 4.0


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        arrived, complaints = PredictionsState.read(query, moment)
        st.session_state[f"{PAGE}.state"] = arrived
        load_search(arrived, moment)
        st.session_state[f"{PAGE}.complaints"] = complaints
    last: PredictionsState = st.session_state[f"{PAGE}.state"]
    st.title("Predictions", anchor=False)
    state = last if last.prediction else draw_search(last, moment)
    if replace(state, cursor="") != replace(last, cursor=""):
        state = replace(state, cursor="")  # another search begins with its first page
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    if state.crossed:
        st.warning("The least score is greater than the greatest: nothing is both.", icon=":material/warning:")
        return
    st.session_state[f"{PAGE}.state"] = state
    write_query(PAGE, state.query())
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else None
    st.fragment(_answer, run_every=every)(state)


def _answer(state: PredictionsState) -> None:
    """Ask and draw; while the API is away, by itself again and again."""
    draw_lasting(PAGE, state, lambda: draw_detail(state) if state.prediction else draw_list(state))
