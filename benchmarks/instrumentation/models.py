"""The models that the service calls, with their requests.

`instant` costs a microsecond, so that what instrumentation adds stands alone; `demo` is the demo's trained flight
model; `2ms` is a fixed amount of native work that takes about 2 ms of CPU and lets other threads run meanwhile, as
ONNX Runtime and its like do. It is CPU and not waiting, because that is what a model of this size is.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from pydantic import BaseModel, create_model

MODELS: Final = ("instant", "demo", "2ms")
_SLOW_SECONDS: Final = 0.002
_DIFFERENT: Final = 64


class Outcome(NamedTuple):
    """What a model says."""

    label: str
    score: float
    scores: dict[str, float]
    positive: bool


class ServedModel(Protocol):
    """A model behind the service.

    Attributes:
        name: As the telemetry names it.
        version: As above.
    """

    name: str
    version: str

    @property
    def request(self) -> type[BaseModel]:
        """The body of a request, with `entity_id`."""

    def features(self, body: Any) -> dict[str, Any]:
        """What the model is shown."""

    def predict(self, features: Mapping[str, Any]) -> Outcome:
        """Score one request."""


class PlainModel:
    """A score from the first feature, after a fixed amount of native work.

    Args:
        features: How many features a request has: of every six four numbers, a whole number and a text.
        work: Rounds of hashing; none for the instant model.
    """

    name = "bench"
    version = "1"

    def __init__(self, features: int, work: int = 0) -> None:
        fields: dict[str, Any] = {name: (type(value), ...) for name, value in _example(features, 0).items()}
        self.request = create_model("Request", features=(create_model("Features", **fields), ...), entity_id=(str, ...))
        self._work = work

    def features(self, body: Any) -> dict[str, Any]:
        """The request's features as they came."""
        whole: dict[str, Any] = body.features.model_dump()
        return whole

    def predict(self, features: Mapping[str, Any]) -> Outcome:
        """Score one request."""
        if self._work:
            hashlib.pbkdf2_hmac("sha256", b"model", b"weights", self._work)
        return _outcome(1.0 / (1.0 + math.exp(-features["feature_00"])))


class DemoModel:
    """The demo's flight model, with the weather look-up that makes its features.

    Args:
        folder: The trained models.
    """

    def __init__(self, folder: Path) -> None:
        from services.ml_api.features import feature_row  # noqa: PLC0415  # heavy, and for this model alone
        from services.ml_api.schemas import PredictRequest  # noqa: PLC0415
        from services.ml_api.scoring import Predictor  # noqa: PLC0415

        self._predictor = Predictor.load(folder)
        self._row = feature_row
        self.name = self._predictor.model.name
        self.version = self._predictor.model.version
        self.request = PredictRequest

    def features(self, body: Any) -> dict[str, Any]:
        """The request's features and the hour's weather."""
        plan = body.features.plan()
        return self._row(plan, self._predictor.look_up_weather(plan).values)

    def predict(self, features: Mapping[str, Any]) -> Outcome:
        """Score one request."""
        decision = self._predictor.decide([dict(features)])[0]
        return Outcome(decision.label, decision.score, decision.scores, decision.positive)


def build_model(kind: str, features: int, *, work: int, folder: Path | None) -> ServedModel:
    """The model that a service process serves."""
    if kind == "demo":
        if folder is None:
            raise ValueError("the demo's model needs the folder it was trained into")
        return DemoModel(folder)
    return PlainModel(features, work if kind == "2ms" else 0)


def request_bodies(kind: str, features: int) -> list[bytes]:
    """Some different JSON bodies to send over and over."""
    if kind == "demo":
        flight = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "distance": 1400}
        shown: list[dict[str, Any]] = [
            {**flight, "sched_dep": datetime(2013, 12, 8 + number % 7, number % 24).isoformat()}  # noqa: DTZ001
            for number in range(_DIFFERENT)
        ]
    else:
        shown = [_example(features, number) for number in range(_DIFFERENT)]
    bodies = [{"features": values, "entity_id": f"customer-{number:06d}"} for number, values in enumerate(shown)]
    return [json.dumps(body, separators=(",", ":")).encode() for body in bodies]


def calibrate_work() -> int:
    """How many rounds of hashing take 2 ms of CPU; measured once, so that all arms do the same work."""
    probe, best = 2_000, math.inf
    for _ in range(20):
        begun = time.thread_time()
        hashlib.pbkdf2_hmac("sha256", b"model", b"weights", probe)
        best = min(best, time.thread_time() - begun)
    return max(1, round(probe * _SLOW_SECONDS / best))


def _example(features: int, number: int) -> dict[str, Any]:
    kinds: tuple[Any, ...] = (
        math.sin(number),
        round(17.25 + number, 2),
        number * 3,
        f"category {number % 7}",
        1 / (number + 3),
        -0.5 * number,
    )
    return {f"feature_{place:02d}": kinds[place % len(kinds)] for place in range(features)}


def _outcome(score: float) -> Outcome:
    positive = score >= 0.5
    return Outcome("yes" if positive else "no", score, {"yes": score, "no": 1.0 - score}, positive)
