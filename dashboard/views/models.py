"""How good each model is, for whom it is worse, which version is better, and why it is wrong."""

from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.carried_filters import predictions_of, requests_of
from dashboard.last_known import looks_back
from dashboard.model_answers import Model, Models, Performance
from dashboard.model_figures import first_figures
from dashboard.model_questions import models, performance
from dashboard.model_verdict import model_verdict
from dashboard.navigation import has_page, page_link
from dashboard.pace import SLOW_SECONDS, moves
from dashboard.previous_period import period_words, previous, previous_words
from dashboard.session import arriving_state, now, settings, write_query
from dashboard.states.models import ModelsState
from dashboard.views.asking import ask_lately
from dashboard.views.last_known import asks_again_every, draw_lasting, lasting
from dashboard.views.left_out import note_left_out
from dashboard.views.model_controls import PAGE, draw_controls, load_controls
from dashboard.views.model_header import draw_remarks, draw_verdict, teach_labels
from dashboard.views.model_performance import draw_performance
from dashboard.views.model_reliability import draw_reliability
from dashboard.views.model_segments import draw_segments
from dashboard.views.model_versions import draw_versions
from dashboard.views.model_wrong import draw_wrong
from dashboard.views.notices import nothing_yet, range_is_right, tell_complaints
from dashboard.views.operating import show_said
from dashboard.views.waiting import waiting

_HEIGHT: Final = 640


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, ModelsState.read)
    if arrived is not None:
        load_controls(arrived, moment)
    st.title("Models", anchor=False)
    # What is chosen from is old when its answer is; the part below says so.
    with lasting(f"{PAGE}.controls", None):
        state, seen = draw_controls(st.session_state[f"{PAGE}.state"], moment)
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    st.session_state[f"{PAGE}.state"] = state
    write_query(PAGE, state.query())
    usual = max(settings().refresh_seconds, SLOW_SECONDS) if moves(state.period) else None
    every = asks_again_every(PAGE, usual)
    st.fragment(_answer, run_every=every)(state, seen)


def _answer(state: ModelsState, seen: Models | ApiError) -> None:
    """Ask and draw, by itself again and again while the range moves on or the API is away."""
    show_said()
    draw_lasting(PAGE, state, lambda: _draw_known(state, seen))


def _draw_known(state: ModelsState, seen: Models | ApiError) -> ApiError | None:
    """Draw what is chosen of the models that there are; why not, where it cannot be."""
    if isinstance(seen, ApiError):
        (seen,) = ask_lately([models(state.period)])
        if not isinstance(seen, ApiError) and not looks_back():
            st.rerun()  # the choices are drawn by the whole page
    if isinstance(seen, ApiError):
        return seen
    if state.model:
        return _draw(state, seen.named(state.model))
    nothing_yet()
    return None


def _draw(state: ModelsState, model: Model | None) -> ApiError | None:
    """Draw a model; why not, where it cannot be."""
    moment = now()
    before = replace(state.chosen, period=previous(state.period, moment))
    task = model.task if model else None
    curves = state.section == "reliability"
    off_grid = state.threshold is not None and abs(state.threshold * 100 - round(state.threshold * 100)) > 1e-9  # noqa: PLR2004
    questions = [
        performance(
            state.chosen,
            tz=state.zone,
            step="auto" if state.section == "performance" else "90d",
            curves=curves,
            threshold=state.threshold if curves and off_grid else None,
        ),
        performance(before, tz=state.zone, step="90d", metrics=first_figures(task)),
    ]
    with waiting(PAGE, state.section, height=_HEIGHT, words="Joining predictions with their labels …", of=state):
        answer, earlier = ask_lately(questions)
    if isinstance(answer, ApiError):
        return answer
    _draw_answer(answer, earlier, state, model)
    return None


def _draw_answer(answer: Performance, earlier: Performance | ApiError, state: ModelsState, model: Model | None) -> None:
    words = {"period": period_words(state.period), "period_before": previous_words(state.period)}
    draw_verdict(model_verdict(answer, earlier, **words))
    draw_remarks(answer, model, state)
    if not answer.predictions:
        st.info("Choose a longer range, another version, or fewer conditions.", icon=":material/search_off:")
        return
    _ways(state)
    if not answer.labels and state.section != "versions":
        teach_labels()
        return
    match state.section:
        case "reliability":
            draw_reliability(answer, state)
        case "segments":
            draw_segments(answer, state)
        case "versions" if model is not None:
            draw_versions(model, state, now())
        case "wrong":
            draw_wrong(state, answer.task)
        case _:
            draw_performance(answer, state)


def _ways(state: ModelsState) -> None:
    """Links to the predictions that are meant, and to the requests that they were made in."""
    if not has_page("predictions"):
        return
    with st.container(horizontal=True):
        for outcome, label in (
            ("wrong", "Wrong predictions"),
            ("unlabelled", "Without a label"),
            ("", "All predictions"),
        ):
            found = predictions_of(state, outcome=outcome)
            page_link("predictions", label, found.state.query())
        if has_page("traces"):
            requests = requests_of(state)
            page_link("traces", "Its requests", requests.state.query())
    note_left_out(found.left_out, "search for predictions")
    if has_page("traces"):
        note_left_out(requests.left_out, "search for requests")
