"""Scoring without HTTP: the model, its card and the weather behind one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np
import onnxruntime

from services.ml_api.card import ModelCard
from services.ml_api.features import CATEGORIES, NUMBERS, FeatureRow, FlightPlan, feature_row
from services.ml_api.model_store import MODEL_NAME, ModelBrokenError, ModelStore
from services.ml_api.weather import Weather, WeatherTable, WeatherValues, read_weather_if_any
from sightglass import Model

_SCORE_DIGITS = 7
_SLOW_SECONDS = 0.02
_QUICK_IN_A_ROW = 10


@dataclass(frozen=True, slots=True)
class Decision:
    """What a score amounts to."""

    label: str
    score: float
    positive: bool
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class PredictionResult:
    """One prediction with everything that led to it; durations in seconds."""

    decision: Decision
    features: FeatureRow
    features_source: Literal["store", "fallback"]
    weather_seconds: float
    model_seconds: float

    @property
    def label(self) -> str:
        """The decided label."""
        return self.decision.label

    @property
    def score(self) -> float:
        """The probability of the positive label."""
        return self.decision.score

    @property
    def scores(self) -> dict[str, float]:
        """The probability of each label."""
        return self.decision.scores

    @property
    def positive(self) -> bool:
        """Whether the decided label is the positive one."""
        return self.decision.positive


class Pace:
    """Says whether the next call may hold up the event loop.

    A hop to a thread costs more than this model's whole call, so only a call that was slow makes the next ones take
    it, until several in a row were quick again.
    """

    def __init__(self) -> None:
        self._quick_needed = 0

    @property
    def quick(self) -> bool:
        """Whether calls are microseconds of work."""
        return self._quick_needed == 0

    def note(self, seconds: float) -> None:
        """Take a call of a few rows into account."""
        if seconds >= _SLOW_SECONDS:
            self._quick_needed = _QUICK_IN_A_ROW
        elif self._quick_needed:
            self._quick_needed -= 1


class Predictor:
    """A loaded model version; may be used from several threads.

    Args:
        card: The model's card.
        model_bytes: The ONNX model.
        weather: The hourly table.

    Attributes:
        card: The model's card.
        model: What telemetry calls it.
        weather: The hourly table.
        pace: How quick it has been of late, as told by its callers.

    Raises:
        ModelBrokenError: onnxruntime does not take the model.
    """

    def __init__(self, card: ModelCard, model_bytes: bytes, weather: WeatherTable) -> None:
        self.card = card
        self.model = Model(name=card.name, version=card.version, task=card.task)
        self.weather = weather
        self.pace = Pace()
        negatives = [label for label in card.labels if label != card.positive_label]
        self._negative_label = negatives[0]
        options = onnxruntime.SessionOptions()
        # One request is microseconds of work: more threads would only fight the event loop for the cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise ModelBrokenError(f"The model {card.name} {card.version} can't be loaded: {error}.") from error

    @classmethod
    def load(
        cls,
        models_dir: Path,
        name: str = MODEL_NAME,
        version: str | None = None,
        hours: Mapping[tuple[str, int], WeatherValues] | None = None,
    ) -> Self:
        """The active (or the named) version from disk.

        Without its weather table every prediction falls back to the card's medians.

        Args:
            models_dir: The folder of all models.
            name: The model.
            version: The active one when left out.
            hours: The weather, when the caller has it in memory already.

        Raises:
            ModelMissingError: There is no such model or version.
            ModelBrokenError: It can't be used.
        """
        store = ModelStore(models_dir, name)
        stored = store.load(version)
        if hours is None:
            hours = read_weather_if_any(store.weather_path)
        return cls(stored.card, stored.model_bytes, WeatherTable(hours, stored.card.fallback))

    def look_up_weather(self, plan: FlightPlan) -> Weather:
        """The weather of the scheduled hour at the origin, or what stands in for it."""
        return self.weather.look_up(plan.origin, plan.hour_utc())

    def decide(self, rows: Sequence[FeatureRow]) -> list[Decision]:
        """One decision per feature row, by one call of the model."""
        feeds: dict[str, Any] = {name: np.array([[row[name]] for row in rows], dtype=object) for name in CATEGORIES}
        feeds["numbers"] = np.array([[row[name] for name in NUMBERS] for row in rows], dtype=np.float32)
        positives = self._session.run(["positive"], feeds)[0][:, 0]
        return [self._decision(round(score, _SCORE_DIGITS)) for score in positives.tolist()]

    def predict(self, plan: FlightPlan) -> PredictionResult:
        """Whether one flight arrives late."""
        return self.predict_many([plan])[0]

    def predict_many(self, plans: Sequence[FlightPlan]) -> list[PredictionResult]:
        """Whether each of several flights arrives late; durations are each row's share."""
        if not plans:
            return []
        started = perf_counter()
        weathers = [self.look_up_weather(plan) for plan in plans]
        rows = [feature_row(plan, weather.values) for plan, weather in zip(plans, weathers, strict=True)]
        looked_up = perf_counter()
        decisions = self.decide(rows)
        done = perf_counter()
        weather_seconds = (looked_up - started) / len(plans)
        model_seconds = (done - looked_up) / len(plans)
        return [
            PredictionResult(decision, row, weather.source, weather_seconds, model_seconds)
            for decision, row, weather in zip(decisions, rows, weathers, strict=True)
        ]

    def _decision(self, score: float) -> Decision:
        positive = score >= self.card.threshold
        label = self.card.positive_label if positive else self._negative_label
        scores = {self.card.positive_label: score, self._negative_label: round(1.0 - score, _SCORE_DIGITS)}
        return Decision(label, score, positive, scores)
