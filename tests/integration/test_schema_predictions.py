"""Predictions and labels in ClickHouse: types kept, identities counted once, every label version kept."""

import json
import threading
import time

import pytest

from tests.collector import otlp
from tests.collector.pipeline import Pipeline

pytestmark = pytest.mark.integration

SIX_WAYS = {
    "number": ({"x": 1}, {}, "1"),
    "text": ({"x": "1"}, {}, '"1"'),
    "true": ({"x": True}, {}, "true"),
    "null": ({"x": None}, {}, "null"),
    "nan": ({}, {"x": "nan"}, ""),
    "absent": ({}, {}, ""),
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """One pipeline for all."""
    with Pipeline(tmp_path_factory.mktemp("schema")) as pipeline:
        yield pipeline.start()


def stop_merges(pipeline, table):
    """Keeps background merges from hiding what the views have to do."""
    pipeline.query(f"ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1", "migrator")


@pytest.mark.parametrize("form", ["text", "spaced", "map"])
def test_six_kinds_of_value_stay_six(pipeline, form):
    """Number 1, "1", true, null, NaN and absent stay apart all the way, in a JSON string and in a map."""
    for name, (features, nonfinite, _) in SIX_WAYS.items():
        body = {"features": features, "nonfinite": nonfinite, "scores": {"late": 0.25, "on_time": 0.75}}
        if form != "map":
            separators = (",", ":") if form == "text" else (", ", ": ")
            body = json.dumps(body, separators=separators)
        otlp.send(pipeline.otlp, otlp.logs(otlp.prediction(f"{form}-{name}", body, ml__prediction__score=0.25)))
    pipeline.wait_for(f"SELECT count() FROM predictions WHERE PredictionId LIKE '{form}-%'", "6")
    rows = pipeline.query(
        "SELECT splitByChar('-', PredictionId)[2] AS name, JSONExtractRaw(Features, 'x') AS value, "
        f"FeaturesNonfinite['x'] AS odd, Scores FROM predictions WHERE PredictionId LIKE '{form}-%' FORMAT JSONEachRow"
    )
    stored = {row["name"]: row for row in map(json.loads, rows.split("\n"))}
    assert {name: stored[name]["value"] for name in SIX_WAYS} == {name: raw for name, (*_, raw) in SIX_WAYS.items()}
    assert {name: stored[name]["odd"] for name in SIX_WAYS} == dict.fromkeys(SIX_WAYS, "") | {"nan": "nan"}
    assert stored["number"]["Scores"] == {"late": 0.25, "on_time": 0.75}


def test_features_are_kept_letter_by_letter(pipeline):
    """Numbers are not written anew: 1.0 stays 1.0, and an integer beyond 64 bits stays a number."""
    features = '{ "big": 123456789012345678901234567890, "f": 1.0, "e": 1e5, "s": "}\\"{" ,"features": {"x": [1, 2]} }'
    otlp.send(pipeline.otlp, otlp.logs(otlp.prediction("letters", f'{{"scores": {{}}, "features" : {features}}}')))
    pipeline.wait_for("SELECT count() FROM predictions WHERE PredictionId = 'letters'", "1")
    row = pipeline.query("SELECT Features FROM predictions WHERE PredictionId = 'letters' FORMAT JSONEachRow")
    assert json.loads(row)["Features"] == features


def test_every_column_of_a_prediction_is_filled(pipeline):
    """Each attribute of the event has its typed column."""
    record = otlp.prediction(
        "whole",
        '{"features":{"a":1}}',
        ml__model__name="flight-delay",
        ml__prediction__score=0.75,
        ml__prediction__value=12.5,
        ml__prediction__positive=True,
        ml__prediction__duration=0.002,
        ml__features__source="fallback",
        ml__variant="shadow",
        ml__entity__id="e1",
        ml__replayed=True,
        at=1_790_000_000_123_456_789,
    )
    record.trace_id, record.span_id = b"1" * 16, b"2" * 8
    otlp.send(pipeline.otlp, otlp.logs(record, resource={"service.instance.id": "i1"}))
    pipeline.wait_for("SELECT count() FROM predictions WHERE PredictionId = 'whole'", "1")
    row = json.loads(
        pipeline.query("SELECT * EXCEPT (ArrivedAt) FROM predictions WHERE PredictionId = 'whole' FORMAT JSONEachRow")
    )
    assert row == {
        "PredictionId": "whole",
        "Timestamp": "2026-09-21 14:13:20.123456789",
        "ModelName": "flight-delay",
        "ModelVersion": "v1",
        "Variant": "shadow",
        "Task": "binary",
        "Label": "yes",
        "Score": 0.75,
        "Value": 12.5,
        "Positive": True,
        "Scores": {},
        "Features": '{"a":1}',
        "FeaturesNonfinite": {},
        "FeaturesSource": "fallback",
        "EntityId": "e1",
        "DurationSeconds": 0.002,
        "TraceId": (b"1" * 16).hex(),
        "SpanId": (b"2" * 8).hex(),
        "ServiceName": "tests",
        "ServiceInstanceId": "i1",
        "Replayed": True,
    }


def test_a_prediction_delivered_twice_is_one_row_also_unmerged(pipeline):
    """The same identity twice, even at another time, is one row, the first to arrive; a shadow is its own row."""
    table = "predictions_data"
    stop_merges(pipeline, table)
    hour = 3_600 * 10**9
    now = time.time_ns()
    for round_, at in enumerate((now, now, now - 30 * 24 * hour)):
        sent = [otlp.prediction(f"twice-{n}", f'{{"features":{{"round":{round_}}}}}', at=at) for n in range(50)]
        sent += [otlp.prediction(f"twice-{n}", at=at, ml__variant="shadow") for n in range(10)]
        otlp.send(pipeline.otlp, otlp.logs(*sent))
        raw = f"SELECT count() FROM {table} WHERE PredictionId LIKE 'twice-%'"
        pipeline.wait_for(raw, str(60 * (round_ + 1)))
    parts = f"SELECT count() > 1 FROM system.parts WHERE table = '{table}' AND active"
    assert pipeline.query(parts, "migrator") == "1"
    count = (
        "SELECT count(), uniqExact(PredictionId) FROM predictions WHERE PredictionId LIKE 'twice-%' AND Variant = '{}'"
    )
    assert pipeline.query(count.format("champion")) == "50\t50"
    assert pipeline.query(count.format("shadow")) == "10\t10"
    first = "SELECT DISTINCT Features FROM predictions WHERE PredictionId LIKE 'twice-%' AND Variant = 'champion'"
    assert pipeline.query(first) == '{"round":0}'
    # A question about the other time does not find the later delivery either.
    early = "SELECT count() FROM predictions WHERE PredictionId LIKE 'twice-%' AND Timestamp < now() - INTERVAL 20 DAY"
    assert pipeline.query(early) == "0"
    pipeline.query(f"ALTER TABLE {table} RESET SETTING max_bytes_to_merge_at_max_space_in_pool", "migrator")
    pipeline.query(f"OPTIMIZE TABLE {table} FINAL", "migrator")
    assert pipeline.query(count.format("champion")) == "50\t50"
    assert pipeline.query(first) == '{"round":0}'


def test_every_version_of_a_label_is_kept_and_the_last_one_holds(pipeline):
    """Distinct (id, observed, value) are rows, each with its first arrival; the last observed one holds."""
    rows = [
        ("l1", "on_time", "2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z"),
        ("l1", "late", "2026-11-01T12:00:00+00:00", "2026-11-01T13:00:00Z"),
        ("l1", "on_time", "2026-11-01T10:00:00Z", "2026-11-01T14:00:00Z"),
        ("l2", 17.5, "1761998400", "1762002000.5"),
    ]
    for prediction_id, value, observed, arrived in rows:
        event = otlp.label(prediction_id, value, observed, ml__label__arrived_at=arrived)
        otlp.send(pipeline.otlp, otlp.logs(event))
    pipeline.wait_for("SELECT count() FROM labels WHERE PredictionId IN ('l1', 'l2')", "3")
    stored = pipeline.query(
        "SELECT PredictionId, Value, ObservedAt, ArrivedAt FROM labels WHERE PredictionId IN ('l1', 'l2') ORDER BY ALL"
    )
    assert stored.split("\n") == [
        "l1\tlate\t2026-11-01 12:00:00.000000000\t2026-11-01 13:00:00.000000",
        "l1\ton_time\t2026-11-01 10:00:00.000000000\t2026-11-01 11:00:00.000000",
        "l2\t17.5\t2025-11-01 12:00:00.000000000\t2025-11-01 13:00:00.500000",
    ]
    latest = "SELECT PredictionId, Value FROM labels_latest WHERE PredictionId IN ('l1', 'l2') ORDER BY PredictionId"
    assert pipeline.query(latest) == "l1\tlate\nl2\t17.5"


def test_a_label_without_a_readable_time_takes_the_time_of_its_event(pipeline):
    """An observation time that cannot be read counts as not given; without an arrival time the insertion counts."""
    at = 1_790_000_000_000_000_000
    events = [otlp.label(f"t{n}", "yes", text, at=at) for n, text in enumerate(["", "soon", "9999-01-01T00:00:00Z"])]
    otlp.send(pipeline.otlp, otlp.logs(*events))
    pipeline.wait_for("SELECT count() FROM labels WHERE PredictionId IN ('t0', 't1', 't2')", "3")
    times = (
        "SELECT DISTINCT ObservedAt, ArrivedAt BETWEEN now() - INTERVAL 1 MINUTE AND now() + INTERVAL 1 MINUTE "
        "FROM labels WHERE PredictionId IN ('t0', 't1', 't2')"
    )
    assert pipeline.query(times) == "2026-09-21 14:13:20.000000000\t1"


def test_a_span_delivered_twice_is_one_and_marks_its_minutes(pipeline):
    """`otel_traces FINAL` counts by identity, the lookup finds the trace, each insert marks its minutes."""
    start = 1_795_000_000 * 10**9
    message = otlp.spans(
        otlp.span(50_000, start=start, attributes={"http.route": "/x", "http.response.status_code": 503}),
        otlp.span(50_001, start=start + 60 * 10**9),
    )
    stop_merges(pipeline, "otel_traces")
    where = f"Timestamp BETWEEN fromUnixTimestamp({start // 10**9}) AND fromUnixTimestamp({start // 10**9 + 120})"
    for rows in ("2", "4"):
        otlp.send(pipeline.otlp, message)
        pipeline.wait_for(f"SELECT count() FROM otel_traces WHERE {where}", rows)
    assert pipeline.query(f"SELECT count() FROM otel_traces FINAL WHERE {where}") == "2"
    typed = f"SELECT DISTINCT HttpRoute, HttpStatusCode FROM otel_traces WHERE {where} AND HttpRoute != ''"
    assert pipeline.query(typed) == "/x\t503"
    trace_id = (50_001).to_bytes(16, "big").hex()
    times = "toUnixTimestamp(min(Start)), toUnixTimestamp(max(End))"
    lookup = f"SELECT {times} FROM otel_traces_trace_id_ts WHERE TraceId = '{trace_id}'"
    assert pipeline.query(lookup) == f"{start // 10**9}\t{start // 10**9}"
    marks = (
        "SELECT uniqExact(Minute), count() = uniqExact(Id) FROM rollup_dirty "
        "WHERE Kind = 'requests' AND toDate(Minute) = '2026-11-18'"
    )
    assert pipeline.query(marks) == "2\t1"


def test_two_migrations_at_once_make_one_schema(tmp_path):
    """Of runners that start together one applies everything, and the others find nothing left to do."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start_clickhouse()
        outcomes = []
        threads = [threading.Thread(target=lambda: outcomes.append(pipeline.migrate())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        assert sorted(len(outcome.applied) for outcome in outcomes) == [0, 0, outcomes[0].version]
        versions = "SELECT count(), max(version) FROM otel.schema_migrations"
        assert pipeline.query(versions, "migrator") == f"{outcomes[0].version}\t{outcomes[0].version}"
        assert pipeline.migrate().statements == []


def test_retention_follows_the_settings(tmp_path):
    """A changed setting changes the TTLs of the tables that it concerns, and no others, once."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start_clickhouse()
        pipeline.migrate()
        changed = pipeline.migrate(raw_retention_days=7).retention_changed
        assert "otel_traces" in changed
        assert "predictions_data" not in changed
        query = (
            "SELECT create_table_query LIKE '%toIntervalDay(7)%' FROM system.tables "
            "WHERE database = 'otel' AND name = 'otel_logs'"
        )
        assert pipeline.query(query, "migrator") == "1"
        assert pipeline.migrate(raw_retention_days=7).retention_changed == []
