"""Grafana's ClickHouse plugin and HyperDX on our tables, unmodified: what they ask, in statements of our own.

Read for it: the plugin's generator of statements and its macros; HyperDX's renderer of charts, its metadata and its
settings. Together the questions below use every standard table and column, and the types and functions found there; the
seeds are few, and the answers worked out by hand.
"""

import json
import subprocess
from typing import Any, NamedTuple

import clickhouse_connect
import httpx
import pytest
import yaml

from services.cli.collector.resolve import binary_path
from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.database import connect
from services.monitoring_api.migrate.settings import MigrateSettings
from tests.embedded_clickhouse.server import EmbeddedServer, free_port, wait_until

pytestmark = pytest.mark.integration

STANDARD = [
    *("otel_traces", "otel_traces_trace_id_ts", "otel_logs", "otel_metrics_gauge", "otel_metrics_sum"),
    *("otel_metrics_histogram", "otel_metrics_exponential_histogram", "otel_metrics_summary"),
]
# What HyperDX sends with each question, and what Grafana's plugin does.
HYPERDX = {
    "default_format": "JSON",
    "allow_experimental_analyzer": "1",
    "date_time_output_format": "iso",
    "wait_end_of_query": "0",
    "cancel_http_readonly_queries_on_client_close": "1",
    "output_format_json_quote_64bit_integers": "1",
    "query_plan_optimize_lazy_materialization": "1",
    "query_plan_max_limit_for_lazy_materialization": "100000",
    "use_skip_indexes_for_top_k": "1",
    "query_plan_max_limit_for_top_k_optimization": "100000",
    "use_skip_indexes_on_data_read": "1",
    "use_skip_indexes_for_disjunctions": "1",
    "enable_full_text_index": "1",
    "allow_calculating_subcolumns_sizes_for_merge_tree_reading": "0",
    "max_execution_time": "15",
    "timeout_overflow_mode": "break",
    "max_rows_to_read": "0",
    "read_overflow_mode": "break",
    "log_comment": '{"v":1,"surface":"search"}',
    "query_id": "hdx-search-0f9c",
}
GRAFANA = {"max_execution_time": "60", "enable_http_compression": "0", "default_format": "Native"}
# 2026-03-02T10:00:00Z
T0 = 1_772_445_600
TRACE = "0af7651916cd43dd8448eb211c80319c"
RANGE = f"Timestamp >= toDateTime({T0}) AND Timestamp <= toDateTime({T0 + 300})"
RANGE_MS = f"fromUnixTimestamp64Milli({T0 * 1000}) AND {{}} <= fromUnixTimestamp64Milli({(T0 + 300) * 1000})"

