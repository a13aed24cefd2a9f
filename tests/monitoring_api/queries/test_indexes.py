"""The statements that are sent read a small part of what is stored, by the engine's own plan; each index has a use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.monitoring_api.database import Query
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.dirty import recomputed
from services.monitoring_api.queries.heatmap import heatmap, heatmap_step
from services.monitoring_api.queries.logs import LogSelection, search_logs
from services.monitoring_api.queries.pipeline.health import pipeline_health
from services.monitoring_api.queries.prediction import find_labels, find_predictions
from services.monitoring_api.queries.sources import PREDICTIONS, REQUESTS
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.trace import find_trace
from services.monitoring_api.queries.trace_places import Search, TraceSort, find_places
from services.monitoring_api.queries.trace_search import search_traces
from services.monitoring_api.queries.watermark import watermark
from tests.monitoring_api.queries.asking import ask_history
from tests.monitoring_api.queries.full_store import END, at, fill
from tests.monitoring_api.queries.plans import Read, reads
from tests.monitoring_api.store import T0

pytestmark = pytest.mark.anyio
FROM, TO = at(days=5), at(days=5, hours=1)
HOUR = TimeRange(epoch_ns(FROM), epoch_ns(TO))
ALL = TimeRange(epoch_ns(T0), epoch_ns(END))
SLOW = SpanSelection(min_duration_ns=NANOSECONDS)
TRACE = "SELECT TraceId FROM otel_traces WHERE Minute = toDateTime('2026-03-10 12:00:00', 'UTC') LIMIT 1"
PREDICTION = "SELECT PredictionId FROM predictions_data WHERE Timestamp < toDateTime64('2025-12-10', 9, 'UTC') LIMIT 1"


@pytest.fixture(scope="module")
def full(_engine):
    """Two weeks of every table, two spans a trace."""
    _engine.empty()
    fill(_engine)
    return _engine


@dataclass(frozen=True)
class Claim:
    """What is claimed of one table in the statements of a question.

    Args:
        ask: Asks the question.
        table: The table.
        index: The index that leaves most of it out.
        part: The largest part of the stored granules that is read.
        keys: Columns that the index goes by, among others.
    """

    ask: Callable[..., Awaitable[object]]
    table: str
    index: str
    part: float = 0.2
    keys: frozenset[str] = frozenset()


def _asked(metric, start=FROM, end=TO, **more):
    return lambda store: ask_history(store, metric, start, end, **more)


def _one(store, sql):
    return str(store.rows(sql)[0][0])


async def _recompute(store, tier, bucket):
    """The statements of maintenance, as reads: an insert's plan does not tell what it reads."""
    for each in tier.computations:
        query = each.compute_query([bucket], 0)
        await store.fetch(Query("SELECT" + query.sql.split("SELECT", 1)[1], query.parameters))


