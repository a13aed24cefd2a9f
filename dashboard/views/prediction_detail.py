"""One prediction: what was decided, what became of it, what it was decided from, and where."""

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.charts.units import figure
from dashboard.model_questions import reference
from dashboard.navigation import go_to, has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.prediction_answers import Decision, Prediction
from dashboard.prediction_questions import one_prediction
from dashboard.session import now
from dashboard.states.models import ModelsState
from dashboard.states.predictions import PredictionsState
from dashboard.time_range import age, zone_name, zone_of
from dashboard.views.asking import ask_lately
from dashboard.views.prediction_features import draw_features
from dashboard.views.waiting import waiting

_NOT_FOUND: Final = 404
_SCORES_SHOWN: Final = 20


def draw_detail(state: PredictionsState) -> ApiError | None:
    """Draw the prediction that the state names; why not, where it cannot be."""
    if st.button("Back to the search", icon=":material/arrow_back:", type="tertiary", key="predictions.back"):
        query = state.query()
        del query["prediction"]
        go_to("predictions", query)
    with waiting("predictions", "one", words="Asking the monitoring API …"):
        (prediction,) = ask_lately([one_prediction(state.prediction)])
    if isinstance(prediction, ApiError):
        if prediction.status == _NOT_FOUND:
            _gone(state.prediction)
            return None
        return prediction
    (known,) = ask_lately([reference(prediction.model.name, prediction.model.version)])
    _decided(prediction, state)
    left, right = st.columns(2)
    with left:
        _became(prediction, state)
    with right:
        _others(prediction)
    draw_features(prediction, known, state)
    return None


def _gone(prediction_id: str) -> None:
    st.info(
        f"**There is no prediction {plain(prediction_id, 80)}.** One made just now may still be on its way: reload "
        "in a few seconds. An old one may be beyond what is kept. `record_prediction` returns the id to ask for.",
        icon=":material/search_off:",
    )


def _decided(prediction: Prediction, state: PredictionsState) -> None:
    zone = zone_of(state.zone)
    with st.container(border=True):
        st.subheader(_headline(prediction), anchor=False)
        at = prediction.timestamp.astimezone(zone)
        entity = one_line(prediction.entity_id, 64) if prediction.entity_id else "–"
        facts = {
            "Model": prediction.model.name,
            "Version": prediction.model.version or "–",
            "Variant": prediction.variant or "–",
            "Made": f"{at:%d %b %Y %H:%M:%S} ({zone_name(zone, at)})",
            "By": prediction.service or "–",
            "Took": figure(prediction.duration_seconds, "s"),
            "Features from": prediction.features_source or "–",
            "About (entity)": entity,
        }
        _facts(facts)
        st.code(one_line(prediction.prediction_id, 256), language=None)
        if prediction.replayed:
            st.caption("It was replayed: its time is when it was made, not when it was stored.")
        _links(prediction, state)


def _headline(prediction: Decision) -> str:
    if prediction.value is not None:
        return f"Predicted {prediction.value:.6g}"
    decided = plain(prediction.label or "nothing", 80)
    score = "" if prediction.score is None else f" with a score of {prediction.score:.4f}"
    return f"Decided {decided}{score}"


def _facts(facts: Mapping[str, str]) -> None:
    names = list(facts)
    for start in range(0, len(names), 4):
        for place, name in zip(st.columns(4), names[start : start + 4], strict=False):
            place.markdown(f":gray[{name}]  \n**{plain(facts[name], 120)}**")


def _links(prediction: Prediction, state: PredictionsState) -> None:
    with st.container(horizontal=True):
        if prediction.trace_id:
            if has_page("traces"):
                query = {"trace": [prediction.trace_id], "tz": [state.zone]}
                query |= {"span": [prediction.span_id]} if prediction.span_id else {}
                page_link("traces", "Its trace", query, icon=":material/account_tree:")
            if has_page("logs"):
                page_link(
                    "logs", "Its logs", {"trace": [prediction.trace_id], "tz": [state.zone]}, icon=":material/notes:"
                )
        else:
            st.caption("It was made outside of any trace.", width="content")
        model = ModelsState(
            model=prediction.model.name, version=prediction.model.version, period=state.period, zone=state.zone
        )
        page_link("models", "Its model", model.query(), icon=":material/model_training:")
        if prediction.entity_id:
            about = PredictionsState(
                model=prediction.model.name, entity=prediction.entity_id, period=state.period, zone=state.zone
            )
            page_link("predictions", "All about the same", about.query(), icon=":material/person_search:")


