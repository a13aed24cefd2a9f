"""The models and predictions pages' states and their URLs are one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.states.models import SECTIONS, ModelsState
from dashboard.states.predictions import OUTCOMES, PredictionsState
from tests.dashboard.test_states import NOW, periods, words, zones

texts = st.text(max_size=60)
numbers = st.none() | st.floats(-1e9, 1e9)
conditions = st.lists(words, unique=True, max_size=5).map(tuple)


@given(
    st.builds(
        ModelsState,
        model=texts,
        version=texts,
        variant=words,
        section=st.sampled_from(SECTIONS),
        metric=texts,
        segment=texts,
        threshold=numbers,
        alarm_cost=st.floats(0, 1e9),
        miss_cost=st.floats(0, 1e9),
        features=conditions,
        filters=conditions,
        period=periods,
        zone=zones,
    )
)
def test_models_survive_their_url(state: ModelsState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert ModelsState.read(state.query(), NOW) == (state, [])


@given(
    st.builds(
        PredictionsState,
        prediction=texts,
        model=texts,
        version=texts,
        variant=words,
        label=texts,
        outcome=st.sampled_from(OUTCOMES),
        min_score=numbers,
        max_score=numbers,
        features=conditions,
        entity=texts,
        features_source=texts,
        cursor=texts,
        period=periods,
        zone=zones,
    )
)
def test_predictions_survive_their_url(state: PredictionsState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly; scores that cross are left out, and named."""
    if state.crossed:
        told, complaints = PredictionsState.read(state.query(), NOW)
        assert told == replace(state, min_score=None, max_score=None)
        assert complaints == ["min_score is greater than max_score."]
    else:
        assert PredictionsState.read(state.query(), NOW) == (state, [])


@pytest.mark.parametrize(
    ("name", "text"), [("threshold", "x"), ("threshold", "nan"), ("miss_cost", "-1"), ("section", "?")]
)
def test_what_makes_no_sense_is_named_and_left_out(name: str, text: str) -> None:
    """The page opens nevertheless."""
    state, (complaint,) = ModelsState.read({name: [text]}, NOW)
    assert complaint.startswith(f"{name}: ")
    assert state == ModelsState()
