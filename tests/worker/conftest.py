"""A real PostgreSQL for the alert store."""

import pytest

from tests.worker.postgresql import PostgreSql


@pytest.fixture(scope="session")
def postgresql():
    """A server of this test session's own."""
    with PostgreSql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """An empty store on each of the two databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    return request.getfixturevalue("postgresql").database()
