"""Real requests to a real ML API process, kept span by span, so that backfilled traffic looks like live traffic.

A backfill of two days cannot wait two days. Its predictions are computed by the real model, but how long a request
took has to come from somewhere: from a few hundred real HTTP requests, answered by the ML API's own process and
recorded by a small OTLP receiver. The backfill then repeats these traces, duration by duration.
"""

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.cli.demo.requests import ApiRequest

AttributeScalar = str | bool | int | float

PORT_PLACE = "{port}"
_READY_SECONDS = 60.0
_PAUSE_SECONDS = 0.015


@dataclass(frozen=True)
class EventTemplate:
    """One recorded span event: when it was after its request's begin (ns), and what it said."""

    name: str
    offset_ns: int
    attributes: Mapping[str, AttributeScalar]


@dataclass(frozen=True)
class SpanTemplate:
    """One recorded span: when it began after its request (ns), how long it took (ns), and all it said."""

    scope: str
    scope_version: str
    name: str
    kind: int
    parent: int | None
    offset_ns: int
    duration_ns: int
    attributes: Mapping[str, AttributeScalar]
    events: tuple[EventTemplate, ...]


@dataclass(frozen=True)
class RequestTemplate:
    """The spans of one recorded request, parents before children; the first is the server span."""

    spans: tuple[SpanTemplate, ...]


@dataclass(frozen=True)
class Calibration:
    """Recorded requests by kind: `store` and `fallback` predictions, and `labels`."""

    requests: Mapping[str, tuple[RequestTemplate, ...]]


class _Receiver(ThreadingHTTPServer):
    """A minimal OTLP/HTTP endpoint that keeps the spans it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self.spans: list[tuple[str, str, Span]] = []

    def keep(self, body: bytes) -> None:
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                scope = scope_spans.scope
                self.spans.extend((scope.name, scope.version, span) for span in scope_spans.spans)


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/v1/traces":
            self.server.keep(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Stay silent: the demo's output is its own."""


def calibrate(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    port: int,
    client: httpx.Client,
    kinds: Mapping[str, Sequence[ApiRequest]],
) -> Calibration:
    """Start an ML API of its own on `port`, send it the requests of every kind, and keep their traces.

    Args:
        command: starts the ML API process.
        environment: its environment; the OTLP endpoint and the port are set here.
        port: a free port.
        client: asks it there.
        kinds: requests by kind; each kind must hold at least one.

    Raises:
        RuntimeError: the process did not become ready, or its traces did not arrive.
    """
    with _receiver() as receiver:
        own = {
            **environment,
            "SIGHTGLASS_ML_API_PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_address[1]}",
        }
        process = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sent = _send(client, process, kinds)
        finally:
            process.terminate()  # the ML API flushes its telemetry before it ends
            process.wait(timeout=30)
        return Calibration(_group(receiver.spans, sent, port))


@contextmanager
def _receiver() -> Iterator[_Receiver]:
    server = _Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _send(
    client: httpx.Client, process: subprocess.Popen[bytes], kinds: Mapping[str, Sequence[ApiRequest]]
) -> Mapping[bytes, str]:
    """Send every request with a trace id of its own; return the kind of each trace id."""
    sent: dict[bytes, str] = {}
    _wait_ready(client, process)
    queue = [(kind, request) for kind, requests in kinds.items() for request in requests]
    for number, (kind, request) in enumerate(queue, start=1):
        trace_id = number.to_bytes(16, "big")
        response = request.post(client, traceparent=f"00-{trace_id.hex()}-{number:016x}-01")
        response.raise_for_status()
        sent[trace_id] = kind
        time.sleep(_PAUSE_SECONDS)  # a calm pace, as live traffic has: back-to-back requests would be too quick
    return sent


def _wait_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(
        "the ML API did not become ready for calibration; `sightglass models list` tells whether it has a model"
    )


def _group(
    spans: Sequence[tuple[str, str, Span]], kinds: Mapping[bytes, str], port: int
) -> Mapping[str, tuple[RequestTemplate, ...]]:
    by_trace: dict[bytes, list[tuple[str, str, Span]]] = {}
    for entry in spans:
        by_trace.setdefault(entry[2].trace_id, []).append(entry)
    grouped: dict[str, list[RequestTemplate]] = {kind: [] for kind in kinds.values()}
    for trace_id, kind in kinds.items():
        if trace_id in by_trace:
            grouped[kind].append(_template(by_trace[trace_id], port))
    if empty := [kind for kind, templates in grouped.items() if not templates]:
        raise RuntimeError(f"no trace of a {', '.join(empty)} request reached the calibration's receiver")
    return {kind: tuple(templates) for kind, templates in grouped.items()}


def _template(entries: Sequence[tuple[str, str, Span]], port: int) -> RequestTemplate:
    ordered = sorted(entries, key=lambda entry: (entry[2].start_time_unix_nano, -entry[2].end_time_unix_nano))
    server = next(entry[2] for entry in ordered if entry[2].kind == Span.SPAN_KIND_SERVER)
    ordered.sort(key=lambda entry: entry[2] is not server)
    positions = {entry[2].span_id: position for position, entry in enumerate(ordered)}
    return RequestTemplate(
        tuple(
            SpanTemplate(
                scope=scope,
                scope_version=version,
                name=span.name,
                kind=span.kind,
                parent=positions.get(span.parent_span_id),
                offset_ns=span.start_time_unix_nano - server.start_time_unix_nano,
                duration_ns=span.end_time_unix_nano - span.start_time_unix_nano,
                attributes=_attributes(span.attributes, port),
                events=tuple(
                    EventTemplate(
                        event.name,
                        event.time_unix_nano - server.start_time_unix_nano,
                        _attributes(event.attributes, port),
                    )
                    for event in span.events
                ),
            )
            for scope, version, span in ordered
        )
    )


def _attributes(found: Iterable[KeyValue], port: int) -> Mapping[str, AttributeScalar]:
    """Return plain values; the calibration's own port is written as a place to be filled in."""
    return {attribute.key: value for attribute in found if (value := _scalar(attribute.value, str(port))) is not None}


def _scalar(value: AnyValue, port: str) -> AttributeScalar | None:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value.replace(f":{port}", ":{port}")
        case "bool_value":
            return value.bool_value
        case "int_value":
            return PORT_PLACE if str(value.int_value) == port else value.int_value
        case "double_value":
            return value.double_value
        case _:
            return None
