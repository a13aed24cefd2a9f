"""Rules of every kind over real rows: their questions are answered, and joined to what was to be seen."""

import asyncio
from datetime import timedelta

import pytest

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.evaluation import StoredAlert, ask, look
from services.monitoring_api.alerting.exemplars import exemplars_in
from services.monitoring_api.alerting.models import AlertState, ObservationKind
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.database import DatabaseUnavailable
from services.monitoring_api.queries.catalogue import CATALOGUE, find_metric
from services.monitoring_api.queries.slow_requests import slow_requests
from services.monitoring_api.queries.timerange import epoch_ns
from services.monitoring_api.queries.watermark import Watermark
from tests.monitoring_api.queries.asking import ask_history
from tests.monitoring_api.store import T0, ChdbStore, span

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def busy():
    """Requests of two routes: /new fails and is slow lately, and was neither a quarter of an hour and a week ago."""
    store = ChdbStore()
    rows = []
    for start, bad in ((T0, True), (T0 - 15 * MINUTE, False), (T0 - 7 * DAY, False)):
        for number in range(40):
            at = start - MINUTE - timedelta(seconds=number)
            broken = bad and number % 2 == 0
            rows.append(span(at, route="/new", status=500 if broken else 200, seconds=0.5 if broken else 0.1))
            rows.append(span(at, route="/old", seconds=0.2))
    store.insert("otel_traces", rows)
    yield store
    store.release()


def looked(store, **given):
    """What is seen of each route: kind, value and count."""
    rule = Rule.model_validate({"alert": "A", "window": "15m", **given})
    (rule,) = rule.expanded()
    slot = T0.timestamp()
    measure = ClickHouseMeasure(store, delay_seconds=0)
    answers = asyncio.run(ask(rule.questions(slot), measure, slot, timeout_seconds=30))
    return {
        one.labels.get("route", ""): (one.observation.kind, one.observation.value, one.observation.count)
        for one in look(rule, answers, [], slot)
    }


BREACHING, HEALTHY, NO_DATA = ObservationKind.BREACHING, ObservationKind.HEALTHY, ObservationKind.NO_DATA


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (
            {"metric": "error_ratio", "group_by": ["route"], "condition": "> 0.4"},
            {"/new": (BREACHING, 0.5, 40), "/old": (HEALTHY, 0.0, 40)},
        ),
        (
            {"metric": "error_ratio", "condition": "> 0.1", "change": {"to": "previous", "as": "difference"}},
            {"": (BREACHING, 0.25, 80)},
        ),
        (
            {
                "metric": "latency_p95",
                "group_by": ["route"],
                "condition": "> 2",
                "change": {"to": "week", "as": "ratio"},
            },
            {"/new": (BREACHING, 5.0, 40), "/old": (HEALTHY, 1.0, 40)},
        ),
        ({"metric": "error_ratio", "condition": "> 0", "offset": "14m"}, {"": (HEALTHY, 0.0, 80)}),
        ({"metric": "request_rate", "absent": True, "filter": {"route": "/new"}}, {"": (HEALTHY, 40 / 900, 40)}),
        ({"metric": "request_rate", "absent": True, "filter": {"route": "/gone"}}, {"": (NO_DATA, None, 0)}),
        ({"metric": "prediction_rate", "absent": True}, {"": (NO_DATA, None, 0)}),
        (
            {"metric": "slow_ratio_200ms", "group_by": ["route"], "condition": "> 0.4", "confirm_window": "5m"},
            {"/new": (BREACHING, 0.5, 40), "/old": (HEALTHY, 0.0, 40)},
        ),
        (
            {
                "sql": "SELECT HttpRoute AS route, countIf(HttpStatusCode >= 500) AS value, count() AS count "
                "FROM otel_traces WHERE Timestamp >= {from:DateTime64(9)} AND Timestamp < {to:DateTime64(9)} "
                "GROUP BY route",
                "condition": "> 10",
                "change": {"to": "previous", "as": "difference"},
            },
            {"/new": (BREACHING, 20.0, 40), "/old": (HEALTHY, 0.0, 40)},
        ),
    ],
)
def test_rules_of_every_kind_are_answered(busy, given, seen):
    """The figures are those that the rows were made of."""
    found = looked(busy, **given)
    assert {route: kind for route, (kind, _, _) in found.items()} == {
        route: kind for route, (kind, _, _) in seen.items()
    }
    for route, (_, value, count) in seen.items():
        assert found[route][1:] == (value if value is None else pytest.approx(value, rel=0.02), count)


