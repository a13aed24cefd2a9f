"""`record_label`: what turned out to be true."""

import functools
import logging
from datetime import datetime
from typing import Any

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.moment import moment_or_now, to_text
from sightglass.telemetry import current, warn_not_running
from sightglass.text import identifier_text, label_text

_logger = logging.getLogger(__name__)


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
        prediction_id: What `record_prediction` returned. Without one there is nothing to record.
        label: The true class, or the true number of a regression; None, which is no label, is not recorded.
        observed_at: The moment that the label describes, a datetime or nanoseconds since the epoch.
        arrived_at: When it became known, if not on its insertion into the store: only for replays.
        timestamp: Time of the event; now when left out.
    """
    try:
        telemetry = current()
        if telemetry is None:
            warn_not_running("label")
            return
        identifier, id_changed = identifier_text("" if prediction_id is None else prediction_id)
        if not identifier or label is None:
            _warn_incomplete()
            return
        at, at_replaced = moment_or_now(timestamp)
        observed, observed_replaced = moment_or_now(observed_at)
        text, cut = label_text(label)
        values: dict[str, Any] = {
            attributes.PREDICTION_ID: identifier,
            attributes.LABEL_VALUE: text,
            attributes.LABEL_OBSERVED_AT: to_text(observed),
        }
        marks = {
            f"{attributes.PREDICTION_ID}:text": id_changed,
            f"{attributes.LABEL_VALUE}:text": cut,
            "timestamp:replaced": at_replaced,
            "observed_at:replaced": observed_replaced,
        }
        if arrived_at is not None:
            arrived, marks["arrived_at:replaced"] = moment_or_now(arrived_at)
            values[attributes.LABEL_ARRIVED_AT] = to_text(arrived)
        if any(marks.values()):
            values[attributes.TRUNCATED] = tuple(mark for mark, is_set in marks.items() if is_set)
        telemetry.tallies.labels.add(at_ns=at)
        telemetry.events.emit(attributes.LABEL_EVENT, at, values)
    except Exception:
        report_fault("record_label")


@functools.cache
def _warn_incomplete() -> None:
    _logger.warning("A label without a prediction id, or a label that is None, was not recorded.")
