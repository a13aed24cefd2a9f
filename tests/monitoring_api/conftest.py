"""The engine in memory, once for all; empty for each test."""

import pytest

from tests.monitoring_api.store import ChdbStore


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def _engine():
    return ChdbStore()


@pytest.fixture
def store(_engine):
    """An empty database with the schema."""
    _engine.empty()
    return _engine
