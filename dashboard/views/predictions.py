"""Predictions: a search for them, and one of them whole."""

from dataclasses import replace

import streamlit as st

from dashboard.session import arriving_state, now, write_query
from dashboard.states.predictions import PredictionsState
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.prediction_detail import draw_detail
from dashboard.views.prediction_list import draw_list
from dashboard.views.prediction_search import PAGE, draw_search, load_search


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, PredictionsState.read)
    if arrived is not None:
        st.session_state[f"{PAGE}.state"] = arrived
        load_search(arrived, moment)
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
    every = asks_again_every(PAGE)
    st.fragment(_answer, run_every=every)(state)


def _answer(state: PredictionsState) -> None:
    """Ask and draw; while the API is away, by itself again and again."""
    draw_lasting(PAGE, state, lambda: draw_detail(state) if state.prediction else draw_list(state))
