"""Every metric on an empty store, and on a seeded one with answers worked out by hand."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.catalogue import CATALOGUE, described
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.measurement import Measurement
from services.web.problems import BadInput
from sightglass.attributes import EXPORT_TIME_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.queries.asking import ask_history, question, values
from tests.monitoring_api.store import T0, label, point, prediction, span

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)
ZERO_WHEN_EMPTY = {"request_rate", "concurrency_mean", "prediction_rate"}


@pytest.mark.parametrize("metric", CATALOGUE)
async def test_an_empty_store_gives_empty_buckets(store, metric):
    """Without rows there is one series with every bucket: zero for rates, null for everything else."""
    answer = await ask_history(store, metric, T0, T0 + 3 * MINUTE)
    empty = 0.0 if metric in ZERO_WHEN_EMPTY else None
    assert [list(series.points) for series in answer.series] == [
        [(int(T0.timestamp()) + 60 * number, empty) for number in range(3)]
    ]
    assert await measure(store, metric, window=5 * MINUTE, now=T0) == [Measurement({}, empty, 0, complete=True)]


@pytest.mark.parametrize("metric", CATALOGUE)
async def test_an_empty_store_has_no_groups(store, metric):
    """With grouping there is a series for each group seen, so none; every dimension is one that SQL knows."""
    for dimension in CATALOGUE[metric].source.dimensions:
        for step in ("10s", "1m", "1d"):
            answer = await ask_history(
                store, metric, T0, T0 + 2 * MINUTE, step=step, by=[dimension], where=[f"{dimension}!=x"]
            )
            assert answer.series == []


def _ten_requests():
    """Durations 0.1 to 1.0 s; two of ten fail; the first five in the first minute."""
    return [
        span(
            T0 + timedelta(seconds=12 * number),
            seconds=(number + 1) / 10,
            status=500 if number in {2, 7} else 200,
            route="/v1/predict" if number % 2 == 0 else "/v1/labels",
        )
        for number in range(10)
    ]


async def test_request_metrics_are_those_worked_out_by_hand(store):
    """Ten server spans over two minutes, and a client span that is no request."""
    store.insert("otel_traces", [*_ten_requests(), span(T0, SpanKind="Client")])
    end = T0 + 3 * MINUTE

    async def one(metric, **more):
        return values(await ask_history(store, metric, T0, end, **more))

    assert await one("request_rate") == {(): [5 / 60, 5 / 60, 0.0]}
    assert await one("error_ratio") == {(): [0.2, 0.2, None]}
    assert await one("latency_p50", step="30s") == {(): pytest.approx([0.2, 0.5, 0.7, 1.0, None, None])}
    assert await one("request_rate", by=["status_class"]) == {
        ("2xx",): [4 / 60, 4 / 60, 0.0],
        ("5xx",): [1 / 60, 1 / 60, 0.0],
    }
    assert await one("request_rate", by=["route", "status_class"], where=["status_class=5xx"]) == {
        ("/v1/labels", "5xx"): [0.0, 1 / 60, 0.0],
        ("/v1/predict", "5xx"): [1 / 60, 0.0, 0.0],
    }
    assert await one("request_rate", where=["route^=/v1/p"]) == {(): [3 / 60, 2 / 60, 0.0]}
    assert await one("request_rate", where=["route!=/v1/predict"]) == {(): [2 / 60, 3 / 60, 0.0]}
    assert await one("request_rate", where=["route=in(/v1/predict,/x)"]) == {(): [3 / 60, 2 / 60, 0.0]}
    assert await one("request_rate", where=["route!=in(/v1/predict,/x)"]) == {(): [2 / 60, 3 / 60, 0.0]}
    assert await one("request_rate", where=["status_code=500", "service=ml-api"]) == {(): [1 / 60, 1 / 60, 0.0]}


async def test_concurrency_is_littles_law(store):
    """Rate times mean duration; a request counts in the bucket in which it started, for all the time it took."""
    long = span(T0 + timedelta(seconds=59), seconds=90, route="/v1/batch")
    store.insert("otel_traces", [*_ten_requests(), long, span(T0, seconds=600, SpanKind="Client")])
    end = T0 + 3 * MINUTE

    async def one(**more):
        return values(await ask_history(store, "concurrency_mean", T0, end, **more))

    assert await one() == {(): pytest.approx([(1.5 + 90) / 60, 4 / 60, 0.0])}
    assert await one(by=["route"], where=["route!=/v1/batch"]) == {
        ("/v1/labels",): pytest.approx([0.6 / 60, 2.4 / 60, 0.0]),
        ("/v1/predict",): pytest.approx([0.9 / 60, 1.6 / 60, 0.0]),
    }
    by_route = {"where": ["route!=/v1/batch"]}
    (rate,) = values(await ask_history(store, "request_rate", T0, end, **by_route)).values()
    assert await one(**by_route) == {(): pytest.approx([rate[0] * 0.3, rate[1] * 0.8, 0.0])}


async def test_percentiles_are_within_their_stated_bound(store):
    """Where a sketch answers, the answer says so, and keeps its bound against the exact percentile."""
    store.insert(
        "otel_traces", [span(T0 + timedelta(milliseconds=37 * n), seconds=0.001 * (n + 1)) for n in range(1000)]
    )
    exact = await ask_history(store, "latency_p95", T0, T0 + 2 * MINUTE, step="30s")
    assert (exact.source, exact.error_bound) == ("raw", 0.0)
    sketched = await ask_history(store, "latency_p95", T0, T0 + 2 * MINUTE, step="2m")
    assert (sketched.source, sketched.error_bound) == ("mixed", 0.01)
    assert values(sketched)[()][0] == pytest.approx(0.951, rel=0.01)


async def test_prediction_metrics_are_those_worked_out_by_hand(store):
    """Scores 0.0 to 0.9, one prediction without a score, one of a shadow; three from fallback features."""
    store.insert(
        "otel_logs",
        [
            *(
                prediction(
                    T0 + timedelta(seconds=number), score=number / 10, source="fallback" if number < 3 else "store"
                )
                for number in range(10)
            ),
            prediction(T0, score=None),
            prediction(T0, score=0.9, variant="shadow", version="v2"),
        ],
    )

    async def one(metric, **more):
        return values(await ask_history(store, metric, T0, T0 + 2 * MINUTE, **more))

    assert await one("prediction_rate") == {(): [11 / 60, 0.0]}
    assert await one("score_mean") == {(): pytest.approx([0.45, None])}
    assert await one("positive_ratio") == {(): [0.5, None]}
    assert await one("fallback_ratio") == {(): [3 / 11, None]}
    assert await one("score_p50", step="30s") == {(): [0.5, None, None, None]}
    assert await one("score_mean", where=["variant=shadow"]) == {(): [0.9, None]}
    assert await one("prediction_rate", by=["variant"]) == {("champion",): [11 / 60, 0.0], ("shadow",): [1 / 60, 0.0]}
    assert await one("prediction_rate", by=["label"], where=["model=flight-delay"]) == {
        ("",): [1 / 60, 0.0],
        ("late",): [5 / 60, 0.0],
        ("on_time",): [5 / 60, 0.0],
    }


async def test_label_coverage_counts_predictions_once(store):
    """Two of four predictions have a label; two versions of one label are one."""
    store.insert("otel_logs", [prediction(T0, prediction_id=f"c{number}") for number in range(4)])
    late = T0 + timedelta(hours=3)
    store.insert(
        "otel_logs", [label(late, "c0", "late"), label(late + MINUTE, "c0", "on_time"), label(late, "c1", "late")]
    )
    assert values(await ask_history(store, "label_coverage", T0, T0 + MINUTE)) == {(): [0.5]}


async def test_ingest_lag_is_from_a_spans_end_to_its_storage(store):
    """Nine spans took a second and one five; a replayed one says nothing."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=n), lag=5 if n == 9 else 1) for n in range(10)])
    store.insert("otel_traces", [span(T0, lag=9999, attributes={"ml.replayed": "true"})])
    assert values(await ask_history(store, "ingest_lag_p95", T0, T0 + MINUTE)) == {(): pytest.approx([5.0])}