SEEDS = {
    "otel_traces": [
        {
            "Timestamp": f"{T0 + second}.250000000",
            "TraceId": TRACE if second < 60 else "f" * 32,
            "SpanId": f"{number:016x}",
            "ParentSpanId": parent,
            "TraceState": "a=b",
            "SpanName": name,
            "SpanKind": kind,
            "ServiceName": "shop",
            "ResourceAttributes": {"service.name": "shop", "k8s.pod.name": "p1"},
            "ScopeName": "lib",
            "ScopeVersion": "1",
            "SpanAttributes": {"http.route": "/buy", "http.response.status_code": code},
            "Duration": duration,
            "StatusCode": status,
            "StatusMessage": "boom" if status == "Error" else "",
            "Events.Timestamp": [f"{T0 + second}.300000000"],
            "Events.Name": ["exception"],
            "Events.Attributes": [{"exception.type": "E"}],
            "Links.TraceId": ["f" * 32],
            "Links.SpanId": ["b" * 16],
            "Links.TraceState": [""],
            "Links.Attributes": [{"k": "v"}],
        }
        for number, (second, parent, name, kind, code, duration, status) in enumerate(
            [
                (10, "", "GET /buy", "Server", "500", 200_000_000, "Error"),
                (11, "0" * 16, "SELECT", "Client", "", 50_000_000, "Unset"),
                (70, "", "GET /buy", "Server", "200", 100_000_000, "Unset"),
            ]
        )
    ],
    "otel_logs": [
        {
            "Timestamp": f"{T0 + second}.500000000",
            "TraceId": TRACE,
            "SpanId": "0" * 16,
            "TraceFlags": 1,
            "SeverityText": severity,
            "SeverityNumber": number,
            "ServiceName": "shop",
            "Body": body,
            "ResourceSchemaUrl": "r",
            "ResourceAttributes": {"service.name": "shop", "k8s.pod.name": "p1"},
            "ScopeSchemaUrl": "s",
            "ScopeName": "lib",
            "ScopeVersion": "1",
            "ScopeAttributes": {"sc": "1"},
            "LogAttributes": {"user": "ann"},
            "EventName": "",
        }
        for second, severity, number, body in [
            (20, "ERROR", 17, 'Payment refused {"code": 7}'),
            (30, "INFO", 9, "Payment done 100%"),
            (80, "INFO", 9, "Nothing"),
        ]
    ],
    **{
        f"otel_metrics_{kind}": [
            {
                "ResourceAttributes": {"service.name": "shop"},
                "ResourceSchemaUrl": "r",
                "ScopeName": "lib",
                "ScopeVersion": "1",
                "ScopeAttributes": {"sc": "1"},
                "ScopeDroppedAttrCount": 0,
                "ScopeSchemaUrl": "s",
                "ServiceName": "shop",
                "MetricName": kind,
                "MetricDescription": "d",
                "MetricUnit": "s",
                "Attributes": {"a": "1"},
                "StartTimeUnix": T0,
                "TimeUnix": T0 + 60 * step,
                "Flags": 0,
                **point,
            }
            for step, point in enumerate(points)
        ]
        for kind, points in {
            "gauge": [{"Value": value} for value in (1.0, 3.0, 2.0)],
            "sum": [
                {"Value": value, "AggregationTemporality": 2, "IsMonotonic": True} for value in (10.0, 15.0, 4.0)
            ],
            "histogram": [
                {"Count": 4 * n, "Sum": 2.0 * n, "BucketCounts": [n, 2 * n, n], "ExplicitBounds": [0.1, 0.5],
                 "Min": 0.05, "Max": 0.9, "AggregationTemporality": 2}
                for n in (1, 3)
            ],
            "exponential_histogram": [
                {"Count": 5, "Sum": 9.0, "Scale": 0, "ZeroCount": 1, "PositiveOffset": 0,
                 "PositiveBucketCounts": [2, 2],
                 "NegativeOffset": 0, "NegativeBucketCounts": [], "Min": 0.0, "Max": 4.0,
                 "AggregationTemporality": 2}
            ],
            "summary": [
                {"Count": 3, "Sum": 1.5, "ValueAtQuantiles.Quantile": [0.5, 0.99], "ValueAtQuantiles.Value": [0.4, 0.9]}
            ],
        }.items()
    },
}  # fmt: skip


# Name -> statement and its rows. Numbers as text are 64-bit ones, which the clients ask to be quoted.
class Question(NamedTuple):
    """A statement, and the rows it has for an answer; None: some rows."""

    sql: str
    rows: list[list[Any]] | None


