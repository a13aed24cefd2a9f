"""Telemetry in memory for one test."""

from collections.abc import Iterator

import pytest

from sightglass import Model
from sightglass.testing import InMemoryTelemetry, in_memory_telemetry

MODEL = Model("m", "1")


@pytest.fixture
def telemetry() -> Iterator[InMemoryTelemetry]:
    """What the library records in this test."""
    with in_memory_telemetry(model=MODEL) as telemetry:
        yield telemetry
