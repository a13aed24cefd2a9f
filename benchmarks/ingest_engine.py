"""Where the engine's time goes as spans come in: our tables and the exporter's, part by part, without the Collector.

Each arm is an engine of its own in memory, given the same blocks of 5,000 spans, each a trace of its own, while merges
are held back; then everything is merged once. CPU seconds for a million spans, of the process itself.

    python -m benchmarks.ingest_engine [--spans 200000] [--rounds 3]
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import chdb

from benchmarks import report
from services.monitoring_api.migrate.files import load
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import SCHEMA_DIR

_BLOCK: Final = 5_000
_KEY: Final = "ORDER BY (ServiceName, Minute, TraceId, Timestamp, SpanId)"
_COLUMNS: Final = (
    "Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, "
    "ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage"
)
# What is changed of our tables, and of the session that inserts.
_ARMS: Final[Mapping[str, tuple[str, str]]] = {
    "the exporter's tables": ("", ""),
    "ours": ("", ""),
    "ours, not deduplicated on insert": ("", "SET optimize_on_insert = 0"),
    "ours, the time before the trace in the key": (
        "ORDER BY (ServiceName, Minute, Timestamp, TraceId, SpanId)",
        "",
    ),
}
_DEFAULT: Final = (
    """CREATE TABLE otel.otel_traces (
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)), SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)), SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))""",
    """CREATE TABLE otel.otel_traces_trace_id_ts (
    TraceId String CODEC(ZSTD(1)), Start DateTime CODEC(Delta, ZSTD(1)), End DateTime CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Start) ORDER BY (TraceId, Start)""",
    """CREATE MATERIALIZED VIEW otel.otel_traces_trace_id_ts_mv TO otel.otel_traces_trace_id_ts AS
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel.otel_traces WHERE TraceId != '' GROUP BY TraceId""",
)
_ROWS: Final = """SELECT
    fromUnixTimestamp64Nano(toInt64({base} + number * 20000)) AS Timestamp,
    lower(hex(sipHash128(number, 1))) AS TraceId, lower(hex(sipHash64(number, 2))) AS SpanId,
    '' AS ParentSpanId, '' AS TraceState, toLowCardinality('POST /v1/predict') AS SpanName,
    toLowCardinality('Server') AS SpanKind, toLowCardinality('ml-api') AS ServiceName,
    map('service.name', 'ml-api', 'service.version', '1.4.2', 'host.name', 'node-17', 'os.type', 'linux',
        'service.instance.id', '0b1f0f6e-6d1d-7e5a-9c39-3a8c0a3b0c11', 'telemetry.sdk.language', 'python',
        'telemetry.sdk.version', '1.45.2', 'deployment.environment.name', 'production'
    )::Map(LowCardinality(String), String) AS ResourceAttributes,
    'sightglass' AS ScopeName, '0.1.0' AS ScopeVersion,
    map('http.request.method', 'POST', 'http.route', concat('/v1/', toString(sipHash64(number, 3) % 3)),
        'http.response.status_code', if(sipHash64(number, 4) % 100 < 97, '200', '500'), 'url.scheme', 'http',
        'url.path', '/v1/predict', 'network.protocol.version', '1.1', 'server.address', 'ml.internal',
        'server.port', '8002', 'client.address', IPv4NumToString(toUInt32(sipHash64(number, 5))),
        'user_agent.original', 'python-httpx/0.28.1',
        'ml.model.version', concat('v', toString(sipHash64(number, 7) % 3))
    )::Map(LowCardinality(String), String) AS SpanAttributes,
    toUInt64(exp(15 + 2.4 * (sipHash64(number, 8) % 1000000) / 1000000)) AS Duration,
    toLowCardinality('Unset') AS StatusCode, '' AS StatusMessage
FROM numbers({first}, {count})"""


def main() -> None:
    """Run every arm in every round, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arm", choices=list(_ARMS), help="Only this one, here; prints its figures.")
    given = parser.parse_args()
    if given.arm:
        print(json.dumps(_measure(given.arm, given.spans)))
        return
    on = report.machine()
    rounds: list[dict[str, dict[str, float]]] = []
    for _ in range(given.rounds):
        found = {}
        for arm in random.sample(list(_ARMS), len(_ARMS)):
            command = [sys.executable, "-m", "benchmarks.ingest_engine", "--arm", arm, "--spans", str(given.spans)]
            found[arm] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rounds.append(found)
    lines = [
        f"Engine CPU seconds for a million spans, {given.spans:,} in blocks of {_BLOCK:,}",
        f"({given.rounds} rounds, median and quartiles)",
        "",
        f"{'':<46}{'inserts':>24}{'merging them once':>24}",
    ]
    for arm in _ARMS:
        spread = {name: report.Spread.of([each[arm][name] for each in rounds]) for name in ("inserts", "merge")}
        lines.append(f"{arm:<46}{spread['inserts'].text('.1f'):>24}{spread['merge'].text('.1f'):>24}")
    report.keep("ingest_engine", "\n".join(lines), {"spans": given.spans, "rounds": rounds}, on)


def _measure(arm: str, spans: int) -> dict[str, float]:
    key, session = _ARMS[arm]
    base = int(time.time()) // 86_400 * 86_400 * 10**9 - 6 * 3_600 * 10**9
    engine = chdb.connect(":memory:")
    blocks = [
        engine.query(_ROWS.format(base=base, first=first, count=_BLOCK), "Native").bytes()
        for first in range(0, spans, _BLOCK)
    ]
    engine.query("CREATE DATABASE otel")
    for statement in _DEFAULT if arm == "the exporter's tables" else _ours(key):
        engine.query(statement)
    into = "otel.otel_traces" if arm == "the exporter's tables" else "otel.otel_traces_ingest"
    engine.query("USE otel")
    engine.query("SYSTEM STOP MERGES")
    if session:
        engine.query(session)
    begun = time.process_time()
    for block in blocks:
        _insert(engine, into, block)
    inserted = time.process_time()
    engine.query("SYSTEM START MERGES")
    for table in ("otel_traces", "otel_traces_trace_id_ts" if into == "otel.otel_traces" else "rollup_dirty"):
        engine.query(f"OPTIMIZE TABLE otel.{table} FINAL")
    merged = time.process_time()
    engine.close()
    return {"inserts": (inserted - begun) / spans * 1e6, "merge": (merged - inserted) / spans * 1e6}


def _insert(engine: Any, into: str, block: bytes) -> None:
    stream = engine.send_insert(f"INSERT INTO {into} ({_COLUMNS})", "Native")
    stream.append(block)
    stream.finish()


def _ours(key: str) -> list[str]:
    statements = [each for file in load(SCHEMA_DIR) for each in render(file.template, Target("otel", 3_650, 3_650))]
    return [each.replace(_KEY, key) for each in statements] if key else statements


if __name__ == "__main__":
    main()
