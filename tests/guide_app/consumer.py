"""Scores orders as messages come: one JSON object per line of standard input stands for your broker."""

import json
import signal
import sys
from collections.abc import Iterator
from typing import Any

from opentelemetry import propagate
from opentelemetry.trace import SpanKind

import sightglass


def messages() -> Iterator[dict[str, Any]]:
    """Wait for messages; each has headers and a value, as Kafka's have."""
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    """Score each message in a span of its own, within its sender's trace."""
    # Python ends at SIGTERM without another word; so, the `with` ends, and delivers what is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    model = sightglass.Model("returns", version="2026-11-01", task="binary")
    with sightglass.start("order-consumer", model=model) as telemetry:
        for message in messages():
            sender = propagate.extract(message["headers"])
            with telemetry.tracer.start_as_current_span("process orders", context=sender, kind=SpanKind.CONSUMER):
                order = message["value"]
                prediction_id = sightglass.record_prediction(order, score=min(0.95, order["price"] / 1000))
            print(prediction_id, flush=True)


if __name__ == "__main__":
    main()
