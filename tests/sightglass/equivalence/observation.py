"""One run: calls put to an application, and all that is seen of them."""

import asyncio
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from opentelemetry import context, trace
from opentelemetry.instrumentation import fastapi as fastapi_instrumentation
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.propagators import get_global_response_propagator, set_global_response_propagator
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.propagate import get_global_textmap, set_global_textmap
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.util.http import get_excluded_urls
from starlette.background import BackgroundTask

import sightglass
from sightglass import fastapi_application
from sightglass.export.exporters import OtlpExporters
from sightglass.telemetry import Telemetry, adopt
from sightglass.testing import InMemoryExporters
from tests.sightglass.equivalence import described
from tests.sightglass.equivalence.application import make_application
from tests.sightglass.equivalence.calls import CALLS, Call

# What a test or the machine sets must reach neither run.
_FOREIGN = ("OTEL_", "SIGHTGLASS_")


@dataclass(frozen=True, slots=True)
class Setup:
    """What both runs have in common.

    Args:
        environment: Variables.
        excluded_urls: As `instrument` takes it.
        prepare: Done to the telemetry before applications are instrumented.
        build: Makes the application, given what instruments one.
        propagator: The response propagator; the library's own when left out.
        textmap: The propagator of the process, in the place of OpenTelemetry's own.
        replayed: As `start` takes it.
        forgets: Whether the stock middleware forgets the last answer's size before each call, which it does not.
        sends: Whether all goes to the receiver that the environment names, instead of being kept.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    excluded_urls: str | None = None
    prepare: Callable[[Telemetry], object] = lambda _: None
    build: Callable[[Callable[[Any], Any]], Any] = make_application
    propagator: Any = None
    textmap: Any = None
    replayed: bool = False
    forgets: bool = True
    sends: bool = False


@dataclass(slots=True)
class Observation:
    """What was seen.

    Attributes:
        spans: By call, in the order they ended.
        answers: By call: each message, and the exception that left the application.
        metrics: Those of the requests, at the end.
    """

    spans: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


class WholeMetrics(MetricExporter):
    """Keeps the latest export as it is."""

    def __init__(self, like: MetricExporter | None = None) -> None:
        super().__init__(
            preferred_temporality=getattr(like, "_preferred_temporality", None),
            preferred_aggregation=getattr(like, "_preferred_aggregation", None),
        )
        self.latest: Any = None

    def export(self, metrics_data, timeout_millis=0, **_):  # noqa: ARG002  # interface
        """Keep it."""
        self.latest = metrics_data
        return MetricExportResult.SUCCESS

    def shutdown(self, *_, **__):
        """Nothing to close."""

    def force_flush(self, *_, **__):
        """Nothing is held back."""
        return True


class KeepingExporters(InMemoryExporters):
    """In memory; metrics as an OTLP exporter of this environment prefers them."""

    def __init__(self) -> None:
        super().__init__()
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        self.whole_metrics = WholeMetrics(OTLPMetricExporter(endpoint="http://127.0.0.1:9/v1/metrics"))

    def metrics(self, attempts):  # noqa: ARG002  # interface
        """The exporter for metrics."""
        return self.whole_metrics


class Ids(RandomIdGenerator):
    """The same ids in each run, call by call."""

    def begin(self, name: str) -> None:
        """A call begins: one that has other ids than it should leaves the next ones theirs."""
        self._numbers = random.Random(name)

    def generate_span_id(self) -> int:
        """The next span's id."""
        return self._numbers.getrandbits(63) + 1

    def generate_trace_id(self) -> int:
        """The next trace's id."""
        return self._numbers.getrandbits(127) + 1


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Only these variables, and what the SDK reads from them when it is imported."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
            del os.environ[name]
        os.environ.update(variables)
        excluded = patch.object(fastapi_instrumentation, "_excluded_urls_from_env", get_excluded_urls("FASTAPI"))
        with excluded, _unpatched_background_tasks():
            yield


