"""The two schemas that are compared, each in an embedded ClickHouse of its own."""

import contextlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from benchmarks.history import generate
from benchmarks.ingest import password, password_file, pipeline
from services.monitoring_api.database import ClickHouseDatabase, Database
from services.monitoring_api.database.connection import Connection
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, PREDICTIONS_15M, REQUESTS_1M, REQUESTS_15M, Tier
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns

_PARTS = (
    "SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table"
)

LENGTH = timedelta(hours=26)
TIERS = (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M)
_TRACES_ASKED = 60
_PICKED = "SELECT TraceId FROM otel_traces WHERE SpanKind = 'Server' ORDER BY cityHash64(TraceId, 'x') LIMIT {n:UInt32}"


@dataclass(frozen=True)
class Arm:
    """One schema: a client to ask, one to write, and where it is."""

    reader: Client
    writer: Client
    folder: Path
    port: int

    def database(self, user: str) -> ClickHouseDatabase:
        """As the processes of ours ask."""
        return ClickHouseDatabase(
            Connection(
                url=f"http://127.0.0.1:{self.port}",
                database="otel",
                user=user,
                password_file=password_file(self.folder, user),
                pool_size=4,
                deadline_seconds=900.0,
                connect_timeout_seconds=5.0,
                client_name="benchmark",
                ca_file=None,
            )
        )

    def optimize(self) -> None:
        """Merge every table's parts into one."""
        for table in self.bytes_by_table():
            self.writer.command(f"OPTIMIZE TABLE `{table}` FINAL")

    def bytes_by_table(self) -> dict[str, int]:
        """What each table takes on disk."""
        return {str(table): int(size) for table, size in self.writer.query(_PARTS).result_rows}


def start(running: contextlib.ExitStack, name: str) -> Arm:
    """Start `ours`, migrated, or `default`, whose tables the exporter makes by itself."""
    folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
    ports, (_, collector) = running.enter_context(pipeline(folder, name))
    collector.terminate()  # it has made its tables
    clients = (
        clickhouse_connect.get_client(
            host="127.0.0.1",
            port=ports["clickhouse"],
            username=user,
            password=password(folder, user),
            database="otel" if name == "ours" else "default",
            send_receive_timeout=3_600,
        )
        for user in ("reader", "migrator")
    )
    return Arm(*clients, folder, ports["clickhouse"])


def fill(arm: Arm, spans: int, now: datetime, first: int = 0) -> None:
    """Insert so many spans over the time before now."""
    length = length_ns()
    generate.fill(arm.writer, spans=spans, start_ns=epoch_ns(now) - length, length_ns=length, first=first)


def length_ns() -> int:
    """How long the time is that is filled."""
    return int(LENGTH.total_seconds()) * NANOSECONDS


def picked_traces(arm: Arm) -> list[str]:
    """Ids of some traces, anywhere."""
    return [row[0] for row in arm.reader.query(_PICKED, parameters={"n": _TRACES_ASKED}).result_rows]


async def roll_up(ours: Arm) -> None:
    """Compute whatever is marked, as the maintenance process does."""
    database = ours.database("maintainer")
    for tier in TIERS:
        while await one_pass(database, tier, most_marks=500):
            pass
    await database.close()


async def one_pass(database: Database, tier: Tier, *, most_marks: int) -> int:
    """Compute some of what is marked of a tier; returns how many marks that were."""
    settle, kept = timedelta(seconds=10), timedelta(days=30)
    done = await recompute(database, tier, now=datetime.now(UTC), settle=settle, kept=kept, most_marks=most_marks)
    return done.marks
