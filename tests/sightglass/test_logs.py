import io
import json
import logging
import warnings

import pytest
from opentelemetry._logs import SeverityNumber

from sightglass import configure_logging
from sightglass.logs import JsonFormatter, OtlpHandler


def fail():
    """Raise."""
    raise RuntimeError("broken")


@pytest.fixture
def lines():
    """What is written, as objects; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("worker", "INFO", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_line_is_one_json_object_with_its_trace(lines, telemetry):
    """Time, level, logger, message, service, ids of the current span, and extras as fields."""
    with telemetry.tracer.start_as_current_span("x") as span:
        logging.getLogger("flights").info("Served %d\nflights", 3, extra={"carrier": "UA", "tail": None})
    (line,) = lines()
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "flights",
        "message": "Served 3\nflights",
        "service": "worker",
        "carrier": "UA",
        "trace_id": f"{span.get_span_context().trace_id:032x}",
        "span_id": f"{span.get_span_context().span_id:016x}",
    }


def test_an_exception_is_a_field_of_its_line(lines):
    """A traceback does not break the lines."""
    try:
        fail()
    except RuntimeError:
        logging.getLogger("flights").exception("Could not")
    (line,) = lines()
    assert line["level"] == "ERROR"
    assert line["exception"].endswith("RuntimeError: broken")
    assert "trace_id" not in line


@pytest.mark.parametrize(
    ("message", "arguments", "text"), [("%d flights", ("three",), "%d flights"), ("odd \ud800", (), "odd ?")]
)
def test_a_message_that_does_not_fit_its_arguments_is_a_line_all_the_same(message, arguments, text):
    """And so is one with characters that no encoding has."""
    record = logging.makeLogRecord({"msg": message, "args": arguments})
    line = JsonFormatter("s").format(record)
    line.encode()
    assert json.loads(line)["message"] == text


def test_warnings_are_lines_too(lines):
    """Python's warnings do not stand between the JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("careful", stacklevel=1)
    assert "careful" in lines()[0]["message"]


def test_configuring_twice_writes_each_line_once(lines):
    """The second call replaces the first."""
    stream = io.StringIO()
    configure_logging("worker", "warning", stream=stream)
    logging.getLogger("flights").info("hidden")
    logging.getLogger("flights").warning("shown")
    assert lines() == []
    assert len(stream.getvalue().splitlines()) == 1
    assert sum(isinstance(handler, OtlpHandler) for handler in logging.getLogger().handlers) == 1


def test_records_are_exported_with_their_trace_once_telemetry_runs(lines, telemetry):
    """Severity, body, extras, code location and exception, in the trace of the current span."""
    with telemetry.tracer.start_as_current_span("x") as span:
        try:
            fail()
        except RuntimeError:
            logging.getLogger("flights").exception("Could not serve %s", "UA 1", extra={"tries": 3})
    (readable,) = telemetry.records
    record = readable.log_record
    assert (record.body, record.severity_number, record.severity_text) == (
        "Could not serve UA 1",
        SeverityNumber.ERROR,
        "ERROR",
    )
    assert record.trace_id == span.get_span_context().trace_id
    assert readable.instrumentation_scope.name == "flights"
    assert record.attributes["tries"] == 3
    assert record.attributes["exception.type"] == "RuntimeError"
    assert record.attributes["exception.message"] == "broken"
    assert "RuntimeError: broken" in record.attributes["exception.stacktrace"]
    assert record.attributes["code.function.name"] == "test_records_are_exported_with_their_trace_once_telemetry_runs"
    assert not record.event_name


@pytest.mark.parametrize(
    "name", ["opentelemetry.exporter.otlp", "urllib3.connectionpool", "requests", "grpc._channel", "sightglass.faults"]
)
def test_what_exporting_says_is_written_but_not_exported(lines, telemetry, name):
    """An export that fails must not create something to export."""
    logging.getLogger(name).error("export failed")
    assert len(lines()) == 1
    assert telemetry.records == ()


def test_before_telemetry_runs_nothing_is_exported_and_nothing_breaks(lines):
    """Logging can be configured first."""
    logging.getLogger("flights").info("early")
    assert len(lines()) == 1


def test_the_formatter_needs_no_telemetry():
    """A record made by hand becomes a line."""
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO", "name": "x", "odd": object()})
    assert json.loads(JsonFormatter("s").format(record))["message"] == "hello"
