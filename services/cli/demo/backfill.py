"""The past, through the real library, OTLP and the Collector: what the ML API would have sent, had it been running.

Ids are derived from the flight, so a chunk that is repeated after a kill is the same rows again, and is counted once.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind

import sightglass
from services.cli.demo.calibration import PORT_PLACE, AttributeScalar, Calibration, RequestTemplate
from services.cli.demo.ledger import DueLabel, Ledger, Sent
from services.cli.demo.schedule import Departure, Schedule
from services.ml_api.features import hour_text
from services.ml_api.observed import MODEL_SPAN, WEATHER_HOUR, WEATHER_ORIGIN
from services.ml_api.scoring import PredictionResult, Predictor
from sightglass import attributes

CHUNK_SECONDS = 3600.0
_FLUSH_SECONDS = 120.0
_NANOSECONDS = 1_000_000_000
_MILLISECONDS = 1_000
_PREDICTION_PREFIX = "ml."
_OTLP_KINDS = dict(enumerate([SpanKind.INTERNAL, SpanKind.INTERNAL, *list(SpanKind)[1:]]))


class BackfillError(RuntimeError):
    """The Collector did not take a chunk in time; everything before it is booked."""


class DerivedIds(RandomIdGenerator):
    """Trace and span ids that follow from a seed, so that sending something twice gives the same rows twice."""

    def __init__(self) -> None:
        self._seed = b""
        self._drawn = 0

    def begin(self, seed: bytes) -> None:
        """Start the ids of the trace that belongs to `seed`."""
        self._seed, self._drawn = seed, 0

    def generate_trace_id(self) -> int:
        """Return the 128 bits of this seed's trace."""
        return int.from_bytes(hashlib.blake2b(self._seed, digest_size=16, person=b"trace").digest(), "big")

    def generate_span_id(self) -> int:
        """Return the next 64 bits of this seed's spans."""
        self._drawn += 1
        salt = self._drawn.to_bytes(4, "big")
        return int.from_bytes(hashlib.blake2b(self._seed, digest_size=8, salt=salt, person=b"span").digest(), "big")


