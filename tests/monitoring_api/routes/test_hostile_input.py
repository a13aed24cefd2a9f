"""Whatever is sent through any parameter is an answer or a 4xx, never a failure of ours."""

import asyncio

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.store import T0

HISTORY = "/api/v1/metrics/history"


class Silent:
    """A database without rows that keeps the statements it was asked."""

    def __init__(self):
        self.statements = set()

    async def fetch(self, query, **_):
        """No rows; an aggregation over none gives one."""
        self.statements.add(query.sql)
        return [(0, [], [], 0)] if "groupUniqArray" in query.sql and "\nGROUP BY" not in query.sql else []

    execute = fetch

    async def close(self):
        """Nothing to close."""


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """The application on a database without rows."""
    database = Silent()
    chosen = MonitoringApiSettings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"))
    return create_app(chosen, database=database, clock=lambda: T0), database


_TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "'; DROP TABLE otel_traces; --",
            "%s%n%(x)s",
            "\\",
            "\0",
            "NaN",
            "-0",
            "1e309",
            "9" * 400,
            "now-9999999999w",
            "in(" + "," * 3000 + ")",
            "service=in()",
            "service=in(a",
            "٣m",  # Arabic-Indic digit
            "²s",
            "now-٣h",
            "2026-03-02T10:00:60Z",
            "9999-12-31T23:59:59-23:59",
        ]
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["metric", "from", "to", "step", "tz", "group_by", "filter", "compare", "top", "window", "x"]),
    _TEXTS,
)
def test_no_parameter_makes_it_fail(silent, name, text):
    """Every answer is below 500, and no text of a parameter ever stands in a statement."""
    app, database = silent
    database.statements.clear()

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [
                await client.get(HISTORY, params={"metric": "request_rate", name: text}),
                await client.get("/api/v1/metrics/current", params={"metric": "score_mean", name: text}),
            ]

    for answer in asyncio.run(ask()):
        assert answer.status_code < 500
    assert not any("DROP" in statement or "%n" in statement for statement in database.statements)


_SEARCHES = {
    "/api/v1/traces": [
        *("service", "route", "name", "kind", "min_duration_ms", "max_duration_ms", "status", "model", "model_version"),
        *("has_prediction", "attr", "from", "to", "sort", "limit", "cursor", "x"),
    ],
    "/api/v1/traces/heatmap": ["attr", "min_duration_ms", "status", "from", "to", "step", "x"],
    "/api/v1/traces/exceptions": ["service", "from", "to", "limit", "x"],
    "/api/v1/logs": [
        *("service", "severity", "q", "whole_words", "trace_id", "span_id", "event"),
        *("from", "to", "limit", "cursor", "x"),
    ],
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(path, name) for path, names in _SEARCHES.items() for name in names]),
    st.one_of(_TEXTS, st.builds("{}={}".format, _TEXTS, _TEXTS)),
)
def test_no_parameter_makes_a_search_fail(silent, where, text):
    """Every answer is below 500, and no text of a parameter, an attribute's name neither, stands in a statement."""
    app, database = silent
    database.statements.clear()
    path, name = where

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get(path, params={name: text})

    assert asyncio.run(ask()).status_code < 500
    assert not any("DROP" in statement or "%n" in statement for statement in database.statements)


@pytest.mark.anyio
@pytest.mark.parametrize("path", list(_SEARCHES))
@pytest.mark.parametrize(
    "text", ["'; DROP TABLE otel_traces; --", "\\", "\\'", "{from_ns:Int64}", "\N{DUCK}", "in(a", "%", "\t\n", '`"[]']
)
async def test_the_engine_takes_every_text(api, path, text):
    """Each text goes through the engine itself, as value and as name of an attribute."""
    attributes = {} if path.endswith("exceptions") else {"attr": [f"{text}={text}", f"a^={text}"]}
    texts = {"q": text, "whole_words": "1"} if path.endswith("logs") else attributes
    answer = await api.get(path, params={"service": text, **texts})
    assert answer.status_code == 200, answer.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["/api/v1/traces/", "/api/v1/predictions/"]), _TEXTS)
def test_no_id_makes_it_fail(silent, path, text):
    """Ids too."""
    app, _ = silent

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get(httpx.URL(path + httpx.QueryParams({"": text}).__str__().removeprefix("=")))

    assert asyncio.run(ask()).status_code < 500


@pytest.mark.anyio
@pytest.mark.parametrize("metric", ["request_rate", "prediction_rate", "completeness", "ingest_lag_p95"])
@pytest.mark.parametrize("step", ["auto", "365d", "91d"])
async def test_the_widest_range_is_answered(api, metric, step):
    """From 1970 to 2100, in days of a far zone too, the engine itself finds nothing wrong."""
    parameters = {
        "metric": metric,
        "from": "0",
        "to": "2099-12-31T23:59:59.999999999Z",
        "step": step,
        "tz": "Pacific/Apia",
    }
    answer = await api.get(HISTORY, params=parameters)
    assert answer.status_code == 200, answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", list(_SEARCHES))
async def test_the_widest_range_is_searched(api, path):
    """From 1970 to 2100."""
    answer = await api.get(path, params={"from": "0", "to": "2099-12-31T23:59:59.999999999Z"})
    assert answer.status_code == 200, answer.text
