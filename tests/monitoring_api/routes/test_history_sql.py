"""`/metrics/history/sql`: what is told is what is run."""

import json
from datetime import timedelta

import pytest

from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio


async def test_the_statement_told_is_the_one_that_is_run(store, asking):
    """Text and values are those that the history sends, with groups, filters and a comparison; values are bound."""
    store.insert("otel_traces", [span(T0 - timedelta(minutes=minute)) for minute in range(90)])
    query = {
        "metric": "latency_p50,latency_p95",
        "from": "now-1h",
        "group_by": "route",
        "filter": "service=in(ml-api,it's)",
        "compare": "previous",
    }
    async with asking(store) as client:
        answer = await client.get("/api/v1/metrics/history/sql", params=query)
        assert answer.status_code == 200, answer.text
        told = answer.json()["statements"]
        store.asked.clear()
        assert (await client.get("/api/v1/metrics/history", params=query)).json()["series"]
    run = {query.sql: query.parameters for query in store.asked}
    assert [one["range"] for one in told] == ["asked", "compare"]
    for one in told:
        assert one["parameters"].keys() == run[one["sql"]].keys()
        assert "it's" not in one["sql"]
        assert one["parameters"]["filter_0"] == "['ml-api','it\\'s']"
    # As clickhouse-client would run it.
    found = store._connection.query(told[0]["sql"], "JSONCompact", params=told[0]["parameters"]).bytes()
    assert {row[-1] for row in json.loads(found)["data"]} == {"/v1/predict"}


async def test_what_can_not_be_asked_is_refused_likewise(store, asking):
    """The same words as for the history; and of a range that is still too young nothing is told."""
    async with asking(store) as client:
        for path in ("/api/v1/metrics/history", "/api/v1/metrics/history/sql"):
            answer = await client.get(path, params={"metric": "request_rate", "group_by": "flavour"})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "group_by"
        young = {"metric": "completeness", "from": "now-10s"}
        assert (await client.get("/api/v1/metrics/history/sql", params=young)).json() == {"statements": []}
