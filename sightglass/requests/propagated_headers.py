"""Which headers carry context: a request without them need not be asked for any."""

from typing import Any

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


def propagated_headers(propagator: Any) -> frozenset[bytes] | None:
    """Names of the headers that a propagator reads; None where it may read others than it names, or none at all.

    Args:
        propagator: The process's propagator.
    """
    parts = propagator._propagators if type(propagator) is CompositePropagator else [propagator]  # noqa: SLF001  # no public way
    if any(type(part) not in (TraceContextTextMapPropagator, W3CBaggagePropagator) for part in parts):
        return None
    return frozenset(name.lower().encode() for name in propagator.fields)
