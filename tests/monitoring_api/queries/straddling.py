"""Four windows of 54 hours around the days on which clocks change, and what raw rows say about them, by SQL of its own.

Nothing here is shared with the code that answers: dimensions are taken from the attributes, days from ClickHouse's own
functions for time zones, percentiles from sorted rows.
"""

import itertools
import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sightglass.attributes import (
    EXPORT_TIME_METRIC,
    LABEL_COUNT_METRIC,
    PREDICTION_COUNT_METRIC,
    SPAN_COUNT_METRIC,
)
from tests.monitoring_api.queries.judged_by_hand import JUDGED, JUDGEMENTS, judgement
from tests.monitoring_api.store import ChdbStore, label, point, prediction, span, text

WINDOWS: Final = {
    "Berlin's spring": datetime(2026, 3, 28, tzinfo=UTC),
    "Berlin's autumn": datetime(2026, 10, 24, tzinfo=UTC),
    "New York's spring": datetime(2026, 3, 7, tzinfo=UTC),
    "New York's autumn": datetime(2026, 10, 31, tzinfo=UTC),
}
LENGTH: Final = timedelta(hours=54)
AFTER: Final = datetime(2026, 11, 3, tzinfo=UTC)
_ZONES: Final = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/New_York")
_SPANS: Final = 500
_PREDICTIONS: Final = 300
_BORDER: Final = timedelta(microseconds=1)


def asked_range(window: str) -> tuple[datetime, datetime]:
    """A range that cuts minutes, hours and days at both ends."""
    start = WINDOWS[window]
    return start + timedelta(hours=3, minutes=17, seconds=23.5), start + timedelta(hours=51, minutes=7, seconds=41.25)


def _borders(window: str) -> list[datetime]:
    """Midnights of every zone, the ends of the range, and the moments just before them."""
    found = list(asked_range(window))
    for zone, days in itertools.product(_ZONES, range(1, 4)):
        day = WINDOWS[window].date() + timedelta(days=days - 1)
        found.append(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC))
    within = [at for at in found if WINDOWS[window] < at < WINDOWS[window] + LENGTH]
    return [at - gap for at in within for gap in (timedelta(0), _BORDER)]


def _requests(chance: random.Random, times: Sequence[datetime]) -> list[dict[str, Any]]:
    rows = []
    for at in times:
        service, instance = chance.choice([("ml-api", "i1"), ("search", "i2")])
        status = chance.choice([200, 200, 200, 404, 500])
        attributes = {"error.type": chance.choice(["500", "timeout"])} if status >= 500 else {}
        attributes |= {"ml.replayed": "true"} if chance.random() < 0.05 else {}
        rows.append(
            span(
                at,
                seconds=chance.lognormvariate(-3, 1),
                route=chance.choice(["/a", "/b", "/c"]),
                status=status,
                lag=chance.choice([0.5, 2, 30]),
                attributes=attributes,
                resource={"service.name": service, "service.instance.id": instance},
                ServiceName=service,
                SpanKind=chance.choice(["Server"] * 4 + ["Client"]),
            )
        )
    return rows


def _events(chance: random.Random, times: Sequence[datetime], name: str) -> list[dict[str, Any]]:
    rows = []
    for number, at in enumerate(times):
        identity = f"{name}-{number}"
        rows.append(
            prediction(
                at,
                prediction_id=identity,
                score=chance.choice([None, 0.0, chance.random(), chance.random()]),
                version=chance.choice(["v1", "v2"]),
                variant=chance.choice(["champion"] * 3 + ["shadow"]),
                source=chance.choice(["store", "store", "fallback"]),
            )
        )
        if chance.random() < 0.5:
            rows.append(
                label(
                    at + timedelta(seconds=chance.random() * 600), identity, chance.choice(["late", "late", "on_time"])
                )
            )
    return rows


def _times(chance: random.Random, window: str, count: int) -> list[datetime]:
    start = WINDOWS[window]
    spread = [start + timedelta(seconds=chance.random() * LENGTH.total_seconds()) for _ in range(count)]
    return [*spread, *_borders(window)]


