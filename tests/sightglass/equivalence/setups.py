"""The environments, samplers, processors and propagators under which both are compared."""

from typing import Any

from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tests.sightglass.equivalence.observation import Setup

_CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS"


class Deciding(Sampler):
    """A sampler of somebody's own.

    Args:
        decide: Given the attributes, the decision, and attributes and a trace state for the span.
    """

    def __init__(self, decide: Any) -> None:
        self._decide = decide

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):  # noqa: ARG002, PLR0917  # interface
        """Decide."""
        return SamplingResult(*self._decide(dict(attributes or {})))

    def get_description(self) -> str:
        """Its name."""
        return "Deciding"


class Looking(SpanProcessor):
    """A processor of somebody's own that changes spans when they start and end."""

    def on_start(self, span, parent_context=None):  # noqa: ARG002  # interface
        """Add, and replace."""
        span.set_attribute("seen.at", "start")
        span.set_attribute("url.path", "[hidden]")
        span.update_name(f"{span.name} seen")

    def _on_ending(self, span):
        span.set_attribute("seen.finally", (span.attributes or {}).get("url.path", "none"))

    def on_end(self, span):
        """Look."""
        assert span.end_time is not None


class Everyone(TextMapPropagator):
    """A propagator that names no header, reads one of its own, and always leaves a parent."""

    def extract(self, carrier, context=None, getter=None):
        """The header `x-parent`, or else always the same parent."""
        found = getter.get(carrier, "x-parent")
        parent = SpanContext(int((found or ["77"])[0]), 5, is_remote=True, trace_flags=TraceFlags(1))
        return set_span_in_context(NonRecordingSpan(parent), context)

    def inject(self, carrier, context=None, setter=None):
        """Nothing goes out."""

    @property
    def fields(self):
        """None."""
        return set()


def sampled_by(sampler: Sampler) -> Any:
    """Prepare a telemetry with a sampler."""

    def prepare(telemetry: Any) -> None:
        telemetry.tracer_provider.sampler = sampler

    return prepare


def _watched(telemetry: Any) -> None:
    telemetry.tracer_provider.add_span_processor(Looking())


def _trace_ids_that_are_not_random(telemetry: Any) -> None:
    telemetry.tracer_provider.id_generator.is_trace_id_random = lambda: False


_KEEP = Decision.RECORD_AND_SAMPLE
_LIMITS = {
    " and ".join(f"{name}={number}" for name, number in limits.items()): Setup(
        {f"OTEL_{name}_LIMIT": str(number) for name, number in limits.items()}
    )
    for limits in (
        *({"SPAN_ATTRIBUTE_COUNT": number} for number in (0, 1, 5, 14, 200)),
        *({"SPAN_ATTRIBUTE_VALUE_LENGTH": number} for number in (1, 12)),
        *({"SPAN_EVENT_COUNT": number, "SPAN_LINK_COUNT": number} for number in (0, 3)),
        *({"EVENT_ATTRIBUTE_COUNT": number, "LINK_ATTRIBUTE_COUNT": number} for number in (0, 1)),
        {"ATTRIBUTE_COUNT": 6, "ATTRIBUTE_VALUE_LENGTH": 6},
    )
}
_SAMPLERS = (
    {
        f"{name} {argument}".strip(): Setup({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument})
        for name, argument in (
            *(("always_on", ""), ("always_off", ""), ("traceidratio", "0.5"), ("parentbased_always_on", "")),
            *(("parentbased_always_off", ""), ("parentbased_traceidratio", "0.5")),
        )
    }
    | {
        f"a sampler that {what}": Setup(prepare=sampled_by(Deciding(decide)))
        for what, decide in {
            "reads attributes": lambda found: (
                _KEEP if found.get("url.path") == "/plain" else Decision.DROP,
                {"all": sorted(found)},
            ),
            "adds attributes": lambda found: (_KEEP, found | {"sampled.by": "me"}),
            "replaces attributes": lambda _: (_KEEP, {"url.path": "[hidden]"}),
            "leaves attributes out": lambda _: (_KEEP, None),
            "only records": lambda found: (Decision.RECORD_ONLY, found),
            "sets a trace state": lambda found: (_KEEP, found, TraceState([("k", "v")])),
        }.items()
    }
    | {
        "a sampler of roots only": Setup(
            prepare=sampled_by(
                ParentBased(ALWAYS_ON, remote_parent_sampled=Deciding(lambda _: (_KEEP, {"sampled.by": "remote"})))
            )
        ),
    }
)
SETUPS: dict[str, Setup] = {
    "nothing special": Setup(),
    "captured headers": Setup(
        {
            f"{_CAPTURE}_SERVER_REQUEST": "X-One,x-.*,Authorization",
            f"{_CAPTURE}_SERVER_RESPONSE": "x-one,Set-Cookie,X-.*",
            f"{_CAPTURE}_SANITIZE_FIELDS": ".*token.*,authorization,set-cookie",
        }
    ),
    "all headers captured": Setup({f"{_CAPTURE}_SERVER_{which}": ".*" for which in ("REQUEST", "RESPONSE")}),
    "excluded URLs": Setup(excluded_urls="plain$,testserver/items,deep,socket"),
    "excluded URLs of FastAPI": Setup({"OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "plain,fails"}),
    "excluded URLs of all": Setup({"OTEL_PYTHON_EXCLUDED_URLS": "instrumented,/docs"}),
    **_SAMPLERS,
    **_LIMITS,
    "a processor": Setup(prepare=_watched),
    "a processor and a limit": Setup({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "4"}, prepare=_watched),
    "trace ids that are not random": Setup(prepare=_trace_ids_that_are_not_random),
    "replayed": Setup(replayed=True),
    "another propagator": Setup(textmap=Everyone()),
    "trace context alone": Setup(textmap=TraceContextTextMapPropagator()),
    "another response propagator": Setup(propagator=TraceResponsePropagator()),
    "the SDK's own metrics": Setup({"OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true"}),
    **{f"exemplars {which}": Setup({"OTEL_METRICS_EXEMPLAR_FILTER": which}) for which in ("always_on", "always_off")},
    "all exemplars of nothing sampled": Setup(
        {"OTEL_METRICS_EXEMPLAR_FILTER": "always_on", "OTEL_TRACES_SAMPLER": "always_off"}
    ),
    **{
        f"{which} temporality": Setup({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": which})
        for which in ("delta", "lowmemory")
    },
    "exponential histograms": Setup(
        {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}
    ),
    "every method": Setup({"OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS": "true"}),
    "the SDK off": Setup({"OTEL_SDK_DISABLED": "true"}),
}
