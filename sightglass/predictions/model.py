"""What a prediction says about the model that made it."""

from dataclasses import dataclass
from typing import Any, Final, Literal

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
