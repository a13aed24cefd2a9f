"""How good each model is, for whom it is worse, which version is better, and why it is wrong."""

from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.model_answers import Model, Models, Performance
from dashboard.model_figures import first_figures
from dashboard.model_questions import models, performance
from dashboard.model_verdict import model_verdict
from dashboard.navigation import has_page, page_link
from dashboard.previous_period import period_words, previous, previous_words
from dashboard.session import arriving_query, leave_when_denied, now, write_query
from dashboard.states.models import ModelsState
from dashboard.states.predictions import PredictionsState
from dashboard.views.asking import ask_lately
from dashboard.views.model_controls import PAGE, draw_controls, load_controls
from dashboard.views.model_header import draw_remarks, draw_verdict, teach_labels
from dashboard.views.model_performance import draw_performance
from dashboard.views.model_reliability import draw_reliability
from dashboard.views.model_segments import draw_segments
from dashboard.views.model_versions import draw_versions
from dashboard.views.model_wrong import draw_wrong
from dashboard.views.notices import failure_notice, nothing_yet, range_is_right, tell_complaints
from dashboard.views.operating import show_said

RETRY_SECONDS: Final = 4.0


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        arrived, complaints = ModelsState.read(query, moment)
        load_controls(arrived, moment)
        st.session_state[f"{PAGE}.complaints"] = complaints
    st.title("Models", anchor=False)
    state, seen = draw_controls(st.session_state[f"{PAGE}.state"], moment)
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    st.session_state[f"{PAGE}.state"] = state
    write_query(PAGE, state.query())
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else None
    st.fragment(_answer, run_every=every)(state, seen)


def _answer(state: ModelsState, seen: Models | ApiError) -> None:
    """Ask and draw; while the API is away, by itself again and again."""
    show_said()
    if isinstance(seen, ApiError):
        (seen,) = ask_lately([models(state.period)])
        if not isinstance(seen, ApiError):
            st.rerun()  # the choices are drawn by the whole page
    failure = None
    if isinstance(seen, ApiError):
        failure = seen
    elif state.model:
        failure = _draw(state, seen.named(state.model))
    else:
        nothing_yet()
    if failure is not None:
        leave_when_denied(failure)
        failure_notice(failure)
    failing = failure is not None and failure.passing
    if failing != bool(st.session_state.get(f"{PAGE}.failing")):
        st.session_state[f"{PAGE}.failing"] = failing
        # The whole page, for only there the pace of asking again is set.
        st.rerun()


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
    with st.spinner("Joining predictions with their labels …"):
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
            search = PredictionsState(
                model=state.model,
                version=state.version,
                variant=state.variant,
                outcome=outcome,
                features=state.features,
                period=state.period,
                zone=state.zone,
            )
            page_link("predictions", label, search.query())
        if has_page("traces"):
            attributes = [f"ml.model.name={state.model}"]
            attributes += [f"ml.model.version={state.version}"] if state.version else []
            ranged = {"from": [state.period.start], "to": [state.period.end], "tz": [state.zone]}
            page_link("traces", "Its requests", {"section": ["search"], "attr": attributes, **ranged})