QUESTIONS = {
    "a page of traces": Question(
        "SELECT `TraceId` AS traceID, `ServiceName` AS serviceName, `SpanName` AS operationName, `Timestamp` AS "
        "startTime, "
        "multiply(`Duration`, 0.000001) AS duration FROM `otel`.`otel_traces` WHERE "
        f"({RANGE}) AND (ParentSpanId = '') AND (Duration > 0) ORDER BY Timestamp DESC, Duration DESC LIMIT 1000",
        [
            ["f" * 32, "shop", "GET /buy", "2026-03-02T10:01:10.250000000Z", 100],
            [TRACE, "shop", "GET /buy", "2026-03-02T10:00:10.250000000Z", 200],
        ],
    ),
    "a trace by its id, through the table of times": Question(
        f"WITH '{TRACE}' AS id, (SELECT min(Start) FROM `otel`.`otel_traces_trace_id_ts` WHERE TraceId = id) AS "
        f"since, "
        "(SELECT max(End) + 1 FROM `otel`.`otel_traces_trace_id_ts` WHERE TraceId = id) AS until "
        "SELECT `SpanId` AS spanID, `ParentSpanId` AS parentSpanID, "
        "multiply(toUnixTimestamp64Nano(`Timestamp`), 0.000001) "
        "AS startTime, arrayMap(name -> map('key', name, 'value', `SpanAttributes`[name]), "
        "mapKeys(`SpanAttributes`)) AS "
        "tags, arrayMap(name -> map('key', name, 'value', `ResourceAttributes`[name]), "
        "mapKeys(`ResourceAttributes`)) AS "
        "serviceTags, if(`StatusCode` = 'Error', 2, 0) AS statusCode, `StatusMessage` AS statusMessage, "
        "`SpanKind` AS kind, "
        "`TraceState` AS traceState, `ScopeName`, `ScopeVersion`, arrayMap((name, at, attributes) -> tuple(name, "
        "toString(toUnixTimestamp64Milli(at)), arrayMap(key -> map('key', key, 'value', attributes[key]), "
        "mapKeys(attributes)))::Tuple(name String, timestamp String, fields Array(Map(String, String))), "
        "`Events.Name`, "
        "`Events.Timestamp`, `Events.Attributes`) AS logs, arrayMap((trace, span, attributes) -> tuple(trace, "
        "span, "
        "arrayMap(key -> map('key', key, 'value', attributes[key]), mapKeys(attributes)))::Tuple(traceID "
        "String, spanID "
        "String, tags Array(Map(String, String))), `Links.TraceId`, `Links.SpanId`, `Links.Attributes`) AS "
        "references "
        "FROM `otel`.`otel_traces` WHERE TraceId = id AND `Timestamp` >= since AND `Timestamp` <= until "
        "AND SpanKind = 'Client' LIMIT 1000",
        [
            [
                *("0" * 15 + "1", "0" * 16, (T0 + 11.25) * 1000),
                [{"key": "http.route", "value": "/buy"}, {"key": "http.response.status_code", "value": ""}],
                [{"key": "service.name", "value": "shop"}, {"key": "k8s.pod.name", "value": "p1"}],
                *(0, "", "Client", "a=b", "lib", "1"),
                [
                    {
                        "name": "exception",
                        "timestamp": str((T0 + 11) * 1000 + 300),
                        "fields": [{"key": "exception.type", "value": "E"}],
                    }
                ],
                [{"traceID": "f" * 32, "spanID": "b" * 16, "tags": [{"key": "k", "value": "v"}]}],
            ]
        ],
    ),
    "times of a trace": Question(
        f"SELECT Start, End FROM otel.otel_traces_trace_id_ts FINAL WHERE TraceId = '{TRACE}' ORDER BY Start",
        [["2026-03-02T10:00:10Z", "2026-03-02T10:00:11Z"]],
    ),
    "logs with a text, and their level": Question(
        "SELECT Timestamp AS timestamp, Body AS body, SeverityText AS level, LogAttributes AS labels, TraceId "
        "AS traceID "
        f"FROM `otel`.`otel_logs` WHERE ({RANGE}) AND (body LIKE '%Payment%') AND (level IN ('ERROR', 'FATAL')) "
        "ORDER BY timestamp DESC LIMIT 100",
        [["2026-03-02T10:00:20.500000000Z", 'Payment refused {"code": 7}', "ERROR", {"user": "ann"}, TRACE]],
    ),
    "how many logs of each level": Question(
        'SELECT toStartOfInterval("Timestamp", INTERVAL 1 MINUTE) AS time, sum(toString("SeverityText") IN (\'error\', '
        "'ERROR', 'Error')) AS error, sum(SeverityText IN ('info', 'INFO', 'Info')) AS info, count(*) AS logs "
        f"FROM otel.otel_logs WHERE {RANGE} GROUP BY time ORDER BY time ASC",
        [["2026-03-02T10:00:00Z", "1", "1", "2"], ["2026-03-02T10:01:00Z", "0", "1", "1"]],
    ),
    "logs around one": Question(
        "SELECT Body, ServiceName FROM otel.otel_logs WHERE Timestamp <= fromUnixTimestamp64Nano("
        f"{T0 + 30}500000000) AND ServiceName = 'shop' AND ResourceAttributes['k8s.pod.name'] = 'p1' "
        "ORDER BY Timestamp DESC LIMIT 1",
        [["Payment done 100%", "shop"]],
    ),
    "a series by interval": Question(
        f"SELECT toStartOfInterval(toDateTime(Timestamp), INTERVAL 60 second) AS time, ServiceName, count() AS "
        f"spans, "
        "avg(Duration), quantile(0.95)(Duration), max(Duration), countIf(StatusCode = 'Error') / count() "
        f"FROM otel.otel_traces WHERE {RANGE} GROUP BY ServiceName, time ORDER BY time ASC",
        [
            ["2026-03-02T10:00:00Z", "shop", "2", 125e6, 192.5e6, "200000000", 0.5],
            ["2026-03-02T10:01:00Z", "shop", "1", 1e8, 1e8, "100000000", 0],
        ],
    ),
    "a series by milliseconds": Question(
        "SELECT toStartOfInterval(toDateTime64(Timestamp, 3), INTERVAL 60000 millisecond) AS time, count() FROM "
        "otel.otel_traces WHERE Timestamp >= " + RANGE_MS.format("Timestamp") + " GROUP BY time ORDER BY time",
        [["2026-03-02T10:00:00.000Z", "2"], ["2026-03-02T10:01:00.000Z", "1"]],
    ),
    "the window of a dashboard's date": Question(
        "SELECT uniq(TraceId), uniqExact(SpanName) FROM otel.otel_traces WHERE toDate(Timestamp) >= "
        "toDate('2026-03-02') AND "
        "toDate(Timestamp) <= toDate('2026-03-02')",
        [["2", "2"]],
    ),
    "a search by words": Question(
        "SELECT TimestampTime, Timestamp, ServiceName, SeverityText, Body FROM otel.otel_logs WHERE "
        "(TimestampTime >= "
        + RANGE_MS.format("TimestampTime")
        + ") AND ((hasToken(lower(Body), lower('payment')) AND hasAllTokens(lower(Body), 'refused') AND (lower(Body) "
        "LIKE "
        "lower('%Pay%'))) AND NOT (Body ILIKE '%nothing%')) ORDER BY (TimestampTime, Timestamp) DESC LIMIT 200 "
        "OFFSET 0",
        [["2026-03-02T10:00:20Z", "2026-03-02T10:00:20.500000000Z", "shop", "ERROR", 'Payment refused {"code": 7}']],
    ),
    "a histogram of a search, without gaps": Question(
        "SELECT count() AS n, SeverityText, toStartOfInterval(toDateTime(TimestampTime), INTERVAL 1 minute) AS "
        "bucket FROM "
        f"otel.otel_logs WHERE TimestampTime >= fromUnixTimestamp64Milli({T0 * 1000}) GROUP BY SeverityText, "
        f"bucket HAVING "
        "SeverityText = 'INFO' ORDER BY bucket WITH FILL FROM "
        "toUnixTimestamp(toStartOfInterval(fromUnixTimestamp64Milli("
        f"{T0 * 1000}), INTERVAL 1 minute)) TO toUnixTimestamp(toDateTime({T0 + 180})) STEP 60",
        [
            ["1", "INFO", "2026-03-02T10:00:00Z"],
            ["1", "INFO", "2026-03-02T10:01:00Z"],
            ["0", "", "2026-03-02T10:02:00Z"],
        ],
    ),
    "a row side by side": Question(
        "SELECT *, `Timestamp` AS `__at`, Body AS `__body`, TraceId AS `__trace`, SpanId AS `__span`, "
        "SeverityText AS "
        "`__severity`, LogAttributes AS `__attributes`, ResourceAttributes AS `__resource` FROM otel.otel_logs "
        "WHERE "
        "Timestamp = parseDateTime64BestEffort('2026-03-02T10:01:20.5Z', 9) AND cityHash64(Body) = "
        "cityHash64('Nothing') LIMIT 1",
        None,
    ),
    "values of the exporter's own columns": Question(
        "SELECT DISTINCT `__otel_materialized_k8s.pod.name` FROM otel.otel_logs WHERE "
        "`__otel_materialized_k8s.namespace.name` = '' LIMIT 20",
        [["p1"]],
    ),
    "keys of attributes": Question(
        "WITH sampled AS (SELECT ResourceAttributes.keys AS names FROM otel.otel_logs LIMIT 3000000) SELECT "
        "DISTINCT "
        "lowCardinalityKeys(arrayJoin(names)) AS key FROM sampled ORDER BY key LIMIT 1000",
        [[""], ["k8s.pod.name"], ["service.name"]],
    ),
    "keys at once": Question(
        "WITH sampled AS (SELECT SpanAttributes.keys AS names FROM otel.otel_traces LIMIT 1000) SELECT "
        "arraySort(groupUniqArrayArray(100)(names)) FROM sampled",
        [[["http.response.status_code", "http.route"]]],
    ),
    "values of an attribute": Question(
        "SELECT DISTINCT SpanAttributes['http.route'] AS value FROM otel.otel_traces WHERE value != '' LIMIT 20",
        [["/buy"]],
    ),
    "values of many": Question(
        "SELECT groupUniqArray(20)(ServiceName) AS p0, groupUniqArray(20)(toString(SpanKind)) AS p1 FROM "
        "(SELECT ServiceName, "
        "SpanKind FROM otel.otel_traces ORDER BY rand() LIMIT 10)",
        None,
    ),
    "a sample of rows": Question(
        "WITH counted AS (SELECT count() AS total FROM otel.otel_traces), (SELECT total FROM counted) AS all, "
        "greatest("
        "CAST(all / 100 AS UInt32), 1) AS factor SELECT count() FROM otel.otel_traces WHERE cityHash64(TraceId, "
        "SpanId) % "
        "factor = 0",
        [["3"]],
    ),
    "mutated attributes": Question(
        "SELECT mapContains(LogAttributes, 'user'), mapValues(LogAttributes), "
        "JSONExtractString(toJSONString(LogAttributes), "
        "'user'), JSONExtractInt(extract(Body, '[{].*'), 'code'), JSON_VALUE('{\"a\":\"b\"}', '$.a') FROM "
        "otel.otel_logs "
        "WHERE SeverityNumber >= 17 AND TraceFlags = 1 AND ScopeAttributes['sc'] = '1' AND isNotNull(EventName)",
        [[1, ["ann"], "ann", "7", "b"]],
    ),
    "spans as a tree with logs": Question(
        "SELECT TraceId, SpanId, Body FROM (SELECT TraceId, SpanId, SpanName AS Body, Timestamp FROM "
        "otel.otel_traces UNION ALL "
        "SELECT TraceId, SpanId, Body, Timestamp FROM otel.otel_logs) WHERE TraceId = '" + TRACE + "' AND Body "
        "!= '' "
        "ORDER BY Timestamp LIMIT 1 BY Body LIMIT 2",
        [[TRACE, "0" * 16, "GET /buy"], [TRACE, "0" * 15 + "1", "SELECT"]],
    ),
    "a heat map": Question(
        "WITH (SELECT max(Duration / 1e6) FROM otel.otel_traces) AS most SELECT widthBucket(Duration / 1e6, "
        "0.0, most, 10) AS "
        "bucket, count() AS n FROM otel.otel_traces GROUP BY bucket ORDER BY bucket",
        [[3, "1"], [6, "1"], [11, "1"]],
    ),
    "share of a status": Question(
        "SELECT countIf(toInt32OrZero(SpanAttributes['http.response.status_code']) >= 500) AS bad, "
        "quantileIf(0.5)(Duration, SpanKind = 'Server'), round(Duration / 1e6) AS ms, histogram(2)(Duration).1 "
        "FROM "
        "otel.otel_traces WHERE SpanKind IN ('Server', 'SPAN_KIND_SERVER') GROUP BY ms ORDER BY ms",
        None,
    ),
    "a gauge": Question(
        "SELECT quantile(0.5)(toFloat64OrDefault(toString(last))), bucket FROM (SELECT "
        "toStartOfInterval(toDateTime(TimeUnix), "
        "INTERVAL 5 minute) AS bucket, cityHash64(ScopeAttributes, ResourceAttributes, Attributes) AS series, "
        "argMax(Value, TimeUnix) AS last, any(MetricUnit), any(MetricDescription), any(Flags), "
        "any(ScopeDroppedAttrCount), "
        "any(ResourceSchemaUrl), any(ScopeSchemaUrl), any(StartTimeUnix) FROM otel.otel_metrics_gauge WHERE "
        "(TimeUnix >= "
        + RANGE_MS.format("TimeUnix")
        + ") AND MetricName = 'gauge' GROUP BY series, bucket) GROUP BY bucket ORDER BY bucket",
        [[2, "2026-03-02T10:00:00Z"]],
    ),
    "a counter's growth, resets included": Question(
        "WITH steps AS (SELECT *, cityHash64(mapConcat(ScopeAttributes, ResourceAttributes, Attributes)) AS "
        "series, "
        "any(Value) OVER (PARTITION BY series ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS "
        "before, "
        "row_number() OVER (PARTITION BY series ORDER BY TimeUnix) AS n, lagInFrame(toNullable(Value), 1, NULL) "
        "OVER "
        "(PARTITION BY series ORDER BY TimeUnix) AS lagged, multiIf(AggregationTemporality = 1, Value, n = 1, "
        "0, Value < before, "
        "Value, Value - before) AS grown FROM otel.otel_metrics_sum WHERE MetricName = 'sum' AND IsMonotonic) "
        "SELECT "
        "sum(grown), deltaSum(Value), max(lagged), last_value(Value) FROM (SELECT * FROM steps ORDER BY TimeUnix)",
        [[9, 5, 15, 4]],
    ),
    "a percentile of a histogram": Question(
        "WITH deltas AS (SELECT ExplicitBounds, CAST(BucketCounts AS Array(Int64)) AS counts, "
        "arrayResize(any(counts) OVER "
        "(ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING), length(counts)) AS before, "
        "cityHash64(ExplicitBounds) "
        "AS bounds, if(arrayExists(pair -> pair.2 < pair.1, arrayZip(before, counts)), counts, counts - before) "
        "AS grown FROM otel.otel_metrics_histogram WHERE MetricName = 'histogram'), summed AS (SELECT "
        "ExplicitBounds, "
        "sumForEach(grown) AS rates FROM deltas GROUP BY ExplicitBounds) SELECT "
        "arrayZipUnaligned(arrayCumSum(rates), "
        "ExplicitBounds) AS points, 0.5 * arraySum(rates) AS rank, arrayFirstIndex(pair -> pair.1 > rank, "
        "points) AS upper, "
        "points[upper - 1].2 + (points[upper].2 - points[upper - 1].2) * (rank - points[upper - 1].1) / "
        "(points[upper].1 - "
        "points[upper - 1].1) FROM summed",
        [[[["3", 0.1], ["9", 0.5], ["12", None]], 6, 2, 0.3]],
    ),
    "sizes of a histogram": Question(
        "SELECT max(Count), max(Sum), min(Min), max(Max), max(length(BucketCounts)), "
        "any(AggregationTemporality) FROM "
        "otel.otel_metrics_histogram",
        [["12", 6, 0.05, 0.9, "3", 2]],
    ),
    "an exponential histogram": Question(
        "SELECT Scale, ZeroCount, arrayMap(n -> pow(2, pow(2, -Scale) * (PositiveOffset + n)), "
        "arrayEnumerate(PositiveBucketCounts)) AS edges, arrayCumSum(PositiveBucketCounts), "
        "length(NegativeBucketCounts), "
        "NegativeOffset, Count, Sum, Min, Max FROM otel.otel_metrics_exponential_histogram",
        [[0, "1", [2, 4], ["2", "4"], "0", 0, "5", 9, 0, 4]],
    ),
    "a summary": Question(
        "SELECT quantile, value, Count, Sum FROM otel.otel_metrics_summary ARRAY JOIN ValueAtQuantiles.Quantile "
        "AS quantile, "
        "ValueAtQuantiles.Value AS value ORDER BY quantile",
        [[0.5, 0.4, "3", 1.5], [0.99, 0.9, "3", 1.5]],
    ),
    "exemplars": Question(
        "SELECT length(Exemplars.TraceId), length(Exemplars.SpanId), length(Exemplars.Value), "
        "length(Exemplars.TimeUnix), "
        "length(Exemplars.FilteredAttributes) FROM otel.otel_metrics_gauge LIMIT 1",
        [["0", "0", "0", "0", "0"]],
    ),
    "metrics there are": Question(
        "SELECT MetricName FROM otel.otel_metrics_gauge UNION DISTINCT SELECT MetricName FROM "
        "otel.otel_metrics_sum UNION DISTINCT "
        "SELECT MetricName FROM otel.otel_metrics_summary WHERE MetricName LIKE '%' LIMIT 10",
        None,
    ),
    "states of links": Question(
        "SELECT any(`Links.TraceState`[1]), any(`Links.Attributes`[1]['k']) FROM otel.otel_traces",
        [["", "v"]],
    ),
    "tables there are": Question(
        "SELECT database, name FROM system.tables WHERE (database != 'system') AND (name IN ('otel_logs', "
        "'otel_traces')) AND "
        "database = 'otel' ORDER BY database, name",
        [["otel", "otel_logs"], ["otel", "otel_traces"]],
    ),
    "what a table is": Question(
        "SELECT engine, partition_key != '', sorting_key != '', primary_key != '', create_table_query != '', "
        "engine_full != '', "
        "total_rows FROM system.tables WHERE database = 'otel' AND name = 'otel_logs' LIMIT 1",
        [["ReplacingMergeTree", 1, 1, 1, 1, 1, "3"]],
    ),
    "views onto a table": Question(
        "SELECT count() > 0 FROM system.tables WHERE engine = 'MaterializedView' AND create_table_query LIKE "
        "'%TO otel.%'",
        [[1]],
    ),
    "its indexes": Question(
        "SELECT name, type, type_full, expr, granularity FROM system.data_skipping_indices WHERE database = "
        "'otel' AND table = "
        "'otel_logs' AND name = 'idx_trace_id'",
        [["idx_trace_id", "bloom_filter", "bloom_filter(0.01)", "TraceId", "1"]],
    ),
    "its columns": Question(
        "SELECT name, type FROM system.columns WHERE database = 'otel' AND table = 'otel_traces' AND name LIKE "
        "'Span%' ORDER BY name",
        [
            ["SpanAttributes", "Map(LowCardinality(String), String)"],
            ["SpanId", "String"],
            ["SpanKind", "LowCardinality(String)"],
            ["SpanName", "LowCardinality(String)"],
        ],
    ),
    "its parts": Question(
        "SELECT sum(rows), sum(bytes_on_disk) > 0, min(min_time) > 0, any(partition) != '' FROM system.parts "
        "WHERE active AND "
        "database = 'otel' AND table = 'otel_logs'",
        None,
    ),
    "settings there are": Question(
        "SELECT name, value FROM system.settings WHERE name = 'use_skip_indexes_for_disjunctions'",
        [["use_skip_indexes_for_disjunctions", "1"]],
    ),
    "databases and functions": Question(
        "SELECT (SELECT count() FROM system.databases WHERE name = 'otel'), (SELECT count() FROM "
        "system.functions WHERE name = "
        "'hasToken')",
        [["1", "1"]],
    ),
    "what it would cost": Question("EXPLAIN ESTIMATE SELECT Body FROM otel.otel_logs WHERE ServiceName = 'shop'", None),
    "described": Question("DESCRIBE `otel`.`otel_traces`", None),
    "described as a table": Question("DESC TABLE otel.otel_metrics_sum", None),
    "who answers": Question("SELECT version(), timezone(), currentDatabase(), currentUser() != ''", None),
    "shown": Question("SHOW TABLES FROM otel", None),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An embedded ClickHouse with our schema and a few rows, and a database for the exporter's own."""
    folder = tmp_path_factory.mktemp("clickhouse") / "data"
    server = EmbeddedServer(folder, {"SIGHTGLASS_CLICKHOUSE_EXTRA_DATABASES": "theirs"}).start()
    settings = MigrateSettings(
        _env_file=None, clickhouse_url=server.url, data_dir=folder, raw_retention_days=3650
    )  # fmt: skip
    database = connect(settings)
    runner.migrate(database, settings)
    database.close()
    for table, rows in SEEDS.items():
        text = "\n".join(json.dumps(row) for row in rows)
        into = f"INSERT INTO otel.{table} SETTINGS input_format_import_nested_json = 0 FORMAT JSONEachRow\n{text}"
        server.ask("migrator", into)
    yield server
    server.stop()


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_hyperdx_asks(server, name):
    """Over HTTP as the reader, with the settings that it sends: the answer as JSON, its values worked out by hand."""
    sql, wanted = QUESTIONS[name]
    answer = server.post("reader", sql, **HYPERDX)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    found = [[row[column["name"]] for column in document["meta"]] for row in document["data"]]
    assert found if wanted is None else _plain(found) == _plain(wanted)


def _plain(rows):
    """Numbers as numbers, near enough."""
    return json.loads(json.dumps(rows), parse_float=lambda text: round(float(text), 3), parse_int=float)


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_grafana_asks(server, name):
    """The same in ClickHouse's Native format, as the plugin's client asks: every column's type is one that is known."""
    sql, wanted = QUESTIONS[name]
    answer = server.post("reader", sql, **GRAFANA)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-ClickHouse-Format"] == "Native"
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="reader", password=server.password("reader"), database="otel"
    )
    try:
        rows = client.query(sql).result_rows
    finally:
        client.close()
    assert rows if wanted is None else len(rows) == len(wanted)


