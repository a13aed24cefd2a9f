"""What the monitoring API measures of its reading is emitted, and documented, under the same names."""

import asyncio
from pathlib import Path

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from services.monitoring_api.terms import TERMS
from sightglass import instrument
from sightglass.testing import in_memory_telemetry

pytestmark = pytest.mark.anyio
DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
HISTORY = "/api/v1/metrics/history?metric=request_rate&from=1700000000&to=1700000600&step=1m"


def test_the_document_has_the_terms_word_for_word():
    """Every row, in this order, and none besides."""
    expected = [
        f"| `{term.name}` | {term.kind} | {term.type} | {', '.join(f'`{place}`' for place in term.found_on)} "
        f"| {term.meaning} |"
        for term in TERMS
    ]
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What the monitoring API measures of its reading")[2]
    assert [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| `")] == expected


@pytest.mark.parametrize("cache", [{}, {"cache_url": "redis://127.0.0.1:1"}], ids=["memory", "redis"])
async def test_every_metric_is_there_and_has_its_attributes_alone(tmp_path, cache):
    """From the first collection on, also where ClickHouse is away; a failed statement and a failed cache are told."""
    with in_memory_telemetry("monitoring-api") as telemetry:
        settings = MonitoringApiSettings(
            _env_file=None, data_dir=tmp_path, clickhouse_url="http://127.0.0.1:1", **cache
        )
        app = create_app(settings)
        instrument(app, service_name="monitoring-api")
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                found = await asyncio.gather(*(client.get(HISTORY) for _ in range(3)))
            assert {each.status_code for each in found} == {503}
            metrics = telemetry.metrics
            terms = {term.name: term for term in TERMS if term.kind != "attribute"}
            never = {"db.client.connection.wait_time", "sightglass.cache.failures"}
            assert terms.keys() - never <= metrics.keys()
            points = {
                name: [(dict(point.attributes), point) for point in metrics[name].data.data_points]
                for name in terms.keys() & metrics.keys()
            }
    for name, found in points.items():
        assert {attribute for labels, _ in found for attribute in labels} <= set(terms[name].found_on)
        assert metrics[name].unit == terms[name].type
    assert {"db.system.name": "clickhouse", "error.type": "unavailable"} in [
        labels for labels, _ in points["db.client.operation.duration"]
    ]
    lookups = {
        (labels["cache"], labels["outcome"]): point.value for labels, point in points["sightglass.cache.lookups"]
    }
    assert lookups["answers", "miss"] == 1
    assert lookups["answers", "joined"] == 2
    limits = [
        (labels["db.client.connection.pool.name"], point.value) for labels, point in points["db.client.connection.max"]
    ]
    assert limits == [("sightglass-monitoring-api", 6)]