def _became(prediction: Prediction, state: PredictionsState) -> None:
    zone = zone_of(state.zone)
    with st.container(border=True, height="stretch"):
        st.markdown("**What became of it**")
        if prediction.label_value is None:
            st.markdown(f":gray[:material/hourglass_top:] No label has come in {age(prediction.timestamp, now())}.")
            st.caption("Labels are sent by this id when it is known what was true: `sightglass labels load`.")
            return
        was = plain(prediction.label_value, 200)
        match prediction.correct:
            case True:
                st.markdown(f":green[:material/check_circle: Right]: it was **{was}**.")
            case False:
                st.markdown(f":orange[:material/error: Wrong]: it was **{was}**.")
            case _:
                st.markdown(_measured(prediction, was))
        if prediction.label_observed_at is not None:
            waited = age(prediction.timestamp, prediction.label_observed_at)
            st.caption(f"Known {waited} after the prediction.")
        if corrections := len(prediction.labels) - 1:
            times = "once" if corrections == 1 else f"{corrections} times"
            st.markdown(f"It was corrected {times}; the first line holds.")
        rows = [
            (
                one_line(one.value, 120),
                f"{one.observed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                f"{one.arrived_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            )
            for one in prediction.labels
        ]
        frame = pd.DataFrame(rows, columns=["Label", "Observed", "Arrived"])
        st.dataframe(frame, hide_index=True, key="predictions.labels", alt="Every version of its label")


def _measured(prediction: Prediction, was: str) -> str:
    """What a regression was off by."""
    try:
        error = (prediction.value or 0.0) - float(prediction.label_value or "")
    except ValueError:
        return f"It was **{was}**."
    if prediction.value is None:
        return f"It was **{was}**."
    return f"It was **{was}**: the prediction was off by **{error:+.6g}**."


def _others(prediction: Prediction) -> None:
    with st.container(border=True, height="stretch"):
        if prediction.scores:
            st.markdown("**Its scores**")
            ranked = sorted(prediction.scores.items(), key=lambda pair: -pair[1])[:_SCORES_SHOWN]
            frame = pd.DataFrame(
                [(one_line(name, 60), f"{score:.4f}") for name, score in ranked], columns=["Class", "Score"]
            )
            st.dataframe(frame, hide_index=True, key="predictions.scores", alt="The score of each class")
            st.caption(_threshold(prediction))
        st.markdown("**What others would have answered**")
        if not prediction.variants:
            st.caption(
                "No shadow was asked the same: `sightglass models shadow` lets another version answer beside it."
            )
            return
        rows = [
            (
                one_line(one.variant, 30),
                one_line(one.model.version, 40),
                f"{one.value:.6g}" if one.value is not None else one_line(one.label or "–", 60),
                "–" if one.score is None else f"{one.score:.4f}",
                {True: "right", False: "wrong", None: "–"}[one.correct],
            )
            for one in prediction.variants
        ]
        frame = pd.DataFrame(rows, columns=["Variant", "Version", "Decided", "Score", "Is"])
        st.dataframe(frame, hide_index=True, key="predictions.variants", alt="What other variants answered")


def _threshold(prediction: Prediction) -> str:
    """What can be said of the threshold: events tell the decision and the score, not where the line was."""
    if prediction.task != "binary" or prediction.score is None or prediction.positive is None:
        return "It decided for the class with the highest score, unless your service says otherwise."
    if prediction.positive:
        return f"It decided for the positive class, so the threshold was at most {prediction.score:.4f}."
    return f"It decided against the positive class, so the threshold was above {prediction.score:.4f}."
