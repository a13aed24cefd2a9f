"""What comes in, how many values attributes have, and that looking costs little."""

import asyncio
from datetime import timedelta

import pytest

from services.monitoring_api.database import DatabaseTooSlow
from services.monitoring_api.queries.pipeline import volume
from services.monitoring_api.queries.pipeline.remembered import Remembered
from services.monitoring_api.queries.pipeline.usage import usage
from services.monitoring_api.queries.pipeline.volume import Minutes, VolumeRow, sample
from tests.monitoring_api.store import T0, point, prediction, span

pytestmark = pytest.mark.anyio
NOW = int(T0.timestamp())


def ago(seconds):
    """A time before T0."""
    return T0 - timedelta(seconds=seconds)


async def test_an_empty_store_has_no_usage(store):
    """Nothing comes in, and one statement finds that out."""
    assert await usage(store, NOW) == {"ingest": [], "cardinality": []}
    assert len(store.asked) == 1


async def test_rows_and_bytes_by_service(store):
    """Rates of the last five whole minutes; bytes are those of the rows that were looked at."""
    store.insert("otel_traces", [span(ago(second)) for second in range(1, 301)])
    shop = {"ServiceName": "shop", "resource": {"service.name": "shop"}}
    store.insert("otel_traces", [span(ago(each), **shop, attributes={"note": "x" * 5_000}) for each in range(1, 31)])
    store.insert("otel_traces", [span(ago(2_000))])
    store.insert("otel_logs", [prediction(ago(each)) for each in range(1, 61)])
    store.insert("otel_metrics_sum", [point(ago(each), "requests", 1) for each in range(1, 16)])
    store.insert("otel_metrics_gauge", [point(ago(each), "up", 1) for each in range(1, 16)])
    found = {(each["signal"], each["service"]): each for each in (await usage(store, NOW))["ingest"]}
    assert {key: each["rows_per_second"] for key, each in found.items()} == {
        ("spans", "ml-api"): 1.0,
        ("spans", "shop"): 0.1,
        ("logs", "ml-api"): 0.2,
        ("metrics", "ml-api"): 0.1,
    }
    assert 5_000 < found["spans", "shop"]["bytes_per_second"] / 0.1 < 6_000
    assert 200 < found["spans", "ml-api"]["bytes_per_second"] < 2_000


async def test_the_keys_with_the_most_values_by_service(store):
    """Attributes of spans, logs, metrics and their resources, each with how many values it has."""
    store.insert(
        "otel_traces", [span(ago(each), attributes={"user": f"u{each}", "tier": "gold"}) for each in range(1, 90)]
    )
    store.insert("otel_logs", [prediction(ago(each)) for each in range(1, 31)])
    store.insert("otel_metrics_sum", [point(ago(each), "requests", 1, pod=f"p{each % 7}") for each in range(1, 31)])
    keys = {(each["signal"], each["key"]): each for each in (await usage(store, NOW))["cardinality"]}
    assert keys["spans", "user"] == {
        "signal": "spans",
        "table": "otel_traces",
        "service": "ml-api",
        "key": "user",
        "distinct_values": 89,
        "rows": 89,
        "since": "2026-03-02T09:58:00Z",
    }
    assert keys["spans", "tier"]["distinct_values"] == keys["spans", "resource.service.name"]["distinct_values"] == 1
    assert keys["logs", "ml.prediction.id"]["distinct_values"] == 30
    assert keys["metrics", "pod"]["distinct_values"] == 7


async def test_every_kind_of_metric_counts(store):
    """Points of all five tables are in the rates, and their attributes among the keys."""
    kinds = ("sum", "gauge", "histogram", "exponential_histogram", "summary")
    for kind in kinds:
        points = [point(ago(each), "requests", 1, **{f"of_{kind}": str(each)}) for each in range(1, 31)]
        if kind not in {"sum", "gauge"}:
            points = [{name: value for name, value in each.items() if name != "Value"} for each in points]
        store.insert(f"otel_metrics_{kind}", points)
    found = await usage(store, NOW)
    (rate,) = found["ingest"]
    assert (rate["signal"], rate["rows_per_second"]) == ("metrics", 30 * len(kinds) / 300)
    values = {each["table"]: each["distinct_values"] for each in found["cardinality"] if each["key"].startswith("of_")}
    assert values == {f"otel_metrics_{kind}": 30 for kind in kinds}


async def test_attributes_are_looked_at_in_as_few_minutes_as_will_do(store, monkeypatch):
    """Where much comes in, the last minutes are enough: what is older is not read."""
    store.insert("otel_traces", [span(ago(each), attributes={"id": str(each)}) for each in range(1, 600)])
    monkeypatch.setattr(volume, "_SAMPLE_ROWS", 100)
    (found,) = [each for each in (await usage(store, NOW))["cardinality"] if each["key"] == "id"]
    assert (found["distinct_values"], found["since"]) == (120, "2026-03-02T09:58:00Z")


def test_a_sample_is_an_hour_at_most():
    """Few rows: all minutes that there are; none: an empty range."""
    rows = [VolumeRow("t", "a", minute * 60, 10) for minute in range(60)]
    assert sample(rows, "t", 3_600) == Minutes(0, 3_600)
    assert sample(rows, "other", 3_600) == Minutes(3_600, 3_600)


async def test_all_who_ask_at_once_share_one_figure_and_so_do_those_who_ask_soon():
    """It is made once until it is too old; who leaves takes nothing from the others."""
    made, now = 0, 0.0

    async def make():
        nonlocal made
        await asyncio.sleep(0)
        made += 1
        return made

    figure = Remembered[int](60, clock=lambda: now)
    leaving = asyncio.create_task(figure.get(make))
    staying = [asyncio.create_task(figure.get(make)) for _ in range(20)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert await asyncio.gather(*staying) == [1] * 20
    now = 59.0
    assert await figure.get(make) == 1
    now = 61.0
    assert await figure.get(make) == 2


async def test_a_failure_is_not_kept():
    """Whoever asks after a failure gets a figure."""
    figure = Remembered[int](60)

    async def fails():
        raise DatabaseTooSlow("too slow")

    async def works():
        return 7

    with pytest.raises(DatabaseTooSlow):
        await figure.get(fails)
    assert await figure.get(works) == 7