@pytest.mark.parametrize(
    "given",
    [
        {"metric": "prediction_rate", "group_by": ["model"], "absent": True},
        {"metric": "prediction_rate", "absent": True},
        {"metric": "error_ratio", "group_by": ["route"], "filter": {"service": "other"}, "condition": "> 0"},
        {
            "sql": "SELECT 'a' AS name, 1 AS value FROM otel_traces WHERE Timestamp >= {from:DateTime64(9)} "
            "AND Timestamp < {to:DateTime64(9)} AND ServiceName = 'other'",
            "absent": True,
        },
    ],
)
def test_nothing_yet_is_not_nothing(busy, given):
    """While telemetry is on its way, groups that are not there are not absent; once it has come, they are."""
    rule = Rule.model_validate({"alert": "A", "window": "15m", **given})
    slot, known = T0.timestamp(), [rule.alert_labels({"model": "m"}), rule.alert_labels({"route": "/new"})]
    for behind, kind in ((60, ObservationKind.INCOMPLETE), (0, ObservationKind.NO_DATA)):

        async def arrived(_database, _now, behind=behind):
            return Watermark(epoch_ns(T0) - behind * 1_000_000_000)

        measure = ClickHouseMeasure(busy, delay_seconds=0, patience_seconds=0, clock=lambda: slot, arrived=arrived)
        answers = asyncio.run(ask(rule.questions(slot), measure, slot, timeout_seconds=30))
        assert {one.observation.kind for one in look(rule, answers, known, slot)} == {kind}


def test_a_latency_objective_is_measured_by_the_threshold(busy):
    """Half of the last requests of /new took half a second."""
    rule = Rule.model_validate(
        {
            "alert": "A",
            "slo": {"objective": "99%", "indicator": "latency", "threshold": "300ms"},
            "filter": {"route": "/new"},
        }
    )
    slot = T0.timestamp()
    rules = list(rule.expanded())
    questions = [question for each in rules for question in each.questions(slot)]
    answers = asyncio.run(ask(questions, ClickHouseMeasure(busy, delay_seconds=0), slot, timeout_seconds=30))
    seen = [look(each, answers, [], slot)[0].observation for each in rules]
    # 20 of 80 within all windows but the shortest, whose 40 are all of the last minutes.
    assert [one.value for one in seen] == [0.25] * 4
    assert [one.kind for one in seen] == [BREACHING] * 4


def test_the_share_of_slow_requests_has_a_history(busy):
    """The metric of any threshold can be asked like the others, so that the dashboard can show it."""
    assert slow_requests("slow_ratio_0ms") is slow_requests("slow_ratio_1s") is None
    answer = asyncio.run(ask_history(busy, "slow_ratio_150ms", T0 - 15 * MINUTE, T0, step="15m", now=T0))
    ((_, value),) = [point for series in answer.series for point in series.points]
    assert value == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"metric": "error_ratio"}, "HttpStatusCode = 500"),
        ({"metric": "latency_p95"}, "Duration = 500000000"),
        ({"metric": "slow_ratio_150ms", "filter": {"route": ["/old", "/older"]}}, "HttpRoute = '/old'"),
        ({"metric": "request_rate", "group_by": ["route"]}, "HttpRoute = '/new'"),
        ({"metric": "request_rate", "offset": "15m"}, "Timestamp < toDateTime64('2026-03-02 09:45:00', 9, 'UTC')"),
    ],
)
def test_traces_of_an_alert_show_what_it_is_about(busy, given, wanted):
    """Failed ones for errors, the slowest for latency, of the alert's own group and window."""
    rule = Rule.model_validate({"alert": "A", "window": "15m", "condition": "> 0", **given})
    alert = StoredAlert("f", "A", rule.key, rule.alert_labels({"route": "/new"}), {}, AlertState())
    found = asyncio.run(exemplars_in(busy, delay_seconds=0)([(rule, alert)], T0.timestamp()))["f"]
    assert len(set(found)) == 5
    listed = "', '".join(found)
    assert busy.rows(f"SELECT count() FROM otel_traces WHERE TraceId IN ('{listed}') AND {wanted}") == [[5]]


@pytest.mark.parametrize("metric", [*CATALOGUE, "slow_ratio_150ms"])
def test_every_metric_s_traces_can_be_asked_for(busy, metric):
    """Whatever a rule watches, its statement is one that ClickHouse takes; what rests on no rows has none."""
    rule = Rule.model_validate({"alert": "A", "metric": metric, "window": "3d", "condition": "> 0"})
    alert = StoredAlert("f", "A", rule.key, rule.alert_labels({}), {}, AlertState())
    before = len(busy.asked)
    found = asyncio.run(exemplars_in(busy, delay_seconds=0)([(rule, alert)], T0.timestamp()))
    assert len(busy.asked) - before == (metric != "completeness")
    assert bool(found) == (find_metric(metric).source.name in {"requests", "request spans", "ingest"})


def test_traces_are_not_worth_an_alert():
    """When ClickHouse fails just then, the alert has none."""

    class Down:
        async def fetch(self, _query, **_):
            raise DatabaseUnavailable("down")

    rule = Rule.model_validate({"alert": "A", "metric": "error_ratio", "condition": "> 0"})
    alert = StoredAlert("f", "A", rule.key, rule.alert_labels({}), {}, AlertState())
    assert asyncio.run(exemplars_in(Down(), delay_seconds=0)([(rule, alert)], 0.0)) == {}
