"""A Collector that is killed after ClickHouse stored its rows and before it heard so delivers them again."""

import itertools
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from services.monitoring_api.database import ClickHouseDatabase, Connection
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, PREDICTIONS_15M, REQUESTS_1M, REQUESTS_15M
from tests.collector import otlp
from tests.collector.pipeline import Pipeline
from tests.integration.withholding import withholding_relay
from tests.monitoring_api.queries.asking import ask_history, values

pytestmark = [pytest.mark.integration, pytest.mark.anyio, pytest.mark.timeout(240)]
MINUTES = 30
ALL, UNHEARD = 2_000, 1_500
# A whole hour, where buckets of every step begin, and which is over.
START = datetime.fromtimestamp(time.time() // 3600 * 3600 - 7200, UTC)
END = START + timedelta(minutes=MINUTES)
TABLES = ("otel_traces_ingest", "otel_logs")
LEVELS = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
METRICS = ("request_rate", "error_ratio", *LEVELS, "prediction_rate", "score_mean")
# By step: its minutes, and the rollup that it is answered from.
STEPS = {"1m": (1, "rollup_1m"), "10m": (10, "rollup_1m"), "15m": (15, "rollup_15m")}
COUNTS = """SELECT
    (SELECT count() FROM otel_traces), (SELECT uniqExact(TraceId, SpanId) FROM otel_traces),
    (SELECT count() FROM predictions_data), (SELECT uniqExact(PredictionId) FROM predictions_data)"""


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture
def pipeline(tmp_path):
    """ClickHouse and the Collector, which reaches it by a relay only."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start_clickhouse()
        pipeline.migrate()
        yield pipeline


class Seeded:
    """Requests and predictions over the range, and the answers that follow from them."""

    def __init__(self):
        chance = random.Random(17)
        self._minutes = [number % MINUTES for number in range(ALL)]
        self._seconds = [chance.lognormvariate(-3, 1) for _ in range(ALL)]
        self._failed = [chance.random() < 0.1 for _ in range(ALL)]
        self._scores = [chance.random() for _ in range(ALL)]

    def send(self, pipeline, numbers):
        """Send some of them, in one message of each kind, which the Collector makes one insert of."""
        otlp.send(pipeline.otlp, otlp.spans(*map(self._span, numbers)))
        otlp.send(pipeline.otlp, otlp.logs(*map(self._prediction, numbers)))

    def bounds(self, metric, minutes):
        """Least and greatest value of each point of a metric, by hand; every length divides the range.

        They differ for percentiles alone, where one may lie at either of two neighbouring ranks.
        """
        return [
            self._point(metric, [number for number in range(ALL) if self._minutes[number] // minutes == n], minutes)
            for n in range(MINUTES // minutes)
        ]

    def _point(self, metric, numbers, minutes):
        count = len(numbers)
        if metric in LEVELS:
            seconds = sorted(self._seconds[number] for number in numbers)
            return seconds[int(LEVELS[metric] * (count - 1))], seconds[int(LEVELS[metric] * count)]
        if metric in {"request_rate", "prediction_rate"}:
            value = count / (minutes * 60)
        else:
            value = (
                sum((self._failed if metric == "error_ratio" else self._scores)[number] for number in numbers) / count
            )
        return value, value

    def _at(self, number):
        return int(START.timestamp() + self._minutes[number] * 60 + number % 60) * 1_000_000_000 + number

    def _span(self, number):
        failed = self._failed[number]
        return otlp.span(
            number,
            start=self._at(number),
            duration=round(self._seconds[number] * 1e9),
            attributes={"http.route": "/v1/predict", "http.response.status_code": 500 if failed else 200},
            status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
        )

    def _prediction(self, number):
        return otlp.prediction(f"p{number}", at=self._at(number), ml__prediction__score=self._scores[number])


def asking(pipeline, user):
    """A process's way to ClickHouse, not by the relay."""
    url = f"http://127.0.0.1:{pipeline.ports['clickhouse']}"
    password = pipeline.data_dir / "secrets" / f"clickhouse-{user}.password"
    return ClickHouseDatabase(Connection(url, "otel", user, password))


async def maintain(pipeline):
    """Compute the minutes and quarters that are marked; returns how many minutes."""
    database = asking(pipeline, "maintainer")
    try:
        done = [
            await recompute(
                database,
                tier,
                now=datetime.now(UTC),
                settle=timedelta(seconds=10),
                kept=timedelta(days=7),
                most_marks=100_000,
            )
            for tier in (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M)
        ]
    finally:
        await database.close()
    return done[0].buckets, done[1].buckets


async def assert_answers(pipeline, seeded, *, rolled_up):
    """Every metric's answer by several steps is what follows from what was sent."""
    database = asking(pipeline, "reader")
    try:
        for metric, (step, (minutes, rollup)) in itertools.product(METRICS, STEPS.items()):
            answer = await ask_history(database, metric, START, END, step=step, now=datetime.now(UTC))
            assert (metric, step, answer.source) == (metric, step, rollup if rolled_up else "raw")
            within = max(answer.error_bound, 1e-8)
            bounds = seeded.bounds(metric, minutes)
            for found, (least, greatest) in zip(values(answer)[()], bounds, strict=True):
                assert least * (1 - within) <= found <= greatest * (1 + within), (metric, step)
    finally:
        await database.close()


@pytest.mark.parametrize("computed_between", [False, True], ids=["raw", "computed"])
async def test_rows_delivered_again_after_a_lost_acknowledgement_change_no_answer(pipeline, computed_between):
    """ClickHouse stored the rows and the Collector was killed before it heard so: stored twice, they count once.

    Whether or not minutes were computed from the first delivery, counts, percentiles, errors and predictions are those
    of what was sent, from raw rows and from rollups, with every row still there as often as it was delivered.
    """
    for table in ("otel_traces", "predictions_data"):
        pipeline.query(f"ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1", "migrator")
    seeded = Seeded()
    with withholding_relay(pipeline.ports["clickhouse"], TABLES) as (port, withheld):
        endpoint = {"clickhouse_endpoint": f"http://127.0.0.1:{port}"}
        pipeline.collector_settings = pipeline.collector_settings.model_copy(update=endpoint)
        withheld.active = True
        pipeline.start_collector()
        seeded.send(pipeline, range(UNHEARD))
        pipeline.wait_for(COUNTS, "\t".join([str(UNHEARD)] * 4))
        withheld.wait_for_all()
        pipeline.kill("collector")
        if computed_between:
            assert await maintain(pipeline) == (MINUTES, MINUTES)
        withheld.active = False
        pipeline.start_collector()
        seeded.send(pipeline, range(UNHEARD, ALL))
        twice = f"{ALL + UNHEARD}\t{ALL}\t{ALL + UNHEARD}\t{ALL}"
        pipeline.wait_for(COUNTS, twice)
        await assert_answers(pipeline, seeded, rolled_up=False)
        assert await maintain(pipeline) == (MINUTES, MINUTES)
        await assert_answers(pipeline, seeded, rolled_up=True)
        assert pipeline.query(COUNTS) == twice
