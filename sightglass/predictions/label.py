"""`record_label`: what turned out to be true."""

from datetime import datetime
from typing import Any

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.moment import moment_or_now, to_text
from sightglass.telemetry import current
from sightglass.text import label_text, name_text


def record_label(
    prediction_id: str,
    label: Any,
    *,
    observed_at: datetime | int,
    arrived_at: datetime | int | None = None,
    timestamp: datetime | int | None = None,
) -> None:
    """Record the true label of a prediction. Never raises; the prediction itself may come later.

    Args:
        prediction_id: What `record_prediction` returned.
        label: The true class, or the true number of a regression.
        observed_at: The moment that the label describes, a datetime or nanoseconds since the epoch.
        arrived_at: When it became known, if not on its insertion into the store: only for replays.
        timestamp: Time of the event; now when left out.
    """
    try:
        telemetry = current()
        if telemetry is None:
            return
        at, at_replaced = moment_or_now(timestamp)
        observed, observed_replaced = moment_or_now(observed_at)
        values: dict[str, Any] = {
            attributes.PREDICTION_ID: name_text(prediction_id),
            attributes.LABEL_VALUE: label_text(label),
            attributes.LABEL_OBSERVED_AT: to_text(observed),
        }
        replaced = {"timestamp": at_replaced, "observed_at": observed_replaced}
        if arrived_at is not None:
            arrived, replaced["arrived_at"] = moment_or_now(arrived_at)
            values[attributes.LABEL_ARRIVED_AT] = to_text(arrived)
        if any(replaced.values()):
            values[attributes.TRUNCATED] = tuple(f"{name}:replaced" for name, was in replaced.items() if was)
        telemetry.tallies.labels.add(at_ns=at)
        telemetry.events.emit(attributes.LABEL_EVENT, at, values)
    except Exception:
        report_fault("record_label")
