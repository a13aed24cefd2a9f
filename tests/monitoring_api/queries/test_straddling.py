"""Every metric against SQL written by hand over raw rows, for ranges that straddle whatever an answer is pieced from.

Tiers (raw rows, minutes, quarters of an hour), midnights of five time zones, and the days on which clocks change.
"""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.judged_traces import follow_labels
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    OUTCOMES_1D,
    OUTCOMES_15M,
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    REQUESTS_1M,
    REQUESTS_15M,
)
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.timerange import epoch_ns
from sightglass.attributes import HEARTBEAT_METRIC
from tests.monitoring_api.queries.asking import ask_history
from tests.monitoring_api.queries.straddling import (
    AFTER,
    METRICS,
    WINDOWS,
    Cut,
    asked_range,
    expected,
    seed,
    seed_counters,
    seed_late,
)
from tests.monitoring_api.store import point

pytestmark = pytest.mark.anyio
# Regressions have tests of their own: here all predictions are of one binary model.
REGRESSION = {"mae", "rmse", "r2", "mape", "bias", "pinball_p10", "pinball_p50", "pinball_p90"}
# Of bins of equal mass: test_class_metrics.
BY_MASS = {"ece_equal_mass", "brier_reliability", "brier_resolution"}
BY_SOURCE = {
    "requests": [
        ([], {}),
        (["route", "service"], {}),
        ([], {"status_class": "5xx"}),
        (["error_type"], {"service": "ml-api"}),
    ],
    "predictions": [
        ([], {}),
        (["model_version"], {}),
        (["variant"], {"model_version": "v2"}),
        (["label"], {"model_version": "v1"}),
    ],
    "outcomes": [([], {}), (["model_version"], {}), ([], {"variant": "shadow"})],
    "ingest": [([], {}), (["service"], {}), ([], {"service": "search"})],
    "completeness": [([], {}), (["signal"], {}), ([], {"signal": "spans"})],
}
CASES = [
    ("Berlin's spring", "1m", "UTC"),
    ("Berlin's spring", "15m", "Asia/Kathmandu"),
    ("Berlin's autumn", "1h", "Asia/Kolkata"),
    ("New York's autumn", "15m", "America/New_York"),
    *(("Berlin's spring", "1d", tz) for tz in ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin")),
    ("Berlin's autumn", "1d", "Europe/Berlin"),
    ("New York's spring", "1d", "America/New_York"),
    ("New York's autumn", "1d", "America/New_York"),
]


@pytest.fixture(scope="module")
def anyio_backend():
    """The event loop of this module's store."""
    return "asyncio"


@pytest.fixture(scope="module")
async def straddled(_engine):
    """All that came in time is rolled up, twice delivered as it was; what came late lies raw."""
    _engine.empty()
    # Duplicates stay.
    for table in ("otel_traces", "otel_logs", "predictions_data"):
        _engine.rows(f"SYSTEM STOP MERGES otel.{table}")
    seed(_engine)
    rules = KeepingRules(timedelta(days=30), timedelta(days=400), timedelta(days=60))
    await follow_labels(_engine, rules, most=100_000)
    for tier in (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M, OUTCOMES_15M, OUTCOMES_1D):
        await recompute(
            _engine, tier, now=AFTER, settle=timedelta(seconds=10), kept=timedelta(days=400), most_marks=100_000
        )
    seed_late(_engine)
    seed_counters(_engine)
    yield _engine
    for table in ("otel_traces", "otel_logs", "predictions_data"):
        _engine.rows(f"SYSTEM START MERGES otel.{table}")


def test_every_metric_is_asked_by_hand_too():
    """Whoever adds a metric writes here what raw rows say about it."""
    assert set(METRICS) == CATALOGUE.keys() - REGRESSION - BY_MASS


# Every case is asked of one metric of each way to be answered: sums, ratios and percentiles of every source; fewer of
# those that are answered as it is.
EVERY_CASE = {
    "request_rate",
    "error_ratio",
    "latency_p95",
    "prediction_rate",
    "score_mean",
    "score_p95",
    "label_coverage",
}
FEWER = [case for case in CASES if case[1:] in {("15m", "Asia/Kathmandu"), ("1d", "America/New_York")}]


@pytest.mark.parametrize(
    ("metric", "window", "step", "tz"),
    [(metric, *case) for metric in METRICS for case in (CASES if metric in EVERY_CASE else FEWER)],
)
async def test_the_answer_is_that_of_raw_rows(straddled, metric, window, step, tz):
    """Every bucket of every group: sums and ratios equal, percentiles within their bound, nothing where nothing is."""
    start, end = asked_range(window)
    cut = Cut(start, end, step, tz)
    for by, where in BY_SOURCE[CATALOGUE[metric].source.name]:
        if step == "1m" and by and metric != "request_rate":
            continue
        filters = [f"{name}={value}" for name, value in where.items()]
        answer = await ask_history(straddled, metric, start, end, step=step, tz=tz, by=by, where=filters, now=AFTER)
        wanted = expected(straddled, metric, cut, by=by, where=where)
        assert {tuple(series.labels.values()) for series in answer.series} == wanted.keys(), (by, where)
        for series in answer.series:
            points = wanted[tuple(series.labels.values())]
            assert [at for at, _ in series.points] == [at for at, _ in points]
            wrong = [
                (at, value, figure)
                for (at, value), (_, figure) in zip(series.points, points, strict=True)
                if not figure.holds(value)
            ]
            assert wrong == [], (by, where)


@pytest.mark.parametrize(
    "metric",
    [name for name, each in CATALOGUE.items() if each.source.rollup is not None and name not in REGRESSION | BY_MASS],
)
async def test_the_rest_of_the_groups_is_that_of_raw_rows(straddled, metric):
    """One group with a series, and `other`: what raw rows of all the others together say."""
    by = "route" if CATALOGUE[metric].source.name == "requests" else "model_version"
    start, end = asked_range("Berlin's autumn")
    cut = Cut(start, end, "1h", "UTC")
    answer = await ask_history(straddled, metric, start, end, step="1h", by=[by], top=1, now=AFTER)
    own, rest = answer.series
    assert (own.other, rest.other) == (False, True)
    kept = own.labels[by]
    for series, wanted in (
        (own, expected(straddled, metric, cut, where={by: kept})),
        (rest, expected(straddled, metric, cut, but={by: kept})),
    ):
        assert all(figure.holds(value) for (_, value), (_, figure) in zip(series.points, wanted[()], strict=True))


async def test_an_answer_is_pieced_from_all_three(straddled):
    """The store is such that these ranges do straddle: raw rows, minutes and quarters are read for one answer."""
    for window in WINDOWS:
        start, end = asked_range(window)
        for metric, table in (("error_ratio", "requests"), ("fallback_ratio", "predictions")):
            straddled.asked.clear()
            answer = await ask_history(straddled, metric, start, end, step="1h", now=AFTER)
            assert answer.source == "mixed"
            (sql,) = [query.sql for query in straddled.asked if f"rollup_{table}_15m FINAL" in query.sql]
            assert f"rollup_{table}_1m FINAL" in sql
            assert ("otel_traces FINAL" in sql) or ("FROM predictions" in sql)


async def test_something_is_missing(straddled):
    """The counters are such that completeness has something to say."""
    start, end = asked_range("Berlin's spring")
    (series,) = (await ask_history(straddled, "completeness", start, end, step="1h", now=AFTER)).series
    assert {value == 1 for _, value in series.points} == {True, False}


@pytest.mark.parametrize("metric", METRICS)
async def test_the_watermark_cuts_nothing_off(straddled, metric):
    """Heard of until the middle of the range: the answer says up to when it is complete, and has what is there."""
    start, end = asked_range("New York's spring")
    heard = start + timedelta(hours=20)
    straddled.insert("otel_metrics_gauge", [point(heard, HEARTBEAT_METRIC, 1)])
    heard_ns = epoch_ns(heard.replace(microsecond=0))
    now = heard + timedelta(seconds=30)
    # What is younger than now is there already, as it is where clocks differ.
    end = now + timedelta(minutes=5) if CATALOGUE[metric].source.settle_seconds == 0 else now - timedelta(minutes=1)
    answer = await ask_history(straddled, metric, start, end, step="15m", now=now)
    assert answer.complete_until_ns is not None
    assert heard_ns - 60 * 10**9 <= answer.complete_until_ns <= heard_ns
    wanted = expected(straddled, metric, Cut(start, end, "15m", "UTC"))[()]
    (series,) = answer.series
    assert len(series.points) == len(wanted)
    assert all(figure.holds(value) for (_, value), (_, figure) in zip(series.points, wanted, strict=True))
