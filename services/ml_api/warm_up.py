"""The first calls of a model, made before anybody waits for an answer."""

from time import perf_counter
from typing import Final

from services.ml_api.card import CardFeature, ModelCard
from services.ml_api.features import FeatureRow, FeatureValue
from services.ml_api.model_store import ModelBrokenError
from services.ml_api.scoring import Predictor

_ROW_COUNTS: Final = (20, 1, 1)
_MEDIAN: Final = 50


def warm_up(predictor: Predictor) -> None:
    """Call the model on its card's own sample, so that its first request is as quick as the others, and note its pace.

    Raises:
        ModelBrokenError: It does not answer even that.
    """
    row = sample_row(predictor.card)
    try:
        for count in _ROW_COUNTS:
            started = perf_counter()
            predictor.decide([row] * count)
        predictor.pace.note(perf_counter() - started)
    except Exception as error:  # anything that a model may raise
        model = predictor.model
        raise ModelBrokenError(f"{model.name} {model.version} does not answer its own sample: {error}.") from error


def sample_row(card: ModelCard) -> FeatureRow:
    """The most ordinary input: the most frequent category and the median of everything, by the card."""
    return {feature.name: _ordinary(feature) for feature in card.features}


def _ordinary(feature: CardFeature) -> FeatureValue:
    if feature.categories:
        return max(feature.categories, key=feature.categories.__getitem__)
    return feature.quantiles[_MEDIAN] if feature.quantiles else None
