"""A prediction's features, each against how it was distributed when the model was trained."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.charts.against_reference import category_against, number_against
from dashboard.feature_place import Place, place_of, value_text
from dashboard.filter_text import feature_filter
from dashboard.model_answers import FeatureReference, Reference
from dashboard.navigation import page_link
from dashboard.plain_text import one_line, plain
from dashboard.prediction_answers import Prediction
from dashboard.states.predictions import PredictionsState
from dashboard.views.lines import draw

_A_ROW: Final = 3
_DRAWN: Final = 24
_LONGEST_FILTER: Final = 200


def draw_features(prediction: Prediction, reference: Reference | ApiError, state: PredictionsState) -> None:
    """Draw the features, the most unusual first.

    Args:
        prediction: whose features.
        reference: of its version; why there is none.
        state: of the page.
    """
    st.subheader("Its features", anchor=False)
    if not prediction.features:
        st.info("This prediction was recorded without features: give them to `record_prediction`.")
        return
    known = reference if isinstance(reference, Reference) else None
    _source(prediction, reference)
    placed = [
        (name, value, one, place_of(value, one))
        for name, value in prediction.features.items()
        for one in [known.named(name) if known else None]
    ]
    placed.sort(key=lambda each: (each[3].rarity is None, each[3].rarity or 0.0))
    _summary([(name, place) for name, _, _, place in placed], known)
    drawn = [each for each in placed if each[2] is not None][:_DRAWN]
    for start in range(0, len(drawn), _A_ROW):
        for column, (name, value, one, place) in zip(st.columns(_A_ROW), drawn[start : start + _A_ROW], strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _feature(name, value, one, place)
                _alike(name, value, prediction, state)
    rest = [each for each in placed if each not in drawn]
    if rest:
        rows = [(one_line(name, 80), value_text(value, 200), place.words) for name, value, _, place in rest]
        frame = pd.DataFrame(rows, columns=["Feature", "Value", "Against the reference"])
        st.dataframe(frame, hide_index=True, key="predictions.features", alt="The other features and their values")
    missing = [one.name for one in known.features if one.name not in prediction.features] if known else []
    if missing:
        st.caption(f"The model was trained on these, too, which were not recorded: {plain(', '.join(missing), 400)}.")


def _source(prediction: Prediction, reference: Reference | ApiError) -> None:
    if prediction.features_source == "fallback":
        st.warning(
            "These features are not the real ones: the look-up failed, and fallback values stand in for them.",
            icon=":material/swap_horiz:",
        )
    if isinstance(reference, Reference):
        of = "this version" if reference.version else "every version"
        st.caption(
            f"Against the reference of {of}, {reference.rows:,} training rows. Bars are the training rows, the red "
            "mark is this prediction."
        )
    elif reference.status == 404:  # noqa: PLR2004 - not found
        st.info(
            "There is no reference to compare them with. Make one from the file that the model was trained on:  \n"
            "`sightglass reference build --model NAME --from training.parquet --label LABEL --score SCORE`",
            icon=":material/school:",
        )
    else:
        st.caption(f"The reference is not known: {plain(reference.detail, 200)}")


def _summary(placed: Sequence[tuple[str, Place]], reference: Reference | None) -> None:
    if reference is None:
        return
    odd = [name for name, place in placed if place.unusual]
    compared = sum(place.rarity is not None for _, place in placed)
    if odd:
        names = ", ".join(plain(name, 40) for name in odd[:6])
        more = f" and {len(odd) - 6} more" if len(odd) > 6 else ""  # noqa: PLR2004 - what a sentence bears
        st.markdown(f"**Unusual: {names}{more}.** Hardly any training row was like this.")
    elif compared:
        st.markdown(f"All {compared} features that can be compared lie where training rows often were.")


def _feature(name: str, value: Any, reference: FeatureReference | None, place: Place) -> None:
    mark = ":orange[:material/error:] " if place.unusual else ""
    st.markdown(f"{mark}**{plain(name, 60)}** = {plain(value_text(value), 80)}")
    if reference is not None:
        _chart(name, value, reference, place)
    st.caption(plain(place.words, 200))


def _alike(name: str, value: Any, prediction: Prediction, state: PredictionsState) -> None:
    text = feature_filter(name, value)
    if len(text) <= _LONGEST_FILTER:
        like = PredictionsState(model=prediction.model.name, features=(text,), period=state.period, zone=state.zone)
        page_link("predictions", "Others like this", like.query(), icon=":material/filter_alt:")


def _chart(name: str, value: Any, reference: FeatureReference, place: Place) -> None:
    words = f"{one_line(name, 60)}: {value_text(value)}. {place.words}"
    if reference.quantiles and len(reference.quantiles) > 1:
        chart = number_against(reference.quantiles, place.number)
    elif reference.categories:
        chart = category_against(
            {one_line(key): share for key, share in reference.categories.items()},
            reference.other_share,
            None if place.category is None else one_line(place.category),
        )
    else:
        return
    draw(chart, key=f"predictions.feature.{one_line(name, 200)}", alternative=words)
