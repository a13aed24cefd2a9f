"""Emitting events: straight into the exporting queue where nobody else listens, through the SDK's logger otherwise."""

import time
from typing import Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import Logger, LogRecordLimits
from opentelemetry.trace import Span, get_current_span

from sightglass import attributes
from sightglass.export.pipeline import Line
from sightglass.export.processors import ExportingLogs
from sightglass.otlp.logs import encode_record
from sightglass.otlp.request import framed_record
from sightglass.predictions.identity import Identity

_INFO: Final = SeverityNumber.INFO
# Ours are few and short, and say who is meant: a limit, meant for what others log, would drop the oldest, the ids.
_UNSET: Final = LogRecordLimits.UNSET
_NO_LIMITS: Final = LogRecordLimits(_UNSET, _UNSET, _UNSET, _UNSET)


class Events:
    """Emits events of the library's own scope.

    Args:
        logger: The SDK's logger.
        processors: The processors behind it.
        line: The way to the receiver; None when log records are not sent.
        replayed: Mark every event as one with a past timestamp.
    """

    def __init__(self, logger: Any, processors: ExportingLogs, line: Line | None, *, replayed: bool) -> None:
        self._logger = logger
        self._processors = processors
        self._replayed = replayed
        direct = isinstance(logger, Logger)
        if direct:
            logger._log_record_limits = _NO_LIMITS  # noqa: SLF001  # a provider has one for all its loggers
        encodes = line is not None and line.queue is not None and line.connection.exporter.encodes
        self._queue = line.queue if direct and encodes and line is not None else None

    def emit(
        self,
        name: str,
        timestamp: int,
        values: dict[str, Any],
        body: str | None = None,
        *,
        span: Span | None = None,
        identity: Identity | None = None,
    ) -> None:
        """Emit one event.

        Args:
            name: The event's name.
            timestamp: Nanoseconds since the epoch.
            values: Its attributes, clean and few; it may be added to.
            identity: Further attributes of it.
            body: Its body.
            span: The current span, for a caller that has asked already.
        """
        if self._replayed:
            values[attributes.REPLAYED] = True
        if self._queue is None or not self._processors.alone:
            everything = values if identity is None else {**identity.attributes, **values}
            self._logger.emit(
                timestamp=timestamp, severity_number=_INFO, body=body, attributes=everything, event_name=name
            )
            return
        context = (get_current_span() if span is None else span).get_span_context()
        message = encode_record(
            timestamp=timestamp,
            observed_timestamp=time.time_ns(),
            severity=_INFO.value,
            body=body,
            attributes=values,
            encoded_attributes=b"" if identity is None else identity.encoded,
            trace_id=context.trace_id,
            span_id=context.span_id,
            flags=context.trace_flags,
            event_name=name,
        )
        self._queue.put((self._logger.resource, self._logger.instrumentation_scope, framed_record(message)))
