"""Emits the doctor's synthetic prediction with the library: `python -m services.cli.doctor.emission`.

A process of its own, so that the variables of the instance are its environment, and nothing of telemetry stays behind.
"""

import json
import logging

from opentelemetry.trace import SpanKind

from services.monitoring_api.queries.synthetic import MODEL, SERVICE, VARIANT
from sightglass import Model, record_prediction, start

_FLUSH_SECONDS = 10.0


def main() -> None:
    """Emit one span with one prediction in it, and print their ids and whether the receiver took them."""
    logging.basicConfig(level=logging.WARNING)
    telemetry = start(SERVICE, model=Model(MODEL, "1", "binary"))
    with telemetry.tracer.start_as_current_span("synthetic prediction", kind=SpanKind.INTERNAL) as span:
        prediction_id = record_prediction({"synthetic": True}, score=0.5, label="synthetic", variant=VARIANT)
        trace_id = f"{span.get_span_context().trace_id:032x}"
    delivered = telemetry.flush(_FLUSH_SECONDS)
    print(json.dumps({"prediction_id": prediction_id, "trace_id": trace_id, "delivered": delivered}))


if __name__ == "__main__":
    main()
