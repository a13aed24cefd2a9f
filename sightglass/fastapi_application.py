"""`instrument`: the telemetry of a FastAPI application."""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry.sdk.metrics import Meter

from sightglass.faults import report_fault
from sightglass.predictions.model import Model
from sightglass.requests.request_scope import prepare_scope
from sightglass.requests.trace_headers import install_trace_headers
from sightglass.settings import Settings
from sightglass.startup import keep_running, start, take_model
from sightglass.telemetry import Telemetry, current

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_SHUTDOWN_SECONDS: Final = 5.0
_SHUTDOWN_MESSAGES: Final = frozenset(
    {"lifespan.shutdown.complete", "lifespan.shutdown.failed", "lifespan.startup.failed"}
)

_instrumented: WeakKeyDictionary[Any, Telemetry] = WeakKeyDictionary()
_logger = logging.getLogger(__name__)


class EdgeMiddleware:
    """The outermost layer: flushes when the server stops, and keeps FastAPI's own telemetry from doubling ours.

    The lifespan is where to flush: after a SIGTERM uvicorn ends the process by that same signal, so that nothing
    registered to run at exit does.

    Args:
        app: The application's stack, with OpenTelemetry's middleware in it.
        telemetry: What is flushed.
    """

    def __init__(self, app: Application, telemetry: Telemetry) -> None:
        self.app = app
        self._telemetry = telemetry

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle one connection, or the lifespan."""
        if scope["type"] != "lifespan":
            prepare_scope(scope)
            await self.app(scope, receive, send)
            return

        async def send_after_flush(message: Message) -> None:
            if message["type"] in _SHUTDOWN_MESSAGES:
                await _run_in_thread(self._telemetry.flush, _SHUTDOWN_SECONDS)
            await send(message)

        await self.app(scope, receive, send_after_flush)


async def _run_in_thread(function: Callable[[float], bool], timeout_seconds: float) -> None:
    """Run a bounded function beside the loop; in the loop's own thread where it is not asyncio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        function(timeout_seconds)
    else:
        await asyncio.to_thread(function, timeout_seconds)


def instrument(
    app: Any,
    *,
    service_name: str | None = None,
    model: Model | None = None,
    excluded_urls: str | None = None,
    settings: Settings | None = None,
    stock: bool = False,
) -> Telemetry:
    """Trace and measure every request of a FastAPI application. A second call changes nothing.

    Call it right after the application was made, before it serves.

    Args:
        app: The FastAPI application.
        service_name: Name under which this service is found; else OTEL_SERVICE_NAME, else the application's title.
        model: The model that predictions are of, unless they say otherwise.
        excluded_urls: Comma-separated regular expressions of URLs that are not traced.
        settings: The library's own settings; those of the SIGHTGLASS_* variables when left out.
        stock: Keep OpenTelemetry's own middleware, batch processors and encoders: the same output, at their cost.
    """
    # Read once per process by the first instrumentation; the old conventions have other names for everything.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    telemetry = current()
    if telemetry is None:
        telemetry = start(
            service_name or os.environ.get("OTEL_SERVICE_NAME") or str(getattr(app, "title", "unknown_service")),
            model=model,
            service_version=getattr(app, "version", None),
            settings=settings,
            stock=stock,
        )
    else:
        asked = {"service_name": service_name, "settings": settings, "stock": stock or None}
        keep_running(telemetry, {name: value for name, value in asked.items() if value is not None})
        take_model(telemetry, model)
    try:
        _wrap(app, telemetry, _usable_expressions(excluded_urls))
    except Exception:
        # No FastAPI application, or one that does not let itself be changed: its requests go untraced.
        report_fault("instrument")
    return telemetry


def _wrap(app: Any, telemetry: Telemetry, excluded_urls: str | None) -> None:
    # Imported here, because a process without FastAPI uses the rest of this library.
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    before = _instrumented.get(app)
    if before is telemetry:
        return
    if before is not None:
        # That one was shut down; its layers are taken off.
        FastAPIInstrumentor.uninstrument_app(app)
    plain = app.build_middleware_stack
    try:
        if not getattr(app, "_is_instrumented_by_opentelemetry", False):
            FastAPIInstrumentor.instrument_app(
                app,
                tracer_provider=telemetry.tracer_provider,
                meter_provider=telemetry.meter_provider,
                excluded_urls=excluded_urls,
                exclude_spans=["receive", "send"],
            )
    except Exception:
        report_fault("instrument")
    _switch_off_second_export(app)
    if telemetry.settings.trace_headers:
        install_trace_headers()
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: _build_stack(build, plain, telemetry)
    app.middleware_stack = None
    _instrumented[app] = telemetry


def _usable_expressions(text: str | None) -> str | None:
    try:
        re.compile("|".join(part.strip() for part in (text or "").split(",")))
    except re.error as error:
        _logger.warning("excluded_urls=%r is no list of regular expressions (%s); it is left out.", text, error)
        return None
    return text


def _build_stack(build: Callable[[], Any], plain: Callable[[], Any], telemetry: Telemetry) -> Any:
    """The application's layers, with ours in the place of the stock middleware.

    Args:
        build: Makes them with OpenTelemetry's middleware.
        plain: Makes them without, for when that fails.
        telemetry: Where requests are recorded.
    """
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415  # as below

    from sightglass.requests.server_spans import ServerSpans  # noqa: PLC0415  # as below

    try:
        stack = EdgeMiddleware(build(), telemetry)
    except Exception:
        report_fault("instrument")
        return EdgeMiddleware(plain(), telemetry)
    # OpenTelemetry's middleware, in a layer that answers for its own mistakes.
    stock = getattr(stack.app, "app", None)
    if telemetry.stock or type(stock) is not OpenTelemetryMiddleware or not _can_replace(stock, telemetry):
        return stack
    try:
        return ServerSpans(stock, telemetry, otherwise=stack)
    except Exception:
        report_fault("instrument")
        return stack


def _can_replace(stock: Any, telemetry: Telemetry) -> bool:
    """Not where the SDK is off, nor with hooks, the old conventions or buckets that move, none of which ours does."""
    hooks = (stock.server_request_hook, stock.client_request_hook, stock.client_response_hook)
    return (
        isinstance(stock.meter, Meter)
        and telemetry.fixed_buckets
        and stock.duration_histogram_old is None
        and stock.duration_histogram_new is not None
        and not any(hooks)
    )


def _switch_off_second_export(app: Any) -> None:
    """With FASTAPI_OTEL_AUTO_CONFIGURE=true FastAPI would add its own exporters to our providers: everything twice."""
    settings = getattr(app, "_telemetry", None)
    if isinstance(settings, dict) and settings.get("auto_configure"):
        settings["auto_configure"] = False
