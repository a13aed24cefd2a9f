"""What the routes answer when ClickHouse does not."""

import asyncio
import time

import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.database import DatabaseTooSlow, DatabaseUnavailable, Deadline, Query
from services.monitoring_api.settings import MonitoringApiSettings

pytestmark = pytest.mark.anyio
DATA = [
    "/api/v1/metrics/history?metric=request_rate",
    "/api/v1/metrics/current?metric=error_ratio",
    "/api/v1/predictions/p",
    "/api/v1/predictions",
    "/api/v1/models",
    "/api/v1/models/flight-delay/performance",
    "/api/v1/traces/" + "0" * 32,
    "/api/v1/traces",
    "/api/v1/traces/heatmap",
    "/api/v1/traces/exceptions",
    "/api/v1/logs",
    "/api/v1/pipeline/health",
    "/readyz",
]


class Failing:
    """A database that answers nothing but this problem."""

    def __init__(self, problem):
        self.problem = problem
        self.asked = []

    async def fetch(self, _query, *, deadline_seconds=None):
        """No answer, but the deadline is kept."""
        self.asked.append(deadline_seconds)
        raise self.problem

    execute = fetch

    async def close(self):
        """Nothing to close."""


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize(("problem", "status"), [(DatabaseUnavailable("away"), 503), (DatabaseTooSlow("slow"), 504)])
async def test_every_data_route_says_when_to_come_back(asking, path, problem, status):
    """503 or 504 as a problem with Retry-After."""
    async with asking(Failing(problem)) as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json", "/api/v1/metrics", "/api/v1/alerts"])
async def test_what_needs_no_clickhouse_is_answered(asking, path):
    """Liveness, the catalogue and the alerts do not depend on it."""
    async with asking(Failing(DatabaseUnavailable("away"))) as client:
        assert (await client.get(path)).status_code == 200


async def test_all_questions_of_a_request_share_its_deadline(asking):
    """No question gets more than the request has left."""
    database = Failing(DatabaseUnavailable("away"))
    async with asking(database) as client:
        await client.get("/api/v1/pipeline/health")
    assert database.asked
    assert all(0 < seconds <= 5 for seconds in database.asked)


@pytest.mark.parametrize("path", ["/api/v1/models", "/api/v1/models/flight-delay/performance"])
async def test_what_may_be_computed_from_every_row_has_longer(asking, path):
    """These have the deadline of exact answers: 30 s in all, a little of it for making the answer."""
    database = Failing(DatabaseUnavailable("away"))
    async with asking(database) as client:
        await client.get(path)
    assert database.asked
    assert all(25 < seconds <= 30 for seconds in database.asked)


async def test_a_deadline_shrinks_as_time_passes():
    """What an earlier question took is missing to the later ones; past it there is next to nothing left."""
    now = 100.0
    database = Failing(DatabaseUnavailable("away"))
    deadline = Deadline(database, 5.0, clock=lambda: now)
    for now in (100.0, 103.0, 109.0):  # noqa: B007  (the clock reads it)
        with pytest.raises(DatabaseUnavailable):
            await deadline.fetch(Query("SELECT 1"))
    with pytest.raises(DatabaseUnavailable):
        await deadline.execute(Query("SELECT 1"), deadline_seconds=0.0005)
    assert database.asked == [5.0, 2.0, 0.001, 0.0005]


async def test_nothing_is_connected_before_the_first_question(tmp_path):
    """The application is built, and its lifespan runs, without ClickHouse."""
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, clickhouse_url="http://127.0.0.1:1")
    app = create_app(settings)
    started = time.monotonic()
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0)
    assert time.monotonic() - started < 2
