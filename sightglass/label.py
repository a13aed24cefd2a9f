"""`record_label`: what turned out to be true."""

import time
from datetime import UTC, datetime
from typing import Any

from opentelemetry._logs import SeverityNumber

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.prediction import to_nanoseconds
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
        values: dict[str, Any] = {
            attributes.PREDICTION_ID: name_text(prediction_id),
            attributes.LABEL_VALUE: label_text(label),
            attributes.LABEL_OBSERVED_AT: _timestamp_text(observed_at),
        }
        if arrived_at is not None:
            values[attributes.LABEL_ARRIVED_AT] = _timestamp_text(arrived_at)
        telemetry.tallies.labels.add()
        telemetry.events.emit(
            timestamp=time.time_ns() if timestamp is None else to_nanoseconds(timestamp),
            severity_number=SeverityNumber.INFO,
            attributes=values,
            event_name=attributes.LABEL_EVENT,
        )
    except Exception:
        report_fault("record_label")


def _timestamp_text(moment: datetime | int) -> str:
    """RFC 3339 in UTC with nine digits, which sorts as text and keeps every nanosecond."""
    seconds, nanoseconds = divmod(to_nanoseconds(moment), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
