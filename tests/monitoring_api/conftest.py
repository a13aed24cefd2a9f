"""The engine in memory, once for each module; empty for each test."""

import pytest

from tests.monitoring_api.store import ChdbStore


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture(scope="module")
def _engine():
    # Given back at the module's end, for a process has one engine, and other modules run theirs on a folder.
    engine = ChdbStore()
    yield engine
    engine.release()


@pytest.fixture
def store(_engine):
    """An empty database with the schema."""
    _engine.empty()
    return _engine