_START = int(FROM.timestamp())
CLAIMS = {
    "a raw day is its partition": Claim(_asked("latency_p95", step="30s"), "otel_traces", "Min-Max"),
    "raw rows of a service": Claim(
        _asked("latency_p95", step="30s", where=["service=s1"]),
        "otel_traces",
        "PrimaryKey",
        part=0.05,
        keys=frozenset({"ServiceName", "Minute"}),
    ),
    "raw rows of a typed column": Claim(
        _asked("request_rate", by=["model_version"], where=["service=s1"]),
        "otel_traces",
        "PrimaryKey",
        part=0.05,
    ),
    "raw predictions": Claim(
        _asked("score_mean", T0 - timedelta(days=60), T0 - timedelta(days=59), step="1h", by=["label"]),
        "predictions_data",
        "idx_timestamp",
    ),
    "minutes": Claim(
        _asked("error_ratio", where=["service=s1"]),
        "rollup_requests_1m",
        "PrimaryKey",
        part=0.05,
        keys=frozenset({"ServiceName", "Minute"}),
    ),
    "minutes of all services": Claim(_asked("error_ratio"), "rollup_requests_1m", "PrimaryKey", part=0.3),
    "minutes of a model": Claim(
        _asked("prediction_rate", where=["model=m1"]),
        "rollup_predictions_1m",
        "PrimaryKey",
        keys=frozenset({"ModelName", "Minute"}),
    ),
    "quarters": Claim(_asked("error_ratio", at(days=3), at(days=4), step="1h"), "rollup_requests_15m", "Min-Max"),
    "quarters of predictions": Claim(
        _asked("prediction_rate", at(days=3), at(days=4), step="1h"), "rollup_predictions_15m", "Min-Max"
    ),
    "finished durations": Claim(
        _asked("latency_p95", by=["route"]),
        "rollup_requests_finished",
        "PrimaryKey",
        part=0.05,
        keys=frozenset({"Seconds", "GroupedBy", "Minute"}),
    ),
    "finished scores": Claim(
        _asked("score_p95", by=["model"]),
        "rollup_predictions_finished",
        "PrimaryKey",
        part=0.05,
        keys=frozenset({"Seconds", "GroupedBy", "Minute"}),
    ),
    "what is dirty": Claim(_asked("error_ratio"), "rollup_dirty", "PrimaryKey", keys=frozenset({"Kind", "Minute"})),
    "requests computed since": Claim(
        lambda store: recomputed(store, REQUESTS.rolled_up, ALL, epoch_ns(END - timedelta(minutes=9)) // 1000),
        "rollup_requests_1m",
        "idx_computed_at",
    ),
    "predictions computed since": Claim(
        lambda store: recomputed(store, PREDICTIONS.rolled_up, ALL, epoch_ns(END) // 1000),
        "rollup_predictions_1m",
        "idx_computed_at",
        # The last granule of each model.
        part=0.5,
    ),
    "slow traces": Claim(
        lambda store: find_places(store, Search(SLOW, ALL, TraceSort.DURATION), 10, None),
        "otel_traces",
        "idx_duration",
    ),
    "newest traces": Claim(
        lambda store: search_traces(store, Search(SpanSelection(), ALL, TraceSort.TIME), limit=10),
        "otel_traces",
        "Min-Max",
    ),
    "spans of a heat map": Claim(
        lambda store: heatmap(store, SpanSelection(service="s1"), heatmap_step("auto", HOUR)),
        "otel_traces",
        "PrimaryKey",
        part=0.05,
    ),
    "when a trace was": Claim(
        lambda store: find_trace(store, _one(store, TRACE)),
        # One granule of each day, for nobody knows the day yet.
        "otel_traces_trace_id_ts",
        "PrimaryKey",
        part=0.6,
        keys=frozenset({"TraceId"}),
    ),
    "a trace": Claim(lambda store: find_trace(store, _one(store, TRACE)), "otel_traces", "Min-Max", part=0.1),
    "logs of a trace": Claim(lambda store: find_trace(store, _one(store, TRACE)), "otel_logs", "Min-Max", part=0.1),
    "logs by trace, whenever": Claim(
        lambda store: search_logs(store, LogSelection(trace_id=_one(store, TRACE)), ALL, limit=10),
        "otel_logs",
        "idx_trace_id",
        part=0.1,
    ),
    "logs of an hour": Claim(
        lambda store: search_logs(store, LogSelection(service="s1"), HOUR, limit=10),
        "otel_logs",
        "PrimaryKey",
        part=0.1,
        keys=frozenset({"ServiceName", "Minute"}),
    ),
    "logs with a word": Claim(
        lambda store: search_logs(store, LogSelection(text="77777", whole_words=True), ALL, limit=10),
        "otel_logs",
        "idx_body",
        part=0.1,
    ),
    "a prediction": Claim(
        lambda store: find_predictions(store, _one(store, PREDICTION)), "predictions_data", "Min-Max", 0.1
    ),
    "a prediction's label": Claim(
        lambda store: find_labels(store, _one(store, PREDICTION)), "labels_data", "Min-Max", part=0.1
    ),
    "heartbeats": Claim(lambda store: watermark(store, FROM), "otel_metrics_gauge", "Min-Max", part=0.5),
    "counters of the pipeline": Claim(
        lambda store: pipeline_health(store, window=timedelta(minutes=15), now=FROM), "otel_metrics_sum", "Min-Max"
    ),
    "a minute of requests that is computed": Claim(
        lambda store: _recompute(store, REQUESTS_1M, _START), "otel_traces", "Min-Max", 0.1
    ),
    "a quarter that is computed": Claim(
        lambda store: _recompute(store, REQUESTS_15M, _START), "rollup_requests_1m", "PrimaryKey", 0.3
    ),
    "a minute of predictions that is computed": Claim(
        lambda store: _recompute(store, PREDICTIONS_1M, int(T0.timestamp()) - 60 * 86_400),
        "predictions_data",
        "idx_timestamp",
    ),
}


async def _read(store, ask) -> list[Read]:
    store.asked.clear()
    await ask(store)
    return [read for query in list(store.asked) for read in reads(store, query)]


@pytest.mark.parametrize("name", CLAIMS)
async def test_most_of_what_is_stored_is_not_read(full, name):
    """The statements as they are sent: of the table only a small part is read, and the index leaves out the rest."""
    claim = CLAIMS[name]
    found = [read for read in await _read(full, claim.ask) if read.table == claim.table and read.chosen]
    assert found
    for read in found:
        assert read.stored >= 15
        assert read.chosen <= max(1, claim.part * read.stored), read
    uses = [read.use(claim.index) for read in found]
    assert any(use and use.chosen < use.before and claim.keys <= set(use.keys) for use in uses), uses


# What people and tools ask themselves: conditions on these tables without the columns that the keys go by.
OWN = {
    ("otel_traces", "idx_timestamp"): "Timestamp >= toDateTime64('2026-03-15 12:00:00', 9, 'UTC') "
    "AND Timestamp < toDateTime64('2026-03-15 12:05:00', 9, 'UTC')",
    ("predictions_data", "idx_trace_id"): "TraceId = lower(hex(MD5('4711')))",
    ("labels_data", "idx_observed_at"): "ObservedAt >= toDateTime64('2026-02-09', 9, 'UTC') "
    "AND ObservedAt < toDateTime64('2026-02-10', 9, 'UTC')",
    ("labels_data", "idx_arrived_at"): "ArrivedAt < toDateTime64('2025-10-01', 6, 'UTC')",
    ("otel_metrics_gauge", "idx_time"): "TimeUnix >= toDateTime('2026-03-15 12:00:00', 'UTC') "
    "AND TimeUnix < toDateTime('2026-03-15 12:05:00', 'UTC')",
}


@pytest.mark.parametrize(("table", "index"), OWN)
def test_own_questions_use_the_other_indexes(full, table, index):
    """An index that no statement of ours needs leaves out granules of a question without the key's columns."""
    (read,) = reads(full, Query(f"SELECT count() FROM {table} WHERE {OWN[table, index]}"))
    use = read.use(index)
    assert use is not None
    assert use.chosen < use.before


def test_every_index_has_a_use(full):
    """Whoever adds an index says here what it is for; the kinds of metrics that have no rows here are as the gauges."""
    rows = full.rows("SELECT table, name FROM system.data_skipping_indices WHERE database = 'otel'")
    used = {(claim.table, claim.index) for claim in CLAIMS.values()} | OWN.keys()
    used |= {(f"otel_metrics_{kind}", "idx_time") for kind in ("sum", "histogram", "exponential_histogram", "summary")}
    assert {tuple(row) for row in rows} == used - {pair for pair in used if not pair[1].startswith("idx_")}