class Backfill:
    """Sends a stretch of past predictions and labels, chunk by chunk, each booked once it was delivered.

    Args:
        telemetry: a lossless, replaying `sightglass` telemetry under the ML API's service name.
        schedule: which flights depart when.
        predictor: the real model.
        calibration: recorded requests whose spans are repeated.
        ledger: where progress is booked.
        ml_api_port: written into the spans where a live request would have it.
    """

    def __init__(
        self,
        telemetry: sightglass.Telemetry,
        *,
        schedule: Schedule,
        predictor: Predictor,
        calibration: Calibration,
        ledger: Ledger,
        ml_api_port: int,
    ) -> None:
        self._telemetry = telemetry
        self._schedule = schedule
        self._predictor = predictor
        self._calibration = calibration
        self._ledger = ledger
        self._port = ml_api_port
        self._ids = DerivedIds()
        telemetry.tracer_provider.id_generator = self._ids

    def run(self, start: float, end: float, *, progress: Callable[[float], None] = lambda _: None) -> Sent:
        """Send `[start, end)` (epoch seconds); `progress` is told how far it is.

        Raises:
            BackfillError: the Collector did not take a chunk within two minutes.
        """
        total = Sent()
        for chunk_start, chunk_end in _chunks(start, end):
            total += self._send_chunk(chunk_start, chunk_end)
            progress(chunk_end)
        return total

    def _send_chunk(self, start: float, end: float) -> Sent:
        departures = list(self._schedule.departures(start, end))
        results = self._predictor.predict_many([departure.flight.plan for departure in departures])
        sent = Sent()
        coming: list[DueLabel] = []
        for departure, result in zip(departures, results, strict=True):
            prediction_id = _prediction_id(departure)
            sent += self._send_prediction(departure, result, prediction_id)
            if departure.due is not None and departure.flight.label is not None:
                coming.append(DueLabel(prediction_id, departure.flight.label, departure.due))
        told = [*self._ledger.due_before(end), *(label for label in coming if label.due < end)]
        for label in told:
            sent += self._send_label(label)
        if not self._telemetry.flush(_FLUSH_SECONDS):
            raise BackfillError(
                "the Collector did not take the backfilled telemetry; `sightglass status` shows whether it runs, "
                "and its log says why. Run the same command again: it goes on where it stopped."
            )
        self._ledger.record_chunk(
            covered_until=end,
            sent=sent,
            told=[label.prediction_id for label in told],
            coming=[label for label in coming if label.due >= end],
        )
        return sent

    def _send_prediction(self, departure: Departure, result: PredictionResult, prediction_id: str) -> Sent:
        template = self._pick(result.features_source, departure.seed)

        def record() -> None:
            sightglass.record_prediction(
                result.features,
                score=result.score,
                label=result.label,
                scores=result.scores,
                positive=result.positive,
                model=self._predictor.model,
                prediction_id=prediction_id,
                entity_id=departure.flight.tail_number,
                features_source=result.features_source,
                duration_seconds=_model_seconds(template),
                timestamp=_at(departure.at, template.spans[0].duration_ns),
            )

        plan = departure.flight.plan
        told = {WEATHER_ORIGIN: plan.origin, WEATHER_HOUR: hour_text(plan.hour_utc())}
        return self._send_request(
            template, at=departure.at, seed=departure.seed, record=record, told=told, counts=Sent(predictions=1)
        )

    def _send_label(self, label: DueLabel) -> Sent:
        seed = hashlib.blake2b(label.prediction_id.encode(), digest_size=32, person=b"label").digest()
        template = self._pick("labels", seed)
        due = datetime.fromtimestamp(label.due, UTC)

        def record() -> None:
            sightglass.record_label(
                label.prediction_id,
                label.label,
                observed_at=due,
                arrived_at=due,
                timestamp=_at(label.due, template.spans[0].duration_ns),
            )

        return self._send_request(template, at=label.due, seed=seed, record=record, told={}, counts=Sent(labels=1))

    def _pick(self, kind: str, seed: bytes) -> RequestTemplate:
        return random.Random(seed).choice(self._calibration.requests[kind])  # noqa: S311 - a repeatable draw

    def _send_request(
        self,
        template: RequestTemplate,
        *,
        at: float,
        seed: bytes,
        record: Callable[[], None],
        told: Mapping[str, AttributeScalar],
        counts: Sent,
    ) -> Sent:
        """Repeat the template's spans from `at` on, and record the event inside the span that recorded it live.

        Args:
            template: the recorded request.
            at: epoch seconds of its begin.
            seed: what its ids follow from.
            record: records the prediction or the label.
            told: what this flight says where the recorded one said something else.
            counts: what one such request is, besides its spans.
        """
        self._ids.begin(seed)
        start_ns = int(at * _NANOSECONDS)
        recording = _recording_span(template)
        spans: list[Span] = []
        for number, recorded in enumerate(template.spans):
            tracer = trace.get_tracer(recorded.scope, recorded.scope_version, self._telemetry.tracer_provider)
            context = Context() if recorded.parent is None else trace.set_span_in_context(spans[recorded.parent])
            kind, begin = _OTLP_KINDS[recorded.kind], start_ns + recorded.offset_ns
            said = self._filled(recorded.attributes, told, drop_prediction=number == recording)
            span = tracer.start_span(recorded.name, context, kind, said, start_time=begin)
            for event in recorded.events:
                span.add_event(event.name, self._filled(event.attributes, told), start_ns + event.offset_ns)
            spans.append(span)
        with trace.use_span(spans[recording], end_on_exit=False):
            record()
        for span, recorded in reversed(list(zip(spans, template.spans, strict=True))):
            span.end(start_ns + recorded.offset_ns + recorded.duration_ns)
        return replace(counts, requests=1, spans=len(spans))

    def _filled(
        self,
        recorded: Mapping[str, AttributeScalar],
        told: Mapping[str, AttributeScalar],
        *,
        drop_prediction: bool = False,
    ) -> dict[str, AttributeScalar]:
        """Return what a span or event says of this flight; what the prediction itself will say is left to it."""
        filled: dict[str, AttributeScalar] = {}
        for key, value in recorded.items():
            if drop_prediction and key.startswith(_PREDICTION_PREFIX):
                continue
            if value == PORT_PLACE:
                filled[key] = self._port
            elif isinstance(value, str):
                filled[key] = told.get(key, value.replace(PORT_PLACE, str(self._port)))
            else:
                filled[key] = told.get(key, value)
        return filled


def _recording_span(template: RequestTemplate) -> int:
    """Find the span that a prediction marked; a label marks none, and belongs to the server span."""
    marked = (number for number, span in enumerate(template.spans) if attributes.PREDICTION_ID in span.attributes)
    return next(marked, 0)


def _model_seconds(template: RequestTemplate) -> float | None:
    """How long the recorded request's model call took: a batch's share would show a step where live traffic begins."""
    durations = (span.duration_ns / _NANOSECONDS for span in template.spans if span.name == MODEL_SPAN)
    return next(durations, None)


def _prediction_id(departure: Departure) -> str:
    """Derive a UUIDv7 from the flight: time first, then bits of its seed (RFC 9562, section 5.7)."""
    milliseconds = int(departure.at * _MILLISECONDS)
    tail = int.from_bytes(departure.seed[8:18], "big")
    value = milliseconds << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _at(seconds: float, offset_ns: int) -> int:
    return int(seconds * _NANOSECONDS) + offset_ns


def _chunks(start: float, end: float) -> Iterator[tuple[float, float]]:
    while start < end:
        chunk_end = min(start + CHUNK_SECONDS, end)
        yield start, chunk_end
        start = chunk_end
