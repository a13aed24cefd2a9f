"""Telemetry in memory for one test."""

from collections.abc import Iterator

import pytest

from sightglass import Model
from sightglass.testing import InMemoryTelemetry, in_memory_telemetry

MODEL = Model("m", "1")
# Stock telemetry sets it for its whole process.
_SDK_METRICS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"


@pytest.fixture(autouse=True)
def without_sdk_metrics(monkeypatch):
    """No test sees what telemetry of an earlier one has set."""
    monkeypatch.setenv(_SDK_METRICS, "")
    monkeypatch.delenv(_SDK_METRICS)


@pytest.fixture
def telemetry() -> Iterator[InMemoryTelemetry]:
    """What the library records in this test."""
    with in_memory_telemetry(model=MODEL) as telemetry:
        yield telemetry
