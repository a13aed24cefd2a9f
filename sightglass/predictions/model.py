"""What a prediction says about the model that made it."""

import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

_logger = logging.getLogger(__name__)

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Model:
    """One version of one model.

    Args:
        name: Stable name, the same over all versions.
        version: What tells two artefacts apart, best a hash of their content.
        task: What it decides; it says how scores and labels are read.
    """

    name: str
    version: str
    task: Task = "binary"


UNKNOWN: Final = Model("unknown", "unknown")


def usable_model(given: Any, default: Model | None) -> Model:
    """`given` where it is a model, `default` where none was given, and the unknown one otherwise."""
    if given is None:
        return default or UNKNOWN
    # By its type: `isinstance` would ask the object, which may raise.
    if issubclass(type(given), Model):
        model: Model = given
        return model
    return UNKNOWN


def checked_model(given: Any) -> Model | None:
    """The model that telemetry is started with; of text a name is made, and anything else is none, with a warning."""
    if given is None or issubclass(type(given), Model):
        model: Model | None = given
        return model
    _logger.warning(
        "model= takes a sightglass.Model, not a %s; its version is recorded as unknown.", type(given).__name__
    )
    return Model(given, UNKNOWN.version) if isinstance(given, str) else None