async def test_completeness_shows_what_is_missing(store):
    """Of ten spans that were counted between two exports nine are stored."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=n), seconds=0.1) for n in range(9)])
    before, at = T0 - timedelta(seconds=1), T0 + timedelta(seconds=10)
    store.insert("otel_metrics_sum", [point(before, SPAN_COUNT_METRIC, 100), point(at, SPAN_COUNT_METRIC, 110)])
    moments = [(moment, moment.timestamp() + 0.05) for moment in (before, at)]
    store.insert("otel_metrics_gauge", [point(moment, EXPORT_TIME_METRIC, exact) for moment, exact in moments])
    answer = await ask_history(store, "completeness", T0, T0 + MINUTE, now=T0 + 2 * MINUTE)
    assert values(answer) == {(): [0.9]}


async def test_one_measurement_for_each_group(store):
    """A grouped measurement has labels, value and the number of rows it rests on."""
    store.insert("otel_traces", _ten_requests())
    found = await measure(store, "error_ratio", window=5 * MINUTE, now=T0 + 3 * MINUTE, group_by=["route"])
    assert found == [
        Measurement({"route": "/v1/labels"}, 0.2, 5, complete=True),
        Measurement({"route": "/v1/predict"}, 0.2, 5, complete=True),
    ]


async def test_a_short_window_is_exact_and_a_long_one_within_its_bound(store):
    """Short windows are read raw; both give the same counts."""
    store.insert("otel_traces", _ten_requests())
    (short,) = await measure(store, "latency_p95", window=10 * MINUTE, now=T0 + 3 * MINUTE)
    (long,) = await measure(store, "latency_p95", window=timedelta(hours=5), now=T0 + 3 * MINUTE)
    assert short == Measurement({}, 1.0, 10, complete=True)
    assert (long.count, long.value) == (10, pytest.approx(1.0, rel=0.11))


@pytest.mark.parametrize(
    ("by", "where", "field"),
    [
        (["label"], [], "group_by"),
        (["route", "route"], [], "group_by"),
        ([], ["variant=shadow"], "filter"),
        ([], ["x; DROP TABLE otel_traces=1"], "filter"),
        (["service", "route", "status_class", "model", "status_code"], [], "group_by"),
    ],
)
def test_a_dimension_that_a_metric_lacks_is_refused_by_name(by, where, field):
    """The problem names the parameter and lists what there is."""
    with pytest.raises(BadInput) as caught:
        question("request_rate", T0, T0 + MINUTE, by=by, where=where)
    assert [error.field for error in caught.value.errors] == [field]


def test_the_catalogue_describes_itself():
    """Every entry has all that the answer promises."""
    entries = described()
    assert {"request_rate", "error_ratio", "latency_p99", "score_p50", "label_coverage", "completeness"} <= {
        entry["name"] for entry in entries
    }
    assert all(set(entry) == {"name", "unit", "description", "kind", "group_by", "filters"} for entry in entries)
