"""`record_model_switch`: another version answers from now on."""

from typing import Any

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.moment import moment_or_now
from sightglass.predictions.model import Model, usable_model
from sightglass.telemetry import current, warn_not_running
from sightglass.text import name_text


def record_model_switch(
    model: Model,
    *,
    previous_version: str | None,
    reason: str,
    variant: str = attributes.CHAMPION,
    timestamp: Any = None,
) -> None:
    """Record that another version of a model answers, as an event that charts can mark. Never raises.

    Args:
        model: The version that answers from now on.
        previous_version: The one that answered before; None when there was none.
        reason: Why: `promote`, `rollback`, or what else the service does.
        variant: Which part it takes: `champion`, or `shadow`.
        timestamp: When, a datetime or nanoseconds since the epoch; now when left out.
    """
    try:
        telemetry = current()
        if telemetry is None:
            warn_not_running("model switch")
            return
        moment, replaced = moment_or_now(timestamp)
        usable = usable_model(model, None)
        marks = ("timestamp:replaced",) * replaced + ("model:replaced",) * (usable is not model)
        values: dict[str, Any] = {
            attributes.MODEL_NAME: name_text(usable.name),
            attributes.MODEL_VERSION: name_text(usable.version),
            attributes.VARIANT: name_text(variant),
            attributes.SWITCH_REASON: name_text(reason),
        }
        if previous_version is not None:
            values[attributes.PREVIOUS_VERSION] = name_text(previous_version)
        if marks:
            values[attributes.TRUNCATED] = marks
        telemetry.events.emit(attributes.MODEL_SWITCH_EVENT, moment, values)
    except Exception:
        report_fault("record_model_switch")