def test_every_standard_table_is_asked():
    """The questions above read all of them, and every column of each."""
    text = " ".join(sql for sql, _ in QUESTIONS.values())
    assert [table for table in STANDARD if table not in text] == []
    columns = {column for rows in SEEDS.values() for column in rows[0]}
    assert sorted(column for column in columns if column not in text) == []


def test_names_and_types_are_the_exporters(server, tmp_path):
    """The exporter makes its own tables beside ours; every column of them is in ours under its name and type."""
    port = free_port()
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {
            "clickhouse": {
                "endpoint": server.url,
                "username": "migrator",
                "password": server.password("migrator"),
                "database": "theirs",
                "compress": "none",
                "create_schema": True,
                "sending_queue": {"enabled": False},
            }
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                signal: {"receivers": ["otlp"], "exporters": ["clickhouse"]} for signal in ("traces", "metrics", "logs")
            },
        },
    }
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(config))
    with (tmp_path / "collector.log").open("wb") as log:
        process = subprocess.Popen([binary_path(), "--config", str(path)], stdout=log, stderr=log)

    def listening() -> bool:
        assert process.poll() is None, (tmp_path / "collector.log").read_text()
        try:
            httpx.get(f"http://127.0.0.1:{port}", timeout=2)
        except httpx.TransportError:
            return False
        return True

    try:
        wait_until(listening, 60, "the Collector")
    finally:
        process.terminate()
        process.wait(20)
    theirs, ours = (_columns(server, database) for database in ("theirs", "otel"))
    assert sorted({table for table, _ in theirs} - {"otel_traces_trace_id_ts_mv"}) == sorted(STANDARD)
    different = {
        key: (kind, ours.get(key)) for key, kind in theirs.items() if key[0] in STANDARD and ours.get(key) != kind
    }
    # The same type with a rule how rows of one trace merge; it reads, and is sent, as the type within.
    assert different == {
        ("otel_traces_trace_id_ts", "Start"): ("DateTime", "SimpleAggregateFunction(min, DateTime)"),
        ("otel_traces_trace_id_ts", "End"): ("DateTime", "SimpleAggregateFunction(max, DateTime)"),
    }


def _columns(server, database) -> dict[tuple[str, str], str]:
    sql = "SELECT table, name, type FROM system.columns WHERE database = {database:String} FORMAT JSONCompactEachRow"
    rows = map(json.loads, server.ask("reader", sql, param_database=database).splitlines())
    return {(table, name): kind for table, name, kind in rows}
