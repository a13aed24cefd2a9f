"""What is asked: each panel of the exporter's tables, as one would write it there, and of ours, as the API does."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from clickhouse_connect.driver.client import Client

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.buckets import MOST_POINTS, Buckets, choose_step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.history import METRIC, Arrived, History, history
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns

_SERVER = "SpanKind = 'Server' AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}"
Points = dict[tuple[str, int], float]


@dataclass(frozen=True)
class Panel:
    """One question.

    Args:
        name: What the table calls it.
        wanted: How many times faster ours is to be.
        default: SQL that gives bucket, group and the figures, over the exporter's tables.
        metrics: Metrics of ours that give the same figures, in this order.
        seconds: How far back it looks.
        step: The length of a bucket.
        by: What it is grouped by.
        where: Filters.
    """

    name: str
    wanted: float
    default: str
    metrics: tuple[str, ...]
    seconds: int
    step: str
    by: tuple[str, ...] = ()
    where: tuple[str, ...] = ()

    def ask_default(self, client: Client, span: TimeRange) -> list[Points]:
        """Ask the exporter's tables; the points of each figure."""
        rows = client.query(self.default, parameters=_bounds(span)).result_rows
        return [{(str(row[1]), int(row[0])): float(row[2 + n]) for row in rows} for n in range(len(self.metrics))]

    def read_default(self, client: Client, span: TimeRange) -> None:
        """Have ClickHouse answer, and take the bytes."""
        client.raw_query(self.default, parameters=_bounds(span), fmt="Native")

    def question(self, span: TimeRange) -> tuple[Question, Buckets]:
        """What is asked of the monitoring API."""
        first, *also = map(find_metric, self.metrics)
        asked = ask(first, span, group_by=self.by, filters=parse_filters(list(self.where)), also=also)
        return asked, choose_step(self.step, span, ZoneInfo("UTC"))

    async def statement(self, database: Database, span: TimeRange) -> Query:
        """What the API asks ClickHouse for this, besides for the marks."""
        asked, buckets = self.question(span)
        reading = await prepare(database, asked, buckets)
        return series_query(asked, reading.plan, buckets, most_rows=MOST_POINTS + 1, finished=True)

    async def ask_ours(self, database: Database, span: TimeRange, now: datetime, arrived: Arrived) -> list[Points]:
        """Ask as the history endpoint does, without anything kept from before."""
        asked, buckets = self.question(span)
        return _points(self.metrics, await history(database, asked, buckets, now=now, arrived=arrived))


def _points(metrics: tuple[str, ...], answer: History) -> list[Points]:
    found: list[Points] = [{} for _ in metrics]
    for series in answer.series:
        labels = dict(series.labels)
        metric = metrics.index(labels.pop(METRIC, metrics[0]))
        group = next(iter(labels.values()), "")
        found[metric] |= {(group, at): value for at, value in series.points if value is not None}
    return found


def _bounds(span: TimeRange) -> dict[str, object]:
    return {name: f"{at / 1e9:.9f}" for name, at in (("start", span.start_ns), ("end", span.end_ns))}


_QUANTILES = f"""SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) AS At, SpanAttributes['http.route'] AS Route,
    quantile(0.5)(Duration) / 1e9, quantile(0.95)(Duration) / 1e9, quantile(0.99)(Duration) / 1e9
FROM otel_traces WHERE {_SERVER} GROUP BY At, Route"""
_LATENCIES = ("latency_p50", "latency_p95", "latency_p99")

PANELS = (
    Panel("24 h, p50, p95 and p99 by minute and route", 20, _QUANTILES, _LATENCIES, 86_400, "1m", ("route",)),
    Panel("last hour, the same", 8, _QUANTILES, _LATENCIES, 3_600, "1m", ("route",)),
    Panel(
        "24 h, p95 by minute and status class (ad hoc)",
        3,
        f"""SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) AS At,
    concat(substring(SpanAttributes['http.response.status_code'], 1, 1), 'xx') AS Class, quantile(0.95)(Duration) / 1e9
FROM otel_traces WHERE {_SERVER} GROUP BY At, Class""",
        ("latency_p95",),
        86_400,
        "1m",
        ("status_class",),
    ),
    Panel(
        "24 h, rate of 5xx per 5 minutes (rollup dimension)",
        50,
        f"""SELECT intDiv(toUnixTimestamp(Timestamp), 300) * 300 AS At, '' AS Nothing, count() / 300
FROM otel_traces WHERE {_SERVER} AND SpanAttributes['http.response.status_code'] LIKE '5%' GROUP BY At""",
        ("request_rate",),
        86_400,
        "5m",
        (),
        ("status_class=5xx",),
    ),
    Panel(
        "24 h, rate of one model version per 5 minutes (typed column)",
        12,
        f"""SELECT intDiv(toUnixTimestamp(Timestamp), 300) * 300 AS At, '' AS Nothing, count() / 300
FROM otel_traces WHERE {_SERVER} AND SpanAttributes['ml.model.version'] = 'v1' GROUP BY At""",
        ("request_rate",),
        86_400,
        "5m",
        (),
        ("model_version=v1",),
    ),
    Panel(
        "24 h, predictions of one model version per 5 minutes (rollup)",
        50,
        """SELECT intDiv(toUnixTimestamp(Timestamp), 300) * 300 AS At, '' AS Nothing, count() / 300
FROM otel_logs WHERE EventName = 'ml.prediction' AND LogAttributes['ml.model.version'] = 'v1'
    AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)} GROUP BY At""",
        ("prediction_rate",),
        86_400,
        "5m",
        (),
        ("model_version=v1",),
    ),
)


def span_of(panel: Panel, now: datetime) -> TimeRange:
    """What a panel looks at, when it is asked at a time."""
    return TimeRange(epoch_ns(now) - panel.seconds * NANOSECONDS, epoch_ns(now))
