"""What the Predictions page asks of the monitoring API."""

from typing import Final
from urllib.parse import quote

from dashboard.api_client import Question
from dashboard.prediction_answers import Prediction, PredictionPage
from dashboard.states.predictions import PredictionsState

PAGE_LENGTH: Final = 50


def found_predictions(state: PredictionsState) -> Question[PredictionPage]:
    """A page of the predictions that meet a search."""
    asked = {
        "from": state.period.start,
        "to": state.period.end,
        "model": state.model,
        "version": state.version,
        "variant": state.variant,
        "label": state.label,
        "outcome": state.outcome,
        "min_score": "" if state.min_score is None else repr(state.min_score),
        "max_score": "" if state.max_score is None else repr(state.max_score),
        "entity": state.entity,
        "features_source": state.features_source,
        "cursor": state.cursor,
    }
    chosen = [(name, value) for name, value in asked.items() if value]
    features = [("feature", text) for text in state.features]
    return Question("/api/v1/predictions", PredictionPage, (*chosen, *features, ("limit", str(PAGE_LENGTH))))


def one_prediction(prediction_id: str) -> Question[Prediction]:
    """One prediction, whole."""
    return Question(f"/api/v1/predictions/{quote(prediction_id, safe='')}", Prediction)
