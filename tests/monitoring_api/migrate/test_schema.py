"""The tables have what the exporter inserts and what others read."""

import pytest

from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.settings import MigrateSettings

MAP = "Map(LowCardinality(String), String)"
LOW = "LowCardinality(String)"
COMMON_METRIC = {
    "ResourceAttributes": MAP,
    "ResourceSchemaUrl": "String",
    "ScopeName": "String",
    "ScopeVersion": "String",
    "ScopeAttributes": MAP,
    "ScopeDroppedAttrCount": "UInt32",
    "ScopeSchemaUrl": "String",
    "ServiceName": LOW,
    "MetricName": LOW,
    "MetricDescription": "String",
    "MetricUnit": "String",
    "Attributes": MAP,
    "StartTimeUnix": "DateTime",
    "TimeUnix": "DateTime",
    "Flags": "UInt32",
}
EXEMPLARS = {
    "Exemplars.FilteredAttributes": f"Array({MAP})",
    "Exemplars.TimeUnix": "Array(DateTime)",
    "Exemplars.Value": "Array(Float64)",
    "Exemplars.SpanId": "Array(String)",
    "Exemplars.TraceId": "Array(String)",
}
NUMBER = COMMON_METRIC | EXEMPLARS | {"Value": "Float64"}
DISTRIBUTION = COMMON_METRIC | EXEMPLARS | {
    "Count": "UInt64",
    "Sum": "Float64",
    "Min": "Float64",
    "Max": "Float64",
    "AggregationTemporality": "Int32",
}  # fmt: skip
# Columns of the INSERT statements of clickhouseexporter 0.161.0, with the types of its own tables.
TRACES = {
    "Timestamp": "DateTime64(9)",
    "TraceId": "String",
    "SpanId": "String",
    "ParentSpanId": "String",
    "TraceState": "String",
    "SpanName": LOW,
    "SpanKind": LOW,
    "ServiceName": LOW,
    "ResourceAttributes": MAP,
    "ScopeName": "String",
    "ScopeVersion": "String",
    "SpanAttributes": MAP,
    "Duration": "UInt64",
    "StatusCode": LOW,
    "StatusMessage": "String",
    "Events.Timestamp": "Array(DateTime64(9))",
    "Events.Name": f"Array({LOW})",
    "Events.Attributes": f"Array({MAP})",
    "Links.TraceId": "Array(String)",
    "Links.SpanId": "Array(String)",
    "Links.TraceState": "Array(String)",
    "Links.Attributes": f"Array({MAP})",
}
EXPORTED = {
    "otel_traces": TRACES,
    "otel_traces_ingest": TRACES,
    "otel_logs": {
        "Timestamp": "DateTime64(9)",
        "TraceId": "String",
        "SpanId": "String",
        "TraceFlags": "UInt8",
        "SeverityText": LOW,
        "SeverityNumber": "UInt8",
        "ServiceName": LOW,
        "Body": "String",
        "ResourceSchemaUrl": LOW,
        "ResourceAttributes": MAP,
        "ScopeSchemaUrl": LOW,
        "ScopeName": "String",
        "ScopeVersion": LOW,
        "ScopeAttributes": MAP,
        "LogAttributes": MAP,
        "EventName": "String",
    },
    "otel_metrics_gauge": NUMBER,
    "otel_metrics_sum": NUMBER | {"AggregationTemporality": "Int32", "IsMonotonic": "Bool"},
    "otel_metrics_histogram": DISTRIBUTION | {"BucketCounts": "Array(UInt64)", "ExplicitBounds": "Array(Float64)"},
    "otel_metrics_exponential_histogram": DISTRIBUTION
    | {
        "Scale": "Int32",
        "ZeroCount": "UInt64",
        "PositiveOffset": "Int32",
        "PositiveBucketCounts": "Array(UInt64)",
        "NegativeOffset": "Int32",
        "NegativeBucketCounts": "Array(UInt64)",
    },
    "otel_metrics_summary": COMMON_METRIC
    | {
        "Count": "UInt64",
        "Sum": "Float64",
        "ValueAtQuantiles.Quantile": "Array(Float64)",
        "ValueAtQuantiles.Value": "Array(Float64)",
    },
    "otel_traces_trace_id_ts": {
        "TraceId": "String",
        "Start": "SimpleAggregateFunction(min, DateTime)",
        "End": "SimpleAggregateFunction(max, DateTime)",
    },
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """An engine with the shipped schema."""
    from tests.monitoring_api.migrate.chdb_database import ChdbDatabase

    database = ChdbDatabase(tmp_path_factory.mktemp("schema") / "chdb")
    runner.migrate(database, MigrateSettings(_env_file=None))
    yield database
    database.close()


@pytest.mark.parametrize("table", EXPORTED)
def test_every_column_that_the_exporter_inserts(migrated, table):
    """Same names, same types."""
    rows = migrated.rows(f"SELECT name, type FROM system.columns WHERE database = 'otel' AND table = '{table}'")
    columns = dict(rows)
    assert {name: columns.get(name) for name in EXPORTED[table]} == EXPORTED[table]


def test_a_log_without_an_event_name_column_takes_it_from_its_attribute(migrated):
    """An exporter that never saw the column EventName still stores events as events."""
    migrated.execute(
        "INSERT INTO otel.otel_logs (Timestamp, LogAttributes, Body) VALUES "
        "(now64(9), {'event.name': 'ml.prediction', 'ml.prediction.id': 'x'}, '{}')"
    )
    assert migrated.rows("SELECT EventName FROM otel.otel_logs") == [["ml.prediction"]]
    assert migrated.rows("SELECT count() FROM otel.predictions WHERE PredictionId = 'x'") == [[1]]


def test_ids_made_by_the_library_lie_in_partitions_by_month(migrated):
    """A UUIDv7 names its month; any other id, however strange, has a partition too."""
    ids = {"0193a5e0-0000-7000-8000-000000000000": "202412", "not-a-uuid": "197001", "4": "197001"}
    for each in ids:
        migrated.execute(f"INSERT INTO otel.predictions_data (PredictionId, Timestamp) VALUES ('{each}', now64(9))")
    rows = migrated.rows("SELECT PredictionId, _partition_id FROM otel.predictions_data WHERE PredictionId != 'x'")
    assert dict(rows) == ids
