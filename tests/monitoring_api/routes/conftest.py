"""The application on the engine in memory, asked over ASGI."""

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.store import T0


@pytest.fixture
def asking(tmp_path):
    """``asking(database)`` is a client of the application on that database; the time is T0."""

    def client(database):
        settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path)
        app = create_app(settings, database=database, clock=lambda: T0)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")

    return client


@pytest.fixture
async def api(store, asking):
    """A client of the application on the store."""
    async with asking(store) as client:
        yield client
