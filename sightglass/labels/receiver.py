"""The receiver of the labels: whatever the OTEL_* variables point at."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final, Protocol

from sightglass.labels.errors import LabelsError
from sightglass.labels.row import Label
from sightglass.predictions.label import record_label
from sightglass.startup import flush, start
from sightglass.telemetry import Telemetry

_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_LOGS_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"
_LOGS_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
_LONGEST_REASON: Final = 400
_STARTUP: Final = "sightglass.startup"
# Neither raises, and both lose labels: the first one label, the second all.
_FAULTS: Final = frozenset({"sightglass.faults", _STARTUP})


class Receiver(Protocol):
    """Takes labels, and says when it has them."""

    @property
    def reason(self) -> str:
        """Why the last attempt failed, as far as it is known."""

    def record(self, label: Label) -> None:
        """Hand over one label."""

    def flush(self, timeout_seconds: float) -> bool:
        """Whether all labels handed over so far were accepted within this time."""


class OtlpReceiver:
    """The library itself, lossless.

    Args:
        service_name: The service that the labels come from.

    Raises:
        LabelsError: Telemetry can't be set up.
    """

    def __init__(self, service_name: str) -> None:
        self._warnings = _Warnings()
        logging.getLogger().addHandler(self._warnings)
        try:
            self._telemetry: Telemetry = start(service_name, lossless=True)
        except Exception as error:  # the SDK refuses some OTEL_* variables even where nothing is to be sent
            raise LabelsError(f"Nothing can be sent: {error}. Check the OTEL_* variables.") from None
        if self._warnings.fault:
            self.close()
            raise LabelsError(f"Nothing can be sent: {self._warnings.fault}")
        # There is no progress bar yet to run into.
        for text in self._warnings.at_start:
            sys.stderr.write(f"Warning: {text}\n")

    @property
    def reason(self) -> str:
        """Why the last attempt failed, as far as it is known."""
        return self._warnings.last

    def record(self, label: Label) -> None:
        """Hand over one label."""
        record_label(label.prediction_id, label.value, observed_at=label.observed_at_ns)

    def flush(self, timeout_seconds: float) -> bool:
        """Whether all labels handed over so far were accepted within this time.

        Raises:
            LabelsError: One never will be.
        """
        accepted = flush(timeout_seconds)
        if self._warnings.fault:
            raise LabelsError(f"A label could not be handed over: {self._warnings.fault}")
        return accepted

    def close(self, timeout_seconds: float = 0.0) -> None:
        """Stop; what was not accepted yet is given up after this time."""
        self._telemetry.shutdown(timeout_seconds)
        logging.getLogger().removeHandler(self._warnings)


class _Warnings(logging.Handler):
    """Keeps the last warning, which tells why nothing arrives, from running into the progress bar."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self.fault = ""
        self.at_start: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]})"
        self.last = text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
        if record.name in _FAULTS and record.exc_info:
            self.fault = self.last
        elif record.name == _STARTUP:
            self.at_start.append(self.last)


def endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """Where labels are sent, for people and for telling one receiver from another.

    Raises:
        LabelsError: The variables say that nothing is sent.
    """
    for variable, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_LOGS_EXPORTER", "none")):
        if environment.get(variable, "").strip().lower() == value:
            raise LabelsError(f"{variable}={value} keeps labels from being sent. Unset it for this command.")
    given = environment.get(_LOGS_ENDPOINT) or environment.get(_ENDPOINT)
    if given:
        return given
    protocol = environment.get(_LOGS_PROTOCOL) or environment.get(_PROTOCOL) or ""
    return "http://127.0.0.1:4317" if protocol.strip().lower() == "grpc" else "http://127.0.0.1:4318"
