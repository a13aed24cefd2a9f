"""What is asked: each panel of the exporter's tables, as one would write it there, and of ours, as the API does."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from clickhouse_connect.driver.client import Client

from services.monitoring_api.database import Database
from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.history import History, history
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.timerange import TimeRange

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

    async def ask_ours(self, database: Database, span: TimeRange, now: datetime) -> list[Points]:
        """Ask as the history endpoint does, without anything kept from before."""
        return [_points(await self._one(database, metric, span, now)) for metric in self.metrics]

    async def _one(self, database: Database, metric: str, span: TimeRange, now: datetime) -> History:
        question = ask(find_metric(metric), span, group_by=self.by, filters=parse_filters(list(self.where)))
        return await history(database, question, choose_step(self.step, span, ZoneInfo("UTC")), now=now)


def _points(answer: History) -> Points:
    return {
        (next(iter(series.labels.values()), ""), at): value
        for series in answer.series
        for at, value in series.points
        if value is not None
    }


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
)
