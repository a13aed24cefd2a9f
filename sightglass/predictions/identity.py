"""What all predictions of one model, version, variant and source have in common: made once, used for each."""

from typing import Any, Final, NamedTuple

from sightglass import attributes
from sightglass.instruments import Key
from sightglass.otlp.logs import encode_attributes
from sightglass.predictions.model import Model
from sightglass.predictions.model_metrics import ModelMetrics, ModelPoints
from sightglass.text import MAX_NAME_CHARACTERS, clean_text

# A caller's free text must not fill the memory.
_MOST: Final = 1_000


class Identity(NamedTuple):
    """The constant part of a prediction.

    Args:
        attributes: Of its event and span.
        encoded: The same, as a part of an OTLP log record.
        counted: Attributes of its count.
        points: Where it is measured.
        fallback: Whether features were replaced.
        marks: What was cut of it.
    """

    attributes: dict[str, Any]
    encoded: bytes
    counted: Key
    points: ModelPoints
    fallback: bool
    marks: tuple[str, ...]


class Identities:
    """Finds the identity of a prediction.

    Args:
        metrics: The models' measurements.
    """

    def __init__(self, metrics: ModelMetrics) -> None:
        self._metrics = metrics
        self._known: dict[tuple[str, str, str, str, str], Identity] = {}

    def find(self, model: Model, variant: Any, features_source: Any) -> Identity:
        """The identity of these; whatever they are, it is text."""
        try:
            key = (model.name, model.version, model.task, variant, features_source)
            found = self._known.get(key)
        except Exception:  # not even hashable
            return self._make(model, variant, features_source)
        if found is None:
            found = self._make(model, variant, features_source)
            if len(self._known) < _MOST:
                self._known[key] = found
        return found

    def _make(self, model: Model, variant: Any, features_source: Any) -> Identity:
        cleaned = {
            name: clean_text(given, MAX_NAME_CHARACTERS)
            for name, given in (
                (attributes.MODEL_NAME, model.name),
                (attributes.MODEL_VERSION, model.version),
                (attributes.TASK, model.task),
                (attributes.VARIANT, variant),
                (attributes.FEATURES_SOURCE, features_source),
            )
        }
        values = {name: text for name, (text, _) in cleaned.items()}
        counted = tuple((name, value) for name, value in values.items() if name != attributes.TASK)
        points = self._metrics.points(
            values[attributes.MODEL_NAME], values[attributes.MODEL_VERSION], values[attributes.VARIANT]
        )
        return Identity(
            values,
            encode_attributes(values),
            counted,
            points,
            values[attributes.FEATURES_SOURCE] == attributes.FALLBACK,
            tuple(f"{name}:text" for name, (_, changed) in cleaned.items() if changed),
        )
