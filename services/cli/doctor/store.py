"""Checks of ClickHouse: that it answers, its schema, its disk, and what was stored twice."""

from pathlib import Path

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import Reach
from services.monitoring_api.migrate import files, ledger
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.settings import SCHEMA_DIR

_GIB = 1 << 30
_LITTLE, _VERY_LITTLE = 0.15, 0.05
_MANY_DUPLICATES = 0.01

_APPLIED = "SELECT version, checksum FROM schema_migrations FINAL ORDER BY version"
_DISKS = (
    "SELECT name, toUInt64(free_space), toUInt64(total_space) FROM system.disks WHERE total_space > 0 ORDER BY name"
)
_DUPLICATES = """SELECT toUInt64(count()), toUInt64(uniqExact(TraceId, SpanId))
FROM otel_traces
WHERE Timestamp >= now() - INTERVAL 15 MINUTE
    AND Minute >= toStartOfMinute(now() - INTERVAL 15 MINUTE)"""


def check_query(reach: Reach) -> Check:
    """ClickHouse answers the reader, and says its version."""
    version = reach.rows("SELECT version()")[0][0]
    return Check("clickhouse query", Verdict.OK, f"ClickHouse {version} answers the user {reach.reader.user}")


def check_schema(reach: Reach, folder: Path = SCHEMA_DIR) -> Check:
    """The schema is the one that this version of Sightglass has."""
    known = files.load(folder)
    applied = {int(version): str(checksum) for version, checksum in reach.rows(_APPLIED)}
    try:
        due = ledger.pending(known, applied)
    except MigrationError as error:
        return Check("schema", Verdict.FAILED, str(error), "Run the version of Sightglass that wrote the schema.")
    if due:
        names = ", ".join(f"{migration.version:04d}_{migration.name}" for migration in due)
        return Check("schema", Verdict.FAILED, f"version {max(applied, default=0)}; due: {names}", "sightglass migrate")
    return Check("schema", Verdict.OK, f"version {max(applied)}, nothing is due")


def check_disks(reach: Reach) -> Check:
    """ClickHouse's own disks have room."""
    disks = [(str(name), int(free), int(total)) for name, free, total in reach.rows(_DISKS)]
    if not disks:
        return Check("clickhouse disk", Verdict.SKIPPED, "ClickHouse does not say")
    name, free, total = min(disks, key=lambda disk: disk[1] / disk[2])
    found = f"{free / _GIB:.1f} GiB of {total / _GIB:.1f} GiB free on its disk {name}"
    remedy = (
        "Free some space, keep raw data for fewer days (SIGHTGLASS_MAINTENANCE_RAW_RETENTION_DAYS, then `sightglass "
        "migrate`), or move ClickHouse to a larger disk. Meanwhile the Collector keeps in its queue what it "
        "can't store."
    )
    if free < _VERY_LITTLE * total:
        return Check("clickhouse disk", Verdict.FAILED, found, remedy)
    return Check("clickhouse disk", Verdict.WARNING if free < _LITTLE * total else Verdict.OK, found, remedy)


def check_duplicates(reach: Reach) -> Check:
    """Few spans are stored twice; none counts twice."""
    rows, distinct = (int(figure) for figure in reach.rows(_DUPLICATES)[0])
    twice = rows - distinct
    found = f"{twice} of {rows} spans of the last 15 minutes are stored more than once, and counted once"
    if rows and twice > _MANY_DUPLICATES * rows:
        return Check(
            "duplicates",
            Verdict.WARNING,
            found,
            "Deliveries are repeated because answers come late: look at the checks `collector queue` and `ingest lag`. "
            "Figures stay right, and merges remove the rows.",
        )
    return Check("duplicates", Verdict.OK, found)
