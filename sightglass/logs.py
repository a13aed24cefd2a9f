"""`configure_logging`: JSON lines on standard error, and the same records as OTLP logs once telemetry runs."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opentelemetry.sdk._logs import LoggerProvider

from sightglass.telemetry import current
from sightglass.text import clean_text

_MAX_CHARACTERS: Final = 32_768
_OWN_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
# What exporting itself logs. Exported again, it would feed on itself as soon as exporting fails.
_EXPORT_LOGGERS: Final = ("opentelemetry", "sightglass", "urllib3", "requests", "grpc")
_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {
        clean_text(name, 256)[0]: value if isinstance(value, bool | int | float) else clean_text(value, 4_096)[0]
        for name, value in vars(record).items()
        if name not in _OWN_ATTRIBUTES and value is not None
    }


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:
        # Arguments that do not fit their message: the message alone says more than a traceback in place of the line.
        text = str(record.msg)
    return clean_text(text, _MAX_CHARACTERS)[0]


class JsonFormatter(logging.Formatter):
    """One JSON object per line.

    Args:
        service_name: Value of `service` in every line.
    """

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self._service_name = service_name

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record; an `extra` becomes a field of its own."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            "service": self._service_name,
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
            line["span_id"] = trace.format_span_id(context.span_id)
        if record.exc_info:
            line["exception"] = clean_text(self.formatException(record.exc_info), _MAX_CHARACTERS)[0]
        return json.dumps(_extras(record) | line, ensure_ascii=False, default=str)


class OtlpHandler(logging.Handler):
    """Hands log records to the running telemetry; before it runs, to nobody."""

    def emit(self, record: logging.LogRecord) -> None:
        """Export one record, unless it comes from exporting itself."""
        telemetry = current()
        if telemetry is None or record.name.split(".", 1)[0] in _EXPORT_LOGGERS:
            return
        if get_value(_SUPPRESS_INSTRUMENTATION_KEY):
            return
        try:
            self._export(record, telemetry.logger_provider)
        except Exception:
            self.handleError(record)

    def _export(self, record: logging.LogRecord, provider: LoggerProvider) -> None:
        values = _extras(record)
        values["code.file.path"] = record.pathname
        values["code.function.name"] = record.funcName
        values["code.line.number"] = record.lineno
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace_back = record.exc_info
            values["exception.type"] = kind.__name__
            values["exception.message"] = clean_text(error, 4_096)[0]
            values["exception.stacktrace"] = clean_text(
                "".join(traceback.format_exception(kind, error, trace_back)), _MAX_CHARACTERS
            )[0]
        severity, text = next(
            ((number, text) for level, number, text in _SEVERITIES if record.levelno >= level),
            (SeverityNumber.TRACE, "TRACE"),
        )
        provider.get_logger(record.name).emit(
            timestamp=int(record.created * 1e9),
            severity_number=severity,
            severity_text=text,
            body=_message(record),
            attributes=values,
        )


def configure_logging(service_name: str, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send the log of this process to standard error as JSON lines, and to OTLP once telemetry runs.

    A second call replaces what the first one set.

    Args:
        service_name: Value of `service` in every line.
        level: Lowest level written.
        stream: Where lines go instead of standard error.
    """
    console = logging.StreamHandler(stream or sys.stderr)
    console.setFormatter(JsonFormatter(service_name))
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, OtlpHandler) or isinstance(handler.formatter, JsonFormatter):
            root.removeHandler(handler)
    root.addHandler(console)
    root.addHandler(OtlpHandler())
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
