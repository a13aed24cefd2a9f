"""Where spans and log records go: each is prepared when it is handed over, and sent in batches later.

Preparing is encoding. It happens at once and not in the exporting thread, because a record that waits as bytes costs no
garbage collection, and because a thread that encodes hundreds in a row would keep the application from running.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.trace.export import SpanExporter

from sightglass.export.attempts import Attempts
from sightglass.export.losses import Outcome
from sightglass.otlp.request import Encoded, encode_request, framed_record

# A receiver refuses what is too large (the Collector: 20 MiB), and 512 predictions can be 33 MB.
_LARGEST_REQUEST: Final = 8 << 20
_TOO_LARGE: Final = "413"


class Sink(Protocol):
    """Takes finished spans or log records, and sends them."""

    encodes: bool
    """Whether `prepare` gives `Encoded` records, which can also be made without an SDK object, and lie on a disk."""

    def prepare(self, item: Any) -> Any:
        """What is queued of one span or log record. Called where it ended."""

    def send(self, batch: list[Any]) -> Outcome:
        """Send what `prepare` gave, and say what became of it."""

    def close(self) -> None:
        """Stop; a retry in progress ends."""


class ExporterSink:
    """Any exporter of the SDK's kind, which takes the objects themselves.

    Args:
        exporter: Its `export` returns a member of an enumeration, of which `SUCCESS` is one.
        attempts: What a watched exporter tells of its requests.
    """

    encodes = False

    def __init__(self, exporter: SpanExporter | LogRecordExporter, attempts: Attempts | None = None) -> None:
        self._exporter: Any = exporter
        self._attempts = attempts

    def prepare(self, item: Any) -> Any:
        """The object itself."""
        return item

    def send(self, batch: list[Any]) -> Outcome:
        """Export."""
        attempts = self._attempts or Attempts("spans")
        attempts.begin()
        return attempts.outcome(len(batch), delivered=self._exporter.export(batch).name == "SUCCESS")

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


class EncodedSink:
    """An OTLP exporter's connection, fed with messages that are encoded already.

    Args:
        exporter: The stock exporter whose connection, retries and settings serve.
        post: Sends one export request; returns whether it arrived.
        encode: The message of one span or log record.
        attempts: What became of the requests.
    """

    encodes = True

    def __init__(
        self, exporter: Any, post: Callable[[bytes], bool], encode: Callable[[Any], bytes], attempts: Attempts
    ) -> None:
        self._exporter = exporter
        self._post = post
        self._encode = encode
        self._attempts = attempts

    def prepare(self, item: Any) -> Encoded:
        """Encode one span or log record."""
        return item.resource, item.instrumentation_scope, framed_record(self._encode(item))

    def send(self, batch: list[Any]) -> Outcome:
        """Send one request, or several when it would be, or turns out to be, too large for a receiver."""
        total = Outcome(delivered=True)
        parts = deque(_parts(batch))
        while parts:
            part = parts.popleft()
            self._attempts.begin()
            delivered = self._post(encode_request(part))
            outcome = self._attempts.outcome(len(part), delivered=delivered)
            if outcome.reason == _TOO_LARGE and len(part) > 1:
                parts.extendleft(reversed(_halves(part)))
                continue
            total = Outcome(
                total.delivered and outcome.delivered,
                total.lost + outcome.lost,
                outcome.reason or total.reason,
                total.retries + outcome.retries,
            )
        return total

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


def _parts(batch: Sequence[Encoded]) -> Iterator[Sequence[Encoded]]:
    if sum(len(record) for _, _, record in batch) <= _LARGEST_REQUEST or len(batch) == 1:
        yield batch
        return
    for half in _halves(batch):
        yield from _parts(half)


def _halves(batch: Sequence[Encoded]) -> tuple[Sequence[Encoded], Sequence[Encoded]]:
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]