def seed(store: ChdbStore) -> None:
    """Everything but what comes late, all of it twice and regrouped."""
    chance = random.Random(23)
    spans = [row for window in WINDOWS for row in _requests(chance, _times(chance, window, _SPANS))]
    events = [row for window in WINDOWS for row in _events(chance, _times(chance, window, _PREDICTIONS), window)]
    for table, rows in (("otel_traces", spans), ("otel_logs", events)):
        store.insert(table, rows)
        chance.shuffle(rows)
        for part in range(3):
            store.insert(table, rows[part::3])


def seed_late(store: ChdbStore) -> None:
    """The last hours of each window and a few minutes in the middle, after everything else was worked off."""
    chance = random.Random(29)
    for window, start in WINDOWS.items():
        tail = [start + LENGTH - timedelta(hours=chance.random() * 5) for _ in range(60)]
        middle = [start + timedelta(hours=chance.uniform(6, 40)) for _ in range(5)]
        for _ in range(2):
            again = random.Random(31)
            store.insert("otel_traces", _requests(again, [*tail, *middle]))
        store.insert("otel_logs", _events(chance, [*tail, *middle], f"late {window}"))


def seed_counters(store: ChdbStore) -> None:
    """What one process counted, each minute: all that is stored of it, and now and then something that is not."""
    sums, moments = [], []
    for start in WINDOWS.values():
        counted = {name: _stored(store, signal) for signal, name in _COUNTERS.items()}
        for minute in range(int(LENGTH.total_seconds()) // 60):
            at = start + timedelta(minutes=minute, seconds=7.25)
            exact = at.timestamp()
            moments.append(point(at, EXPORT_TIME_METRIC, exact))
            for name, times in counted.items():
                sums.append(point(at, name, bisect_right(times, exact * 1e9) + minute // 37))
    store.insert("otel_metrics_sum", sums)
    store.insert("otel_metrics_gauge", moments)


_COUNTERS: Final = {
    "spans": SPAN_COUNT_METRIC,
    "predictions": PREDICTION_COUNT_METRIC,
    "labels": LABEL_COUNT_METRIC,
}
_STORED: Final = {
    "spans": """SELECT toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) FROM otel_traces FINAL
        WHERE ResourceAttributes['service.instance.id'] = 'i1' AND SpanAttributes['ml.replayed'] = ''""",
    "predictions": """SELECT min(toUnixTimestamp64Nano(Timestamp)) FROM otel_logs WHERE EventName = 'ml.prediction'
        GROUP BY LogAttributes['ml.prediction.id']""",
    "labels": "SELECT DISTINCT toUnixTimestamp64Nano(Timestamp) FROM otel_logs WHERE EventName = 'ml.label'",
}


def _stored(store: ChdbStore, signal: str) -> list[int]:
    return sorted(int(row[0]) for row in store.rows(_STORED[signal]))


# Dimensions, from attributes and the events' columns.
_CODE: Final = "SpanAttributes['http.response.status_code']"
REQUEST_DIMENSIONS: Final = {
    "service": "ServiceName",
    "route": "SpanAttributes['http.route']",
    "status_class": f"concat(substring({_CODE}, 1, 1), 'xx')",
    "error_type": "SpanAttributes['error.type']",
}
PREDICTION_DIMENSIONS: Final = {
    "model_version": "ModelVersion",
    "variant": "Variant",
    "features_source": "FeaturesSource",
    "label": "Label",
}

_REQUESTS: Final = f"""SELECT {{bucket}} AS Bucket, {{group}} AS Grouped, count() AS Rows,
    countIf(toUInt16OrZero({_CODE}) >= 500 OR StatusCode = 'Error') AS Failed, groupArray(Duration / 1e9) AS Took
FROM otel_traces FINAL
WHERE SpanKind = 'Server' AND {{within}}
GROUP BY Bucket, Grouped"""

_PREDICTED: Final = """SELECT {bucket} AS Bucket, {group} AS Grouped, count() AS Rows, countIf(Positive) AS Positives,
    count(Positive) AS Judged, groupArray(Score) AS Scores, countIf(FeaturesSource = 'fallback') AS Fallbacks,
    countIf(PredictionId IN (SELECT LogAttributes['ml.prediction.id'] FROM otel_logs WHERE EventName = 'ml.label'))
FROM predictions
WHERE {within}
GROUP BY Bucket, Grouped"""

_ARRIVED: Final = """SELECT {bucket} AS Bucket, {group} AS Grouped,
    groupArray((toUnixTimestamp64Milli(ArrivedAt) - (toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) / 1e6) / 1e3)
FROM otel_traces FINAL
WHERE SpanAttributes['ml.replayed'] = '' AND {within}
GROUP BY Bucket, Grouped"""


@dataclass(frozen=True)
class Within:
    """What a figure may be: from ``low`` to ``high``, None where there is nothing to measure."""

    low: float | None
    high: float | None

    def holds(self, value: float | None) -> bool:
        """Whether a value is that figure."""
        if value is None or self.low is None or self.high is None:
            return value is None and self.low is None
        return self.low - 1e-12 <= value <= self.high + 1e-12


def exactly(value: float | None) -> Within:
    """A figure to the last digits."""
    return Within(value, value) if value is None else Within(value - abs(value) * 1e-9, value + abs(value) * 1e-9)


def _quantile(values: Sequence[float], level: float, bound: float = 0.0101) -> Within:
    """Within 1 % of a value at the percentile's rank: the one below or the one above."""
    if not values:
        return Within(None, None)
    ordered, rank = sorted(values), level * (len(values) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return Within(low - abs(low) * bound, high + abs(high) * bound)


def _share(part: float, whole: float) -> Within:
    return exactly(part / whole if whole else None)


# From a bucket's row, after bucket and group, and the bucket's seconds.
_FIGURES: Final[Mapping[str, Any]] = {
    "request_rate": (_REQUESTS, lambda row, seconds: exactly(row[0] / seconds)),
    "error_ratio": (_REQUESTS, lambda row, _: _share(row[1], row[0])),
    "latency_p50": (_REQUESTS, lambda row, _: _quantile(row[2], 0.5)),
    "latency_p95": (_REQUESTS, lambda row, _: _quantile(row[2], 0.95)),
    "latency_p99": (_REQUESTS, lambda row, _: _quantile(row[2], 0.99)),
    "concurrency_mean": (_REQUESTS, lambda row, seconds: exactly(math.fsum(row[2]) / seconds)),
    "prediction_rate": (_PREDICTED, lambda row, seconds: exactly(row[0] / seconds)),
    "score_mean": (_PREDICTED, lambda row, _: _share(math.fsum(row[3]), len(row[3]))),
    "score_p50": (_PREDICTED, lambda row, _: _quantile(row[3], 0.5)),
    "score_p95": (_PREDICTED, lambda row, _: _quantile(row[3], 0.95)),
    "positive_ratio": (_PREDICTED, lambda row, _: _share(row[1], row[2])),
    "fallback_ratio": (_PREDICTED, lambda row, _: _share(row[4], row[0])),
    "label_coverage": (_PREDICTED, lambda row, _: _share(row[5], row[0])),
    "ingest_lag_p95": (_ARRIVED, lambda row, _: _quantile(row[0], 0.95, bound=1e-6)),
    **{name: (JUDGED, lambda row, _, name=name: exactly(judgement(name, row))) for name in JUDGEMENTS},
}
_EMPTY: Final = {name: exactly(0.0) for name in ("request_rate", "concurrency_mean", "prediction_rate")}
METRICS: Final = (*_FIGURES, "completeness")


@dataclass(frozen=True)
class Cut:
    """A range in buckets: by the clock, or by a zone's days."""

    start: datetime
    end: datetime
    step: str
    tz: str

    @property
    def seconds(self) -> int:
        """The length of a bucket that is no day."""
        return {"1m": 60, "15m": 900, "1h": 3600}[self.step]

    @property
    def sql(self) -> str:
        """The start of a row's bucket."""
        if self.step == "1d":
            return f"toUnixTimestamp(toStartOfDay(toDateTime(Timestamp, 'UTC'), '{self.tz}'))"
        return f"intDiv(toUnixTimestamp(Timestamp), {self.seconds}) * {self.seconds}"

    def edges(self) -> list[int]:
        """Where buckets begin, and where the last one ends."""
        if self.step == "1d":
            zone = ZoneInfo(self.tz)
            first, last = (at.astimezone(zone).date() for at in (self.start, self.end))
            days = range((last - first).days + 2)
            return [_midnight(first + timedelta(days=day), zone) for day in days]
        first = int(self.start.timestamp()) // self.seconds * self.seconds
        return [*range(first, int(self.end.timestamp()) + self.seconds, self.seconds)]


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def expected(
    store: ChdbStore,
    metric: str,
    cut: Cut,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    but: Mapping[str, str] | None = None,
) -> dict[tuple[str, ...], list[tuple[int, Within]]]:
    """Each group's points, by hand; of rows that are ``where``, and none that are ``but``."""
    if metric == "completeness":
        rows = _completeness_rows(store, cut, by, where or {})
    else:
        conditions = [(name, "=", value) for name, value in (where or {}).items()]
        conditions += [(name, "!=", value) for name, value in (but or {}).items()]
        rows = _rows(store, metric, cut, by, conditions)
    edges = cut.edges()
    groups = sorted({group for group, _ in rows}) if by else [()]
    return {
        group: [
            (edge, rows.get((group, edge), _EMPTY.get(metric, Within(None, None)))) for edge in edges[:-1]
        ]
        for group in groups
    }  # fmt: skip


def _rows(
    store: ChdbStore,
    metric: str,
    cut: Cut,
    by: Sequence[str],
    conditions: Sequence[tuple[str, str, str]],
) -> dict[tuple[tuple[str, ...], int], Within]:
    sql, figure = _FIGURES[metric]
    predicted = sql in {_PREDICTED, JUDGED}
    dimensions = PREDICTION_DIMENSIONS if predicted else REQUEST_DIMENSIONS
    within = [
        f"Timestamp >= toDateTime64('{text(cut.start)}', 9, 'UTC')",
        f"Timestamp < toDateTime64('{text(cut.end)}', 9, 'UTC')",
        *(f"{dimensions[name]} {operator} '{value}'" for name, operator, value in conditions),
    ]
    if predicted and "variant" not in {*by, *(name for name, _, _ in conditions)}:
        within.append("Variant = 'champion'")
    group = f"[{', '.join(f'toString({dimensions[name]})' for name in by)}]::Array(String)"
    found = store.rows(sql.format(bucket=cut.sql, group=group, within=" AND ".join(within)))
    edges = cut.edges()
    lengths = {edge: _seconds(edge, after, cut) for edge, after in itertools.pairwise(edges)}
    return {
        (tuple(values), int(bucket)): figure([_number(each) for each in row], lengths[int(bucket)])
        for bucket, values, *row in found
    }


def _seconds(start: int, end: int, cut: Cut) -> float:
    return min(end, cut.end.timestamp()) - max(start, cut.start.timestamp())


def _number(cell: Any) -> Any:
    return [float(each) for each in cell] if isinstance(cell, list) else float(cell)


def _completeness_rows(
    store: ChdbStore, cut: Cut, by: Sequence[str], where: Mapping[str, str]
) -> dict[tuple[tuple[str, ...], int], Within]:
    """Between two exports: how much a counter grew, and how many rows of that time are stored."""
    sums: dict[tuple[tuple[str, ...], int], list[int]] = {}
    exact = {int(at): float(value) for at, value in store.rows(
        f"SELECT toUnixTimestamp(TimeUnix), Value FROM otel_metrics_gauge WHERE MetricName = '{EXPORT_TIME_METRIC}'"
    )}  # fmt: skip
    edges = cut.edges()
    for signal, name in _COUNTERS.items():
        if where.get("signal", signal) != signal:
            continue
        stored = _stored(store, signal)
        exports = store.rows(
            "SELECT toUnixTimestamp(TimeUnix), Value FROM otel_metrics_sum "
            f"WHERE MetricName = '{name}' AND TimeUnix > toDateTime({int(cut.start.timestamp())}) - 120 "
            f"AND TimeUnix < toDateTime({int(cut.end.timestamp())}) + 1 ORDER BY TimeUnix"
        )
        for (before, least), (at, most) in itertools.pairwise(exports):
            moment, earlier = exact[int(at)], exact[int(before)]
            if cut.start.timestamp() <= moment < cut.end.timestamp():
                bucket = edges[bisect_right(edges, moment) - 1]
                group = tuple({"signal": signal, "service": "ml-api"}[each] for each in by)
                figures = sums.setdefault((group, bucket), [0, 0])
                figures[0] += bisect_right(stored, moment * 1e9) - bisect_right(stored, earlier * 1e9)
                figures[1] += int(most) - int(least)
    return {
        key: exactly(min(1.0, kept / counted) if counted else None) for key, (kept, counted) in sums.items()
    }  # fmt: skip