@contextmanager
def _unpatched_background_tasks() -> Iterator[None]:
    """The instrumentor patches them once per process, with the tracer of whoever came first: here nobody has."""
    patched, original = BackgroundTask.__call__, getattr(BackgroundTask, "_otel_original_call", None)
    if original is None:
        yield
        return
    BackgroundTask.__call__ = original
    del BackgroundTask._otel_original_call
    try:
        yield
    finally:
        BackgroundTask.__call__ = patched
        BackgroundTask._otel_original_call = original


def observe(setup: Setup, calls: Mapping[str, Call] = CALLS, *, stock: bool) -> Observation:
    """Put the calls to an application that is instrumented anew."""
    seen = Observation()
    with environment(**setup.environment):
        before: Any = get_global_response_propagator(), get_global_textmap()
        set_global_response_propagator(setup.propagator)
        set_global_textmap(setup.textmap or before[1])
        exporters = OtlpExporters(stock=stock) if setup.sends else KeepingExporters()
        apps: list[Any] = []

        def instrument(app: Any) -> None:
            apps.append(app)
            sightglass.instrument(app, excluded_urls=setup.excluded_urls)

        try:
            with adopt(_telemetry(exporters, setup, stock=stock)) as telemetry:
                ids = telemetry.tracer_provider.id_generator = Ids()
                setup.prepare(telemetry)
                app = setup.build(instrument)
                forget = [_stock_middleware(each) for each in apps] if setup.forgets else []
                asyncio.run(_Run(app, telemetry, exporters, ids, forget, seen).make(calls))
                telemetry.flush()
                if isinstance(exporters, KeepingExporters) and exporters.whole_metrics.latest is not None:
                    seen.metrics = described.metrics(exporters.whole_metrics.latest)
        finally:
            set_global_response_propagator(before[0])
            set_global_textmap(before[1])
            for app in apps:
                FastAPIInstrumentor.uninstrument_app(app)
                fastapi_application._instrumented.pop(app, None)
    return seen


def _telemetry(exporters: Any, setup: Setup, *, stock: bool) -> Telemetry:
    return Telemetry("test", exporters=exporters, service_version="3", replayed=setup.replayed, stock=stock)


def _stock_middleware(app: Any) -> Any:
    layer = app.middleware_stack = app.build_middleware_stack()
    while type(layer) is not OpenTelemetryMiddleware:
        layer = layer.app
    return layer


@dataclass(slots=True)
class _Run:
    app: Any
    telemetry: Telemetry
    exporters: Any
    ids: Ids
    forget: list[Any]
    seen: Observation

    async def make(self, calls: Mapping[str, Call]) -> None:
        """Put one call after the other."""
        tracer = self.telemetry.tracer_provider.get_tracer("around", "1")
        for name, call in calls.items():
            self.ids.begin(name)
            for middleware in self.forget:
                middleware.content_length_header = None
            with _around(call, tracer):
                self.seen.answers[name] = await answer(self.app, call)
            assert trace.get_current_span() is trace.INVALID_SPAN
            assert not context.get_current()
            if isinstance(self.exporters, KeepingExporters):
                self.telemetry.tracer_provider.force_flush()
                kept = self.exporters.kept_spans
                self.seen.spans[name] = [described.span(span) for span in kept.get_finished_spans()]
                kept.clear()


def _around(call: Call, tracer: Any) -> Any:
    if call.around == "span":
        return tracer.start_as_current_span("around", record_exception=False, set_status_on_exception=False)
    return suppress_http_instrumentation() if call.around == "suppressed" else nullcontext()


async def answer(app: Any, call: Call) -> list[Any]:
    """The messages that answer one call, and at last the exception that left the application."""
    sent: list[Any] = []
    received = iter(
        [{"type": "websocket.connect"}]
        if call.scope.get("type") == "websocket"
        else [{"type": "http.request", "body": call.body, "more_body": False}]
    )

    async def receive() -> dict[str, Any]:
        return next(received, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        if call.sends is not None and len(sent) >= call.sends:
            raise OSError("the client is gone")
        sent.append(dict(message) | {"headers": [tuple(header) for header in message.get("headers") or ()]})

    try:
        await app(call.as_scope(), receive, send)
    except asyncio.CancelledError as error:
        sent.append(repr(error))
    except Exception as error:
        sent.append(repr(error))
    return sent
